"""Forks and differences of runs: where two part, a branch that goes on from there, adopted or dropped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datamem
from datamem.conn import Connection
from datamem.runs import (
    attach,
    detach,
    get_run,
    learned,
    list_runs,
    read_events,
    require_runs,
    verify,
)
from datamem.runs.adopting import ForkError
from datamem.runs.differences import diff
from datamem.runs.forks import fork
from datamem.runs.recorder.context import RunContext
from datamem.runs.recorder.read import read_recording
from datamem.runs.recorder.record import record
from datamem.runs.replayer.journal import answer
from tests.runs.agents import World, connect, shopper

TEXT = "[:find ?x . :in $ ?id :where [?n :note/id ?id] [?n :note/text ?x]]"


def keeper(texts: list[str]) -> Callable[[RunContext], None]:
    """Return an agent that stores one text after the other in the same note."""

    def agent(run: RunContext) -> None:
        for text in texts:
            run.event("wrote", text)
            run.transact([{":note/id": "n", ":note/text": text}])

    return agent


def notes(db: datamem.Db) -> set[tuple[Any, ...]]:
    return set(db.q("[:find ?id ?a ?v :where [?n :note/id ?id] [?n ?a ?v]]"))


def test_two_runs_of_the_same_code_are_the_same_until_the_world_differs() -> None:
    conn, other = connect(), connect()
    a = record(conn, shopper(World()), run_id="a", seed=1).run
    b = record(other, shopper(World({"tea": 9})), run_id="b", seed=1).run
    found = diff(a, b)
    assert found
    assert found.first is not None
    assert found.common_count == 1
    assert found.first.a.title() == "tool price"
    steps = [(pair.verdict, pair.a.title()) for pair in found.pairs[1:4]]
    assert steps == [
        ("other-result", "tool price"),
        ("other-input", "model oracle"),
        ("other-input", "event message"),
    ]
    assert found.pairs[1].difference == "['price']['$tuple'][0]: 3 is now 9"
    assert ("+", "new-1", ":note/text", "buy") in found.only_a
    assert ("+", "new-1", ":note/text", "wait") in found.only_b
    assert "only a stored: + new-1 :note/text buy" in str(found)
    assert found.to_json()["steps"][0]["step"] == "tool price"
    assert found._repr_svg_().startswith("<svg")
    assert not diff(a, a)
    assert str(diff(a, a)) == "a and a: 6 steps, all the same"
    with pytest.raises(TypeError):
        diff(a, conn.db)
    assert not diff(conn.db, conn.db)
    other.close()
    conn.close()


def test_a_fork_goes_on_from_an_event_and_leaves_the_run_alone() -> None:
    conn = connect()
    run = record(conn, keeper(["one", "two", "three"]), run_id="r").run
    before, events = conn.db.basis_t, len(read_events(run))
    with fork(run, read_recording(conn.db, run).steps[3], run_id="f") as branch:
        assert branch.conn.db.q(TEXT, "n") == "two"
        assert get_run(branch.conn, "r").record().status == "running"
        branch.context.transact([{":note/id": "n", ":note/text": "other"}])
        assert [(d.v, d.added) for d in [*branch.facts().removed, *branch.facts().added]] == [
            ("two", False),
            ("other", True),
        ]
        assert str(branch.compare().by_entity()[0].changes[0].removed) == "('three',)"
        assert branch.run.record().parent == run.eid
        assert verify(branch.run).broken is None
    assert conn.db.basis_t == before
    assert len(read_events(run)) == events
    conn.close()


def test_an_adopted_fork_is_part_of_its_parent() -> None:
    conn = connect()
    run = record(conn, keeper(["one"]), run_id="r").run
    conn.transact([{":note/id": "meanwhile"}])
    branch = fork(run, run_id="f")
    require_runs(conn)
    attach(run)
    branch.context.transact(
        [
            {":db/id": "new", ":note/id": "m", ":note/likes": ["x", "y"]},
            [":db/add", [":note/id", "n"], ":note/text", "two"],
        ]
    )
    conn.transact([{":note/id": "later", ":note/text": "here"}])
    detach(run)
    expected = notes(conn.db) - {("n", conn.db.resolve(":note/text"), "one")}
    branch.adopt()
    [(_, _, origin)] = learned(conn.db, [":note/id", "n"], ":note/text")
    assert origin.run == "f"
    a, likes = conn.db.resolve(":note/text"), conn.db.resolve(":note/likes")
    ident = conn.db.resolve(":note/id")
    assert notes(conn.db) == expected | {
        ("n", a, "two"), ("m", ident, "m"), ("m", likes, "x"), ("m", likes, "y"),
    }  # fmt: skip
    assert {one.id for one in list_runs(conn.db)} == {"r", "f"}
    assert get_run(conn, "f").record().parent == run.eid
    assert verify(get_run(conn, "f")).broken is None
    assert len(read_recording(conn.db, "f").steps) == 1
    branch.drop()
    conn.close()


def test_what_both_have_changed_is_a_conflict_and_nothing_is_changed() -> None:
    conn = connect()
    run = record(conn, keeper(["one"]), run_id="r").run
    branch = fork(run, run_id="f")
    branch.context.transact([{":note/id": "n", ":note/text": "fork"}, {":note/id": "m"}])
    conn.transact([{":note/id": "n", ":note/text": "parent"}])
    before = conn.db.basis_t
    with pytest.raises(ForkError) as caught:
        branch.adopt()
    assert caught.value.code == "fork/conflict"
    [conflict] = caught.value.data["conflicts"]
    assert (conflict["name"], conflict["attribute"]) == ([":note/id", "n"], ":note/text")
    assert [conflict[side] for side in ("before", "fork", "parent")] == [
        "one",
        "fork",
        "parent",
    ]
    assert conn.db.basis_t == before
    branch.adopt(prefer="parent")
    assert conn.db.q(TEXT, "n") == "parent"
    assert conn.db.resolve([":note/id", "m"]) is not None
    branch.drop()
    conn.close()


def test_the_fork_may_be_preferred() -> None:
    conn = connect()
    run = record(conn, keeper(["one"]), run_id="r").run
    branch = fork(run)
    branch.context.transact([{":note/id": "n", ":note/text": "fork"}])
    conn.transact([{":note/id": "n", ":note/text": "parent"}])
    branch.adopt(prefer="fork")
    assert conn.db.q(TEXT, "n") == "fork"
    branch.drop()
    conn.close()


def test_code_goes_on_from_an_event_with_real_calls() -> None:
    conn, live = connect(), World()
    run = record(conn, shopper(World()), run_id="r").run
    steps = read_recording(conn.db, run).steps
    branch = fork(run, steps[1], shopper(live), run_id="f")
    assert live.asked == ["shall I pay 3?"]
    assert branch.replayed is not None
    assert branch.replayed.output == "buy"
    assert branch.compare_runs().common_count >= 3
    branch.adopt()
    assert get_run(conn, "f").record().parent == run.eid
    branch.drop()
    other = fork(run, steps[2], shopper(live), overrides=[answer("price", {"price": [9]})])
    assert other.replayed is not None
    assert other.replayed.output == "wait"
    assert [d.v for d in other.facts().added if d.v == "wait"] == ["wait"]
    other.drop()
    conn.close()


def test_a_fork_may_live_in_a_directory(tmp_path: Path) -> None:
    conn = connect()
    run = record(conn, keeper(["one", "two"]), run_id="r").run
    with fork(run, 3, run_id="f", path=tmp_path / "branch") as branch:
        branch.context.transact([{":note/id": "n", ":note/likes": "paper"}])
        assert [(d.v, d.added) for d in branch.compare().added] == [
            ("one", True),
            ("paper", True),
        ]
        branch.adopt()
    assert conn.db.entity([":note/id", "n"])[":note/likes"] == ["paper"]
    assert conn.db.q(TEXT, "n") == "two"
    conn.close()


writes = st.lists(
    st.tuples(st.sampled_from(["n", "m", "k"]), st.sampled_from(["a", "b", "c"])), max_size=5
)


@settings(max_examples=25)
@given(before=writes, here=writes, there=writes)
def test_adopting_is_a_merge_of_three(
    before: list[Any], here: list[Any], there: list[Any]
) -> None:
    """Model: dicts. A key that both have changed, and not alike, is a conflict."""
    conn = connect()
    run = record(conn, lambda run: store(run, before), run_id="r").run
    branch = fork(run)
    store(branch.context, there)
    for key, text in here:
        conn.transact([{":note/id": key, ":note/text": text}])
    base = dict(before)
    mine, theirs = base | dict(here), base | dict(there)
    clash = {
        k
        for k in theirs
        if theirs[k] != base.get(k) and mine.get(k) not in (base.get(k), theirs[k])
    }
    if clash:
        with pytest.raises(ForkError) as caught:
            branch.adopt()
        assert {c["name"][1] for c in caught.value.data["conflicts"]} == clash
        assert contents(conn) == mine
    else:
        branch.adopt()
        changed = {k: v for k, v in theirs.items() if v != base.get(k)}
        assert contents(conn) == mine | changed
    branch.drop()
    conn.close()


def store(run: RunContext, pairs: list[Any]) -> None:
    for key, text in pairs:
        run.transact([{":note/id": key, ":note/text": text}])


def contents(conn: Connection) -> dict[str, str]:
    return dict(conn.db.q("[:find ?id ?x :where [?n :note/id ?id] [?n :note/text ?x]]"))
