"""A session: what each input does, without a terminal."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import pytest

import datamem
from datamem.errors import DatamemError
from datamem_cli.repl.complete import Completer
from datamem_cli.repl.database import Database
from datamem_cli.repl.loop import follow_script
from datamem_cli.repl.session import Session
from datamem_cli.repl.watch import watch

SCHEMA = "{:u/name {:db/unique :db.unique/identity} :n/parent {:db/valueType :db.type/ref}}"


@dataclass
class Paper:
    """A screen that keeps what it is shown, and a person who always answers the same."""

    answer: bool = True
    is_interactive: bool = True
    width: int | None = 100
    said: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.said += text.splitlines()

    def show(self, lines) -> None:
        self.said += list(lines)

    def ask(self, question: str) -> bool:
        self.said.append(question)
        return self.answer

    def complain(self, text: str) -> None:
        self.refused.append(text)

    def take(self) -> list[str]:
        said, self.said = self.said, []
        return said


@pytest.fixture
def session(tmp_path):
    path = str(tmp_path / "a.dm")
    with datamem.connect(path, schema=SCHEMA) as conn:
        conn.transact('[{:u/name "Ada" :u/age 36} {:u/name "Bo" :u/age 7}]')
    with Database(path) as database:
        yield Session(database, Paper())


def said(session: Session, text: str) -> list[str]:
    session.run(text)
    return session.screen.take()


def test_a_query_answers_with_a_table(session) -> None:
    assert said(
        session, "[:find ?n ?a :where [?u :u/name ?n] [?u :u/age ?a] :order-by ?n]"
    ) == [
        "?n   ?a",
        "---  --",
        "Ada  36",
        "Bo    7",
        "2 rows",
    ]


@pytest.mark.parametrize(
    ("fmt", "expected"),
    [("edn", ['["Ada"]']), ("json", ['["Ada"]']), ("csv", ["?n", "Ada"])],
)
def test_answers_come_in_every_format(session, fmt, expected) -> None:
    session.run(f"\\format {fmt}")
    assert said(session, "[:find ?n :where [?u :u/name ?n] [?u :u/age 36]]") == expected


def test_a_past_view_asks_the_past_and_cannot_be_changed(session) -> None:
    before = session.database.now.basis_t
    said(session, '[[:db/add [:u/name "Bo"] :u/age 8]]')
    said(session, f"\\as-of {before}")
    age = '[:find ?a . :where [?u :u/name "Bo"] [?u :u/age ?a]]'
    assert said(session, age) == ["7"]
    with pytest.raises(DatamemError) as refused:
        session.run('[{:u/name "Cy"}]')
    assert refused.value.code == "repl/in-the-past"
    said(session, "\\as-of now")
    assert said(session, age) == ["8"]


def test_a_transaction_shows_its_changes_and_asks(session) -> None:
    session.screen.answer = False
    t = session.database.now.basis_t
    lines = said(session, '[[:db/add [:u/name "Bo"] :u/age 8]]')
    assert lines[1:] == ["  - :u/age 7", "  + :u/age 8", "commit?", "nothing was changed"]
    assert session.database.now.basis_t == t
    session.screen.answer = True
    assert said(session, '[[:db/add [:u/name "Bo"] :u/age 8]]')[-1] == f"t={t + 1}, 3 datoms"
    assert session.database.now.basis_t == t + 1


def test_nobody_is_asked_without_a_person(session) -> None:
    session.screen.is_interactive = False
    t = session.database.now.basis_t
    assert said(session, '[{:u/name "Cy"}]') == [f"t={t + 1}, 2 datoms"]


def test_the_database_stays_free_for_its_writer(session) -> None:
    with datamem.connect(session.database.path) as conn:
        conn.transact('[{:u/name "Cy"}]')
        assert said(session, "[:find (count ?u) . :where [?u :u/name]]") == ["3"]
        with pytest.raises(DatamemError) as refused:
            session.run('[{:u/name "Di"}]')
        assert refused.value.code == "storage/locked"


def test_variables_are_inputs(session) -> None:
    with pytest.raises(DatamemError) as refused:
        session.run("[:find ?u . :in $ ?n :where [?u :u/name ?n]]")
    assert refused.value.code == "repl/unbound-input"
    session.run('\\let ?n ["Ada" "Cy"]')
    assert said(session, "[:find [?n ...] :in $ [?n ...] :where [_ :u/name ?n]]")[0] == "Ada"
    session.run('\\let ?age [:find ?a . :where [?u :u/name "Ada"] [?u :u/age ?a]]')
    assert said(session, "\\let") == ["?age 36", '?n ["Ada" "Cy"]']


def test_rules_are_a_variable_too(session) -> None:
    session.run("\\let % [[(adult ?u) [?u :u/age ?a] [(> ?a 17)]]]")
    query = "[:find ?n . :in $ % :where (adult ?u) [?u :u/name ?n]]"
    assert said(session, query) == ["Ada"]


def test_entities_are_looked_at_by_any_name(session) -> None:
    lines = said(session, '[:u/name "Ada"]')
    assert [line.split()[:2] for line in lines[2:]] == [[":u/name", "Ada"], [":u/age", "36"]]
    assert said(session, "\\entity 1") == lines
    with pytest.raises(DatamemError) as refused:
        session.run("999")
    assert refused.value.code == "entity/not-found"


def test_diff_shows_the_net_change(session) -> None:
    t = session.database.now.basis_t
    session.run('[[:db/add [:u/name "Bo"] :u/age 8]]')
    session.run('[[:db/add [:u/name "Bo"] :u/age 9]]')
    session.screen.take()
    assert said(session, f"\\diff {t}")[-1].strip() == ":u/age 7 -> 9"


def test_a_tree_follows_references_and_survives_cycles(session) -> None:
    session.run('[{:db/id "a" :n/title "root"} {:db/id "b" :n/title "leaf" :n/parent "a"}]')
    root = session.database.now.q('[:find ?e . :where [?e :n/title "root"]]')
    session.screen.take()
    assert said(session, f"\\tree {root}") == [f"{root}  root", f"└─ {root + 1}  leaf"]
    session.run(f"[[:db/add {root} :n/parent {root + 1}]]")
    session.screen.take()
    assert said(session, f"\\tree {root} :n/parent")[-1] == f"   └─ {root}  root …"


def test_watch_answers_after_each_change_and_ends_on_interrupt(session) -> None:
    steps = iter([lambda: session.run('[{:u/name "Cy"}]'), lambda: None])

    def pause(_: float) -> None:
        step = next(steps, None)
        if step is None:
            raise KeyboardInterrupt
        session.screen.take() and step()

    watch(session, "[:find (count ?u) . :where [?u :u/name]]", pause)
    assert session.answer == 3


def test_the_last_answer_is_saved(session, tmp_path) -> None:
    session.run("[:find ?n :where [_ :u/name ?n] :order-by ?n]")
    session.run(f"\\save {tmp_path / 'names.csv'}")
    assert (tmp_path / "names.csv").read_text() == "?n\nAda\nBo\n"
    with pytest.raises(DatamemError):
        session.run(f"\\save {tmp_path / 'names.xyz'}")


def test_a_misspelt_attribute_is_pointed_out(session) -> None:
    lines = said(session, "[:find ?n :where [_ :u/nmae ?n]]")
    assert lines[-1] == "note: there is no attribute :u/nmae; did you mean :u/name or :u/age?"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("\\nope", "repl/unknown-command"),
        ("\\as-of yesterday-ish", "repl/bad-argument"),
        ("\\format xml", "repl/bad-argument"),
        ("\\save", "repl/nothing-to-save"),
        ("true", "repl/no-meaning"),
        ("[:find ?e :where [?e :a}", "edn/unbalanced"),
    ],
)
def test_what_cannot_be_done_says_why(session, text, code) -> None:
    with pytest.raises(DatamemError) as refused:
        session.run(text)
    assert refused.value.code == code


def test_every_command_has_a_line_of_help(session) -> None:
    lines = said(session, "\\help")
    assert sum(line.startswith("  \\") for line in lines) == 20


def test_a_script_ends_at_the_first_refusal(session) -> None:
    script = io.StringIO(
        "[:find ?n .\n :where [_ :u/name ?n]]\n\\nope\n[:find ?e :where [?e :a]]\n"
    )
    assert follow_script(session, script) == 1
    assert len(session.screen.refused) == 1
    assert follow_script(session, io.StringIO("\\timing\n\\quit\n\\nope\n")) == 0


def test_a_pipe_is_a_script(datamem) -> None:
    datamem("init")
    done = datamem("repl", stdin="[{:a/b 1}]\n[:find ?v .\n:where [_ :a/b ?v]]\n")
    assert (done.code, done.out.splitlines()[-1]) == (0, "1")
    assert datamem("repl", stdin="[:find ?v").code == 1


# Completion


def words(session, before: str) -> list[str]:
    return [found.text for found in Completer(session).suggest(before)]


def test_completion_knows_attributes_functions_variables_and_commands(session) -> None:
    assert words(session, "[:find ?n :where [_ :u/na") == [":u/name"]
    assert words(session, "[:find ?n :where [_ :age") == [":u/age"]
    assert "?name" in words(session, "[:find ?name :where [_ :a ?n")
    assert "starts-with?" in words(session, "[(starts-w")
    assert words(session, "\\as") == ["\\as-of"]
    assert words(session, '[:find ?n :where [_ :u/name "u/n') == []


def test_completion_of_many_attributes_stays_short(session) -> None:
    big = (
        "{" + " ".join(f":wide/a{n} {{:db/valueType :db.type/long}}" for n in range(3000)) + "}"
    )
    with datamem.connect(":memory:", schema=big) as conn:
        session.database._conn.close()
        session.database._conn = conn
        assert len(words(session, "[_ :wide/a")) == 100
        assert words(session, "[_ :wide/a2999") == [":wide/a2999"]
