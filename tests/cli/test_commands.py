"""Every command: what it does, what it prints, and how it fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

NAMES = "[:find ?name :where [_ :p/name ?name]]"


@pytest.fixture
def people(datamem):
    """A database of three people in two transactions."""
    schema = "{:p/id {:db/valueType :db.type/string :db/unique :db.unique/identity}}"
    Path("schema.edn").write_text(schema)
    assert datamem("init", "--schema", "schema.edn").code == 0
    tx = '[{:p/id "a" :p/name "Ann" :p/age 30} {:p/id "b" :p/name "Bob" :p/age 40}]'
    assert datamem("transact", tx, "--meta", '{:tx/why "first"}').code == 0
    assert datamem("transact", '[{:p/id "c" :p/name "Cy"}]').code == 0
    return datamem


def test_init_makes_a_database_once(datamem) -> None:
    first = datamem("init", "--schema", "agent")
    assert first.code == 0
    assert "attributes" in first.out
    second = datamem("init")
    assert second.code == 1
    assert second.err.startswith("datamem: storage/exists: ")
    assert "\n  hint: " in second.err


def test_a_schema_that_is_refused_makes_nothing(datamem) -> None:
    Path("bad.edn").write_text("{:p/id {:db/valueType :db.type/strng}}")
    refused = datamem("init", "--schema", "bad.edn")
    assert refused.code == 1
    assert not Path("test.dm").exists()


def test_demo_needs_a_place_of_its_own(datamem) -> None:
    assert datamem("demo", "--db", "sample.dm").code == 0
    assert datamem("demo", "--db", "sample.dm").err.startswith("datamem: storage/exists")


def test_transactions_and_attributes_are_entities_too(people) -> None:
    assert ":db.type/string" in people("entity", ":p/id").out
    tx = json.loads(people("entity", '[:p/id "a"]', "--format", "json").out)[0]["t"] + 2**40
    assert "first" in people("entity", str(tx)).out


def test_init_strict_refuses_unknown_attributes(datamem) -> None:
    assert datamem("init", "--schema", "agent", "--strict").code == 0
    refused = datamem("transact", '[{:user/nam "Ann"}]')
    assert refused.code == 1
    assert ":user/name" in refused.err


def test_q_prints_a_table(people) -> None:
    said = people("q", "[:find ?name ?age :where [?p :p/name ?name] [?p :p/age ?age]]")
    lines = said.out.splitlines()
    assert lines[0].split() == ["?name", "?age"]
    assert {tuple(line.split()) for line in lines[2:]} == {("Ann", "30"), ("Bob", "40")}


def test_q_prints_json_edn_and_csv(people) -> None:
    rows = json.loads(people("q", NAMES, "--format", "json").out)
    assert sorted(rows) == [["Ann"], ["Bob"], ["Cy"]]
    edn = people("q", NAMES, "--format", "edn").out
    assert sorted(edn.replace("[", " ").replace("]", " ").split()) == ['"Ann"', '"Bob"', '"Cy"']
    csv = people("q", NAMES, "--format", "csv").out.splitlines()
    assert csv[0] == "?name"
    assert sorted(csv[1:]) == ["Ann", "Bob", "Cy"]


@pytest.mark.parametrize(
    ("find", "expected"),
    [
        ("?age .", 30),
        ("[?age ...]", [30]),
        ("[?name ?age]", ["Ann", 30]),
    ],
)
def test_q_prints_every_shape_of_find(people, find, expected) -> None:
    query = f'[:find {find} :where [?p :p/id "a"] [?p :p/name ?name] [?p :p/age ?age]]'
    assert json.loads(people("q", query, "--format", "json").out) == expected
    assert people("q", query).code == 0
    assert people("q", query, "--format", "csv").code == 0


def test_q_takes_inputs_as_edn_or_bare_words(people) -> None:
    query = "[:find ?age . :in $ ?name :where [?p :p/name ?name] [?p :p/age ?age]]"
    assert people("q", query, "Ann").out == "30\n"
    assert people("q", query, '"Bob"').out == "40\n"
    many = "[:find [?age ...] :in $ [?name ...] :where [?p :p/name ?name] [?p :p/age ?age]]"
    assert json.loads(people("q", many, '["Ann"]', "--format", "json").out) == [30]


def test_q_reads_standard_input_and_files(people, tmp_path) -> None:
    assert people("q", "-", "--format", "csv", stdin=NAMES).out.startswith("?name")
    (tmp_path / "question.edn").write_text(NAMES)
    assert people("q", "@question.edn", "--format", "csv").out.startswith("?name")


def test_q_answers_as_of_a_t(people) -> None:
    query = "[:find (count ?p) . :where [?p :p/name]]"
    t = int(json.loads(people("log", "--format", "json").out)[-1]["t"])
    assert people("q", query).out == "3\n"
    assert people("q", query, "--as-of", str(t - 1)).out == "2\n"
    assert people("q", query, "--as-of", "1999-01-01").out in {"", "0\n", "nil\n"}
    assert people("q", query, "--since", str(t - 1)).out == "1\n"


def test_q_explains(people) -> None:
    assert "?name" in people("q", NAMES, "--explain").out


def test_a_bad_query_is_an_error_with_its_place(people) -> None:
    said = people("q", "[:find ?name :where [_ :p/name ?nme]]")
    assert said.code == 1
    assert said.err.startswith("datamem: query/")
    assert "Traceback" not in said.err


def test_q_takes_rules_as_text_whose_mistakes_it_shows(people) -> None:
    query = "[:find [?n ...] :in $ % ?c :where (named ?n ?c)]"
    rules = "[[(named ?n ?c) [_ :p/name ?n] [({} ?n) ?c]]]"
    assert people("q", query, rules.format("count"), "2").out == "Cy\n"
    said = people("q", query, rules.format("cuont"), "2")
    assert said.code == 1
    assert f"{rules.format('cuont')}\n{' ' * 32}^" in said.err


def test_an_empty_answer_says_what_could_match_nothing(people) -> None:
    said = people("q", "[:find [?e ...] :where [?e :p/nmae ?n]]")
    assert (said.code, said.out) == (0, "")
    assert said.err.startswith("note: there is no attribute :p/nmae; did you mean :p/name")
    assert people("q", '[:find ?e . :where [?e :p/name "Nobody"]]').err == ""


def test_pull_and_entity(people) -> None:
    pulled = json.loads(
        people("pull", "[:p/name :p/age]", '[:p/id "a"]', "--format", "json").out
    )
    assert pulled == {":p/name": "Ann", ":p/age": 30}
    assert "Ann" in people("pull", "[*]", '[:p/id "a"]').out
    shown = people("entity", '[:p/id "a"]', "--format", "json")
    assert {
        row[":attribute" if ":attribute" in row else "attribute"]
        for row in json.loads(shown.out)
    } == {
        ":p/id",
        ":p/name",
        ":p/age",
    }
    missing = people("entity", '[:p/id "zzz"]')
    assert (missing.code, missing.err.split(":")[1].strip()) == (1, "entity/not-found")


def test_entity_history_shows_what_was(people) -> None:
    people("transact", '[{:p/id "a" :p/age 31}]')
    rows = json.loads(people("entity", '[:p/id "a"]', "--history", "--format", "json").out)
    ages = [(row["value"], row["added"]) for row in rows if row["attribute"] == ":p/age"]
    assert sorted(ages) == [(30, False), (30, True), (31, True)]


def test_log_shows_transactions_and_what_their_authors_said(people) -> None:
    rows = json.loads(people("log", "--format", "json").out)
    assert any(row["about"] == {":tx/why": "first"} for row in rows)
    last = json.loads(people("log", "--last", "1", "--format", "json").out)
    assert last == rows[-1:]
    datoms = json.loads(people("log", "--last", "1", "--datoms", "--format", "json").out)
    assert (":p/name", "Cy") in {(row["attribute"], row["value"]) for row in datoms}


def test_schema_tells_declared_from_inferred_and_reads_back(people) -> None:
    table = people("schema", ":p").out
    assert "inferred" in next(line for line in table.splitlines() if line.startswith(":p/name"))
    assert "identity" in next(line for line in table.splitlines() if line.startswith(":p/id"))
    Path("again.edn").write_text(people("schema", "--format", "edn").out)
    assert people("init", "--db", "again.dm", "--schema", "again.edn").code == 0
    assert ":p/id" in json.loads(people("schema", "--db", "again.dm", "--format", "json").out)


def test_stats_counts(people) -> None:
    stats = json.loads(people("stats", "--format", "json").out)
    assert stats["basis_t"] >= 3


def test_transact_dry_run_changes_nothing(people) -> None:
    before = people("stats", "--format", "json").out
    said = people("transact", "--dry-run", '[{:p/id "d" :p/name "Dee"}]', "--format", "json")
    assert "Dee" in said.out
    assert people("stats", "--format", "json").out == before


def test_transact_tells_tempids(people) -> None:
    said = people("transact", '[{:db/id "new" :p/name "Eve"}]', "--format", "json")
    assert "new" in json.loads(said.out)["tempids"]


def test_transact_reads_standard_input(people) -> None:
    assert people("transact", "-", stdin='[{:p/id "d" :p/name "Dee"}]').code == 0
    assert "Dee" in people("q", NAMES).out


def test_every_conflict_of_a_transaction_is_told(people) -> None:
    said = people("transact", '[[:db/add 1 :p/age "x"] [:db/add 2 :p/age "y"]]')
    assert said.code == 1
    assert said.err.count("datamem: ") == 2


def test_check_finds_a_sound_database_sound(people) -> None:
    said = people("check")
    assert said.code == 0, said.err
    assert "sound" in said.out


def test_backup_and_restore(people) -> None:
    assert people("backup", "copy.dm").code == 0
    assert people("backup", "copy.dm").code == 1
    assert people("restore", "--db", "restored.dm", "copy.dm").code == 0
    assert people("q", NAMES, "--db", "restored.dm").out == people("q", NAMES).out


def test_an_export_imports_again_under_new_ids(people) -> None:
    text = people("export").out
    people("init", "--db", "other.dm", "--schema", "schema.edn")
    people(
        "transact", "--db", "other.dm", '[{:p/id "z"} {:p/id "y"} {:p/id "b" :p/name "Bob"}]'
    )
    first = people("import", "--db", "other.dm", "--format", "edn", "-", stdin=text)
    assert first.code == 0, first.err
    again = people("import", "--db", "other.dm", "--format", "edn", "-", stdin=text)
    assert "nothing new" in again.out
    ages = "[:find ?id ?age :where [?p :p/id ?id] [?p :p/age ?age]]"
    rows = json.loads(people("q", ages, "--db", "other.dm", "--format", "json").out)
    assert sorted(rows) == [["a", 30], ["b", 40]]


def test_an_export_as_json_lines_imports_again(people) -> None:
    people("export", "--format", "jsonl", "-o", "people.jsonl")
    people("init", "--db", "other.dm", "--schema", "schema.edn")
    assert people("import", "--db", "other.dm", "people.jsonl").code == 0
    assert people("q", "--db", "other.dm", NAMES, "--format", "csv").out.count("\n") == 4


def test_export_as_of_leaves_the_later_out(people) -> None:
    t = int(json.loads(people("log", "--format", "json").out)[-1]["t"])
    assert "Cy" in people("export").out
    assert "Cy" not in people("export", "--as-of", str(t - 1)).out


def test_importing_the_sample_twice(datamem) -> None:
    from datamem.importers import sample_path

    first = datamem("import", str(sample_path()))
    assert first.code == 0, first.err
    assert "6 transactions" in first.out
    assert "nothing new" in datamem("import", str(sample_path())).out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["q"], 2),
        (["nonsense"], 2),
        (["q", "[:find]", "--as-of", "soon"], 2),
        (["q", "[:find]", "--format", "xml"], 2),
        (["import", "-"], 2),
        (["q", "--db", "nowhere.dm", NAMES], 1),
        (["transact", "--db", "nowhere.dm", "[]"], 1),
        (["import", "nowhere.json"], 1),
        (["q", "@nowhere.edn"], 1),
        (["transact", "[{:a"], 1),
    ],
)
def test_failures_have_their_exit_codes_and_no_traceback(people, arguments, code) -> None:
    said = people(*arguments)
    assert said.code == code
    assert said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    "command",
    [
        "init",
        "transact",
        "q",
        "pull",
        "entity",
        "log",
        "schema",
        "stats",
        "check",
        "backup",
        "restore",
        "import",
        "export",
        "demo",
    ],
)
def test_every_command_has_help_with_an_example(datamem, command) -> None:
    said = datamem(command, "--help")
    assert said.code == 0
    assert "Example" in said.out


def test_help_is_the_front_page(datamem) -> None:
    assert "time machine" in datamem("--help").out
    assert datamem().code == 2


def test_help_keeps_the_lines_of_its_examples(datamem) -> None:
    said = datamem("q", "--help").out
    assert "\\b" not in said
    assert "\n    datamem q --as-of 2024-03-20 --format json @question.edn\n" in said


def test_every_command_of_every_module_is_listed_with_its_module() -> None:
    import importlib
    import pkgutil

    import datamem_cli
    from datamem_cli.main import _HOMES

    found = {}
    for module in pkgutil.walk_packages(datamem_cli.__path__, "datamem_cli."):
        if module.name == "datamem_cli.__main__":
            continue
        commands = getattr(importlib.import_module(module.name), "COMMANDS", ())
        if isinstance(commands, tuple) and commands:
            names = tuple(command.name for command in commands)
            found[module.name.removeprefix("datamem_cli.")] = names
    assert found == _HOMES
