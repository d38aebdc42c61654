"""Searches against an exact model: commits, retractions, as-of, forks, speculation, failures, reopening."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datamem
from datamem.errors import DatamemError
from datamem.schema.types import ValueType
from datamem.vector import build_index, search
from datamem.vector.store import store_of
from tests.vector.worlds import SCHEMA, VECTORS, best, eid, names, numbers

ATTRIBUTES = {":doc/vector": "cosine", ":doc/chunks": "l2"}

changes = st.lists(
    st.tuples(st.sampled_from(["set", "set", "drop", "entity"]), names, numbers), max_size=4
)
commits = st.lists(
    st.tuples(
        changes, st.sampled_from(["commit", "commit", "commit", "build", "fail", "search"])
    ),
    min_size=1,
    max_size=8,
)


class World:
    """A connection and what every transaction left, per attribute."""

    def __init__(self, conn: datamem.Connection, states: dict[int, dict] | None = None) -> None:
        self.conn = conn
        self.states = states or {conn.db.basis_t: {a: {} for a in ATTRIBUTES}}

    @property
    def state(self) -> dict:
        return self.states[max(self.states)]

    def tx_data(self, steps) -> tuple[list, dict]:
        """Return what to transact and the state after it; one change of a fact a transaction."""
        data: list = []
        after = {a: dict(of) for a, of in self.state.items()}
        seen: set = set()
        for kind, name, number in steps:
            for attribute in ATTRIBUTES:
                if (name, attribute) in seen:
                    continue
                seen.add((name, attribute))
                had = after[attribute].get(name, frozenset())
                if kind == "set":
                    data.append({"doc/name": str(name), attribute: VECTORS[number]})
                    is_many = attribute == ":doc/chunks"
                    after[attribute][name] = (had if is_many else frozenset()) | {number}
                elif had:
                    gone = min(had)
                    data.append(
                        [":db/retract", [":doc/name", str(name)], attribute, VECTORS[gone]]
                    )
                    after[attribute][name] = had - {gone}
        return data, after

    def commit(self, steps) -> None:
        data, after = self.tx_data(steps)
        if data:
            report = self.conn.transact(data)
            self.states[report.t] = after

    def fail(self, steps) -> None:
        """Refuse a transaction whose vectors a search has seen as speculation."""
        data, after = self.tx_data(steps)
        check(self.conn.db.with_tx(data).db_after, after)
        with pytest.raises(DatamemError):
            self.conn.transact(
                [*data, [":db/add", "x", ":doc/vector", [0.0] * len(VECTORS[0])]]
            )


def check(db: datamem.Db, state: dict, k: int = 4) -> None:
    """Compare exact, graph and filtered searches with the model."""
    for attribute, metric in ATTRIBUTES.items():
        of = state[attribute]
        query = VECTORS[len(of)] + 0.01
        shown = {(d.e, tuple(d.v)) for d in db.datoms("aevt", attribute)}
        some = [name for name in of if name % 2]
        among = np.unique([e for n in some if (e := eid(db, n)) is not None]).astype(np.int64)
        for only, names_of in ((None, None), (among, some)):
            wanted = best(metric, of, query, k, names_of)
            for exact in (True, False):
                hits = search(db, attribute, query, k, among=only, exact=exact, ef=256)
                assert hits.score.tolist() == pytest.approx(wanted, abs=1e-5)
                values = db.decode(ValueType.VECTOR, hits.v)
                found = {(e, tuple(v)) for e, v in zip(hits.e.tolist(), values, strict=True)}
                assert found <= shown


def play(world: World, plan) -> None:
    for steps, kind in plan:
        if kind == "fail":
            world.fail(steps)
            continue
        world.commit(steps)
        if kind == "build":
            build_index(world.conn.db, ":doc/vector")
            build_index(world.conn.db, ":doc/chunks")
        if kind == "search":
            check(world.conn.db, world.state)


@settings(max_examples=settings().max_examples // 4)
@given(plan=commits)
def test_every_instant_answers_as_the_model_of_that_instant(plan) -> None:
    """Model: the state that each transaction left, scored in double precision."""
    with datamem.connect(":memory:", SCHEMA) as conn:
        world = World(conn)
        play(world, plan)
        check(conn.db, world.state)
        for t, state in world.states.items():
            check(conn.db.as_of(t), state)


@settings(max_examples=settings().max_examples // 4)
@given(plan=commits, more=commits, other=commits)
def test_forks_and_speculation_do_not_meet(plan, more, other) -> None:
    """Model: a fork goes on from the state at its point, and so does its parent, each alone."""
    with datamem.connect(":memory:", SCHEMA) as conn:
        world = World(conn)
        play(world, plan)
        points = sorted(world.states)
        t = points[len(points) // 2]
        with conn.fork(as_of=t) as branch:
            past = {at: state for at, state in world.states.items() if at <= t}
            forked = World(branch, past)
            play(forked, other)
            play(world, more)
            check(branch.db, forked.state)
            check(conn.db, world.state)
            for at, state in forked.states.items():
                check(branch.db.as_of(at), state)
            data, after = forked.tx_data([("set", 3, 5), ("drop", 1, 0)])
            check(branch.db.with_tx(data).db_after, after)
            check(branch.db, forked.state)


@settings(max_examples=settings().max_examples // 4)
@given(plan=commits, more=commits)
def test_reopening_finds_the_same(plan, more, tmp_path_factory) -> None:
    """Model: closing and opening, with graphs saved or not, changes no answer."""
    path = tmp_path_factory.mktemp("vectors") / "db"
    with datamem.connect(path, SCHEMA) as conn:
        world = World(conn)
        play(world, plan)
        check(conn.db, world.state)
    with datamem.connect(path) as conn:
        world.conn = conn
        check(conn.db, world.state)
        play(world, more)
        check(conn.db, world.state)
        for t, state in world.states.items():
            check(conn.db.as_of(t), state)
        saved = len(store_of(conn.db, conn.db.schema.get(":doc/vector")).graphs)
    files = {file: file.read_bytes() for file in path.glob("search/*/*")}
    with datamem.connect(path, read_only=True) as conn:
        check(conn.db, world.state)
        store = store_of(conn.db, conn.db.schema.get(":doc/vector"))
        assert len(store.graphs) == saved
    assert {file: file.read_bytes() for file in path.glob("search/*/*")} == files


@pytest.mark.parametrize("is_built", [False, True])
def test_what_a_failed_commit_left_is_forgotten_and_read_again(is_built) -> None:
    with datamem.connect(":memory:", SCHEMA) as conn:
        conn.transact([{"doc/name": "a", "doc/vector": VECTORS[0]}])
        size = conn.db.heap_size
        conn.transact([{"doc/name": "b", "doc/vector": VECTORS[1]}])
        build_index(conn.db, ":doc/vector") if is_built else None
        before = search(conn.db, ":doc/vector", VECTORS[1], 2)
        conn.db.heap.companions.truncate(size)
        after = search(conn.db, ":doc/vector", VECTORS[1], 2, exact=not is_built)
        assert after.e.tolist() == before.e.tolist()
        assert after.score.tolist() == pytest.approx(before.score.tolist())


def test_views_show_what_they_show() -> None:
    with datamem.connect(":memory:", SCHEMA) as conn:
        first = conn.transact([{"doc/name": "a", "doc/vector": VECTORS[0]}]).t
        conn.transact([{"doc/name": "b", "doc/vector": VECTORS[1]}])
        conn.transact([{"doc/name": "a", "doc/vector": VECTORS[2]}])
        db = conn.db

        def found(view: datamem.Db) -> list[str]:
            hits = search(view, ":doc/vector", VECTORS[0], 9)
            return [db.entity(e)[":doc/name"] for e in hits.e.tolist()]

        for _ in range(2):
            assert sorted(found(db)) == ["a", "b"]
            assert found(db.as_of(first)) == ["a"]
            assert sorted(found(db.since(first))) == ["a", "b"]
            assert sorted(found(db.history())) == ["a", "a", "b"]
            only_b = db.filter(lambda whole, datom: whole.entity(datom.e)[":doc/name"] == "b")
            assert found(only_b) == ["b"]
            build_index(db, ":doc/vector")
