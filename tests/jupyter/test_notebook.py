"""Magics and displays, in a real IPython shell."""

from __future__ import annotations

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

import datamem


@pytest.fixture
def shell():
    made = InteractiveShell()
    made.run_line_magic("load_ext", "datamem")
    made.run_line_magic("datamem", "--schema agent")
    made.run_cell_magic("transact", "", '[{:user/name "Ada"} {:user/name "Bo"}]')
    yield made
    made.user_ns["conn"].close()
    made.history_manager.end_session()
    made.cleanup()


def html_of(shell: InteractiveShell, value: object) -> str:
    data, _ = shell.display_formatter.format(value)
    return data["text/html"]


NAMES = "[:find ?name :where [_ :user/name ?name] :order-by ?name]"


def test_a_cell_is_a_query(shell) -> None:
    assert shell.run_cell_magic("datalog", "", NAMES) == [("Ada",), ("Bo",)]


def test_variables_go_in_and_out(shell) -> None:
    shell.user_ns["user_name"] = "Bo"
    query = "[:find ?e . :in $ ?user-name :where [?e :user/name ?user-name]]"
    assert shell.run_cell_magic("datalog", "-o found", query) is None
    assert shell.user_ns["found"] == 2


def test_rules_and_other_databases_are_variables(shell) -> None:
    shell.user_ns["rules"] = "[[(named ?e) [?e :user/name]]]"
    shell.user_ns["before"] = shell.user_ns["conn"].db.as_of(2)
    query = "[:find (count ?e) . :in $ % :where (named ?e)]"
    assert shell.run_cell_magic("datalog", "", query) == 2
    query = "[:find [?n ...] :in $ $before :where [_ :user/name ?n] (not [$before _ :user/name ?n])]"
    assert sorted(shell.run_cell_magic("datalog", "", query)) == ["Ada", "Bo"]


def test_the_past_is_an_option(shell) -> None:
    assert len(shell.run_cell_magic("datalog", "--as-of 1", NAMES)) == 0
    with pytest.raises(UsageError):
        shell.run_cell_magic("datalog", "--as-of soon", NAMES)


def test_a_dry_run_changes_nothing(shell) -> None:
    t = shell.user_ns["conn"].db.basis_t
    report = shell.run_cell_magic("transact", "--dry-run", '[{:user/name "Cy"}]')
    assert report.t == t + 1
    assert shell.user_ns["conn"].db.basis_t == t


def test_a_refusal_is_a_sentence(shell) -> None:
    with pytest.raises(UsageError, match="query/unbound-variable"):
        shell.run_cell_magic("datalog", "", "[:find ?x :where [(> ?x 1)]]")
    with pytest.raises(UsageError, match="no variable nowhere"):
        shell.run_cell_magic("datalog", "--db nowhere", NAMES)
    with pytest.raises(UsageError, match="schema/wrong-type"):
        shell.run_cell_magic("transact", "", "[{:user/name 1}]")


def test_everything_datamem_returns_is_shown_as_html(shell) -> None:
    conn = shell.user_ns["conn"]
    db = conn.db
    report = db.with_tx('[{:user/name "<Cy>"}]')
    assert "&lt;Cy&gt;" in html_of(shell, report)
    assert "<script" not in html_of(shell, report)
    for value, text in [
        (conn, "memory"),
        (db, f"t={db.t}"),
        (db.entity(1), "Ada"),
        (db.schema, ":user/name"),
        (db.q(NAMES), "Ada"),
        (db.explain(NAMES, analyze=True), ":user/name"),
        (db.explain("[:find ?n . :where [1 :user/name ?n]]"), "short way: point"),
        (datamem.diff(db, report.db_after), "1 entity differs"),
    ]:
        assert text in html_of(shell, value)
