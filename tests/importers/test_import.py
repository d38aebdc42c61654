"""Imports into a database: once and not twice, dated, resumable, and all or nothing a batch."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

import datamem
from datamem.errors import DatamemError, ImportFileError
from datamem.importers import (
    ImportReport,
    import_batches,
    import_file,
    read_locomo,
    sample_path,
)

MESSAGES = "[:find (count ?m) . :where [?m :message/id]]"


def day(month: int, number: int) -> datetime:
    return datetime(2023, month, number, tzinfo=UTC)


def spoken(month: str, number: int) -> str:
    return f"9:30 am on {number} {month}, 2023"


@pytest.fixture
def conn():
    with datamem.connect() as conn:
        yield conn


@pytest.fixture
def talk(tmp_path):
    """Two conversations, three sessions; two of them at the same minute."""

    def turns(*said: tuple[str, str]) -> list[dict[str, str]]:
        return [
            {"speaker": who, "dia_id": f"D{n}:{text}", "text": text}
            for n, (who, text) in enumerate(said)
        ]

    samples = [
        {
            "sample_id": "one",
            "conversation": {
                "speaker_a": "Ana",
                "speaker_b": "Ben",
                "session_1_date_time": spoken("May", 8),
                "session_1": turns(("Ana", "hello"), ("Ben", "hi")),
                "session_2_date_time": spoken("July", 1),
                "session_2": turns(("Ana", "again")),
            },
        },
        {
            "sample_id": "two",
            "conversation": {
                "speaker_a": "Ana",
                "speaker_b": "Cleo",
                "session_1_date_time": spoken("May", 8),
                "session_1": turns(("Cleo", "hey")),
            },
        },
    ]
    path = tmp_path / "talk.json"
    path.write_text(json.dumps(samples))
    return path


def test_a_second_import_adds_nothing(conn, talk) -> None:
    first = import_file(conn, talk)
    assert (first.batches, first.transactions) == (3, 3)
    t = conn.db.basis_t
    second = import_file(conn, talk)
    assert (second.batches, second.transactions, second.datoms) == (3, 0, 0)
    assert second.known_count == second.entities
    assert conn.db.basis_t == t


def test_as_of_a_date_shows_what_had_been_said_by_then(conn, talk) -> None:
    import_file(conn, talk)
    assert conn.db.as_of(day(5, 8)).q(MESSAGES) is None
    assert conn.db.as_of(day(5, 9)).q(MESSAGES) == 3
    assert conn.db.as_of(day(7, 2)).q(MESSAGES) == 4
    assert conn.db.as_of(day(5, 9)).q("[:find (count ?u) . :where [?u :user/id]]") == 4


def test_people_of_one_name_in_two_conversations_are_two_people(conn, talk) -> None:
    import_file(conn, talk)
    assert conn.db.q('[:find (count ?u) . :where [?u :user/name "Ana"]]') == 2


def test_a_database_past_the_dates_keeps_its_own_time_and_says_so(conn, talk) -> None:
    conn.transact([{"note/text": "this database lives in the present"}])
    report = import_file(conn, talk)
    assert report.undated_count == 3
    assert conn.db.as_of(day(7, 2)).q(MESSAGES) is None
    found = conn.db.q("[:find [?at ...] :where [?s :session/created-at ?at]]")
    assert min(found).date() == day(5, 8).date()


def test_an_interrupted_import_goes_on_where_it_stopped(talk) -> None:
    """Model: stopping after any batch and importing again equals importing once."""
    with datamem.connect() as whole:
        import_file(whole, talk)
        wanted = set(
            whole.db.q(
                "[:find ?id ?at :where [?m :message/id ?id ?tx] [?tx :db/txInstant ?at]]"
            )
        )
    for stop in range(4):
        with datamem.connect() as conn:

            def interrupt(done_count: int, total_count: int, stop: int = stop) -> None:
                if done_count == stop:
                    raise KeyboardInterrupt

            try:
                import_file(conn, talk, progress=interrupt)
            except KeyboardInterrupt:
                assert stop > 0
            import_file(conn, talk)
            query = "[:find ?id ?at :where [?m :message/id ?id ?tx] [?tx :db/txInstant ?at]]"
            assert set(conn.db.q(query)) == wanted


def test_a_session_that_has_grown_brings_its_new_turns(conn, talk) -> None:
    import_file(conn, talk)
    samples = json.loads(talk.read_text())
    samples[0]["conversation"]["session_2"].append(
        {"speaker": "Ben", "dia_id": "D2:2", "text": "late"}
    )
    talk.write_text(json.dumps(samples))
    report = import_file(conn, talk)
    assert report.transactions == 1
    assert conn.db.q(MESSAGES) == 5


def test_transactions_say_what_they_imported(conn, talk) -> None:
    import_file(conn, talk, source="talks")
    query = "[:find ?source (count ?tx) :where [?tx :import/source ?source]]"
    assert conn.db.q(query) == {("talks", 3)}


def test_the_sample_imports_into_an_empty_database(conn) -> None:
    report = import_file(conn, sample_path())
    assert (report.format, report.transactions) == ("chat", 6)
    tools = conn.db.q(
        "[:find [?name ...] :where [?c :tool-call/name ?name] [?c :tool-call/result]]"
    )
    assert set(tools) == {"find_suppliers", "place_order", "send_message", "update_menu"}


def test_a_file_that_is_refused_changes_nothing_but_the_schema(conn, tmp_path) -> None:
    path = tmp_path / "broken.json"
    path.write_text('[{"conversation": {"speaker_a": "A"}}]')
    with pytest.raises(ImportFileError):
        import_file(conn, path, format="locomo")
    assert conn.db.q(MESSAGES) is None


def test_an_unknown_format_is_refused(conn, talk) -> None:
    with pytest.raises(ImportFileError) as refused:
        import_file(conn, talk, format="xml")
    assert refused.value.code == "import/unknown-format"


def test_batches_can_be_imported_alone(conn, talk) -> None:
    """The two halves of `import_file`, for programs that look at the batches in between."""
    import_file(conn, sample_path())
    report = import_batches(conn, read_locomo(talk), ImportReport("locomo", "locomo"))
    assert report.transactions == 3


class TestEntities:
    """EDN and JSON Lines, into a database with a schema of its own."""

    SCHEMA = """
    {:p/id {:db/valueType :db.type/string :db/unique :db.unique/identity}
     :p/friend {:db/valueType :db.type/ref :db/cardinality :db.cardinality/many}
     :p/at {:db/valueType :db.type/instant}
     :p/role {:db/valueType :db.type/keyword}}"""

    EXPORT = """
    [[{:db/id 17 :p/id "a" :p/age 30 :p/friend [{:db/id 19} {:db/id 18}]}]
     [{:db/id 18 :p/id "b" :p/at #inst "2024-01-01" :p/role :user}]
     [{:db/id 19 :p/age 7 :p/boss {:db/id 17} :p/nick ["x" "y"]}]]"""

    @pytest.fixture
    def conn(self):
        with datamem.connect(schema=self.SCHEMA) as conn:
            conn.transact([{"p/id": f"other {n}"} for n in range(40)])
            yield conn

    @pytest.fixture
    def export(self, tmp_path):
        path = tmp_path / "people.edn"
        path.write_text(self.EXPORT)
        return path

    def test_an_export_is_imported_once_under_new_ids(self, conn, export) -> None:
        assert import_file(conn, export).transactions == 1
        assert import_file(conn, export).transactions == 0
        ages = '[:find ?age :where [?a :p/id "a"] [?a :p/friend ?f] [?f :p/age ?age]]'
        assert conn.db.q(ages) == {(7,)}
        assert conn.db.q("[:find ?id . :where [?c :p/boss ?b] [?b :p/id ?id]]") == "a"
        assert set(conn.db.q("[:find [?n ...] :where [_ :p/nick ?n]]")) == {"x", "y"}

    def test_known_entities_take_up_what_is_new(self, conn, export) -> None:
        conn.transact([{"p/id": "b", "p/age": 99}])
        import_file(conn, export)
        query = '[:find [?age ?role] :where [?b :p/id "b"] [?b :p/age ?age] [?b :p/role ?role]]'
        assert list(conn.db.q(query)) == [99, ":user"]

    def test_two_files_of_one_source_refer_to_each_other(self, conn, tmp_path) -> None:
        first, second = tmp_path / "1.edn", tmp_path / "2.edn"
        first.write_text("[[{:db/id 1 :p/age 5 :p/boss {:db/id 2}}]]")
        second.write_text('[[{:db/id 2 :p/nick "Bo"}]]')
        import_file(conn, first, source="old")
        import_file(conn, second, source="old")
        assert (
            conn.db.q("[:find ?n . :where [?c :p/age 5] [?c :p/boss ?b] [?b :p/nick ?n]]")
            == "Bo"
        )

    def test_json_lines_are_read_by_the_types_of_the_schema(self, conn, tmp_path) -> None:
        path = tmp_path / "people.jsonl"
        rows = [
            {"p/id": "a", "p/at": "2024-01-01T00:00:00Z", ":p/role": ":user"},
            {"p/id": "b", "p/friend": [{"p/id": "a"}, ["p/id", "other 1"]]},
        ]
        path.write_text("\n".join(map(json.dumps, rows)))
        assert import_file(conn, path).transactions == 1
        assert import_file(conn, path).transactions == 0
        query = '[:find [?at ?role] :where [?a :p/id "a"] [?a :p/at ?at] [?a :p/role ?role]]'
        assert list(conn.db.q(query)) == [datetime(2024, 1, 1, tzinfo=UTC), ":user"]
        friends = '[:find [?id ...] :where [?b :p/id "b"] [?b :p/friend ?f] [?f :p/id ?id]]'
        assert set(conn.db.q(friends)) == {"a", "other 1"}

    def test_uuids_of_json_are_known_again(self, tmp_path) -> None:
        path = tmp_path / "users.jsonl"
        path.write_text('{"user/id": "00000000-0000-4000-8000-000000000001"}\n')
        with datamem.connect() as conn:
            assert import_file(conn, path).transactions == 1
            again = import_file(conn, path)
            assert (again.transactions, again.known_count) == (0, 1)

    def test_a_value_that_its_attribute_refuses_changes_nothing(self, conn, tmp_path) -> None:
        path = tmp_path / "people.jsonl"
        path.write_text('{"p/id": "new", "p/at": "some day"}\n')
        with pytest.raises(DatamemError) as refused:
            import_file(conn, path)
        assert refused.value.code == "schema/wrong-type"
        assert conn.db.q('[:find ?p . :where [?p :p/id "new"]]') is None

    def test_a_strict_database_refuses_unknown_attributes(self, tmp_path, export) -> None:
        with datamem.connect(schema=[self.SCHEMA, "strict"]) as strict:
            with pytest.raises(DatamemError) as refused:
                import_file(strict, export)
            assert refused.value.code.endswith("unknown-attribute")

    def test_many_entities_take_several_transactions(self, conn, tmp_path) -> None:
        """A ring of 2,500 entities without any identity of their own."""
        count = 2500
        rows = [f"[{{:db/id {n} :r/next {{:db/id {(n + 1) % count}}}}}]" for n in range(count)]
        path = tmp_path / "ring.edn"
        path.write_text(f"[{' '.join(rows)}]")
        first, second = import_file(conn, path), import_file(conn, path)
        assert (first.transactions, first.entities) == (3, count)
        assert (second.transactions, second.entities, second.known_count) == (0, count, count)
        assert conn.db.q("[:find (count ?a) . :where [?a :r/next ?b] [?b :r/next ?c]]") == count
