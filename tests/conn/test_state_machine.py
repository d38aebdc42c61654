"""A connection against a dictionary: every operation, through freezes, merges, roots, forks and reopening."""

from __future__ import annotations

import shutil
import tempfile
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from datamem.conn import Connection, check
from datamem.errors import DatamemError, TransactError
from tests.conn.transactions import ages, names, tags
from tests.conn.worlds import (
    MANY,
    SCHEMA,
    image,
    kill,
    open_db,
    people,
    person,
    tiny_sizes,
    tried,
)

People = dict[int, dict[str, Any]]


class Model:
    """Entities as dictionaries, and what they were after each transaction."""

    def __init__(self) -> None:
        self.now: People = {}
        self.at: dict[int, People] = {}
        self.t = 0

    def find(self, name: str) -> int | None:
        found = [e for e, entity in self.now.items() if entity.get(":p/name") == name]
        return found[0] if found else None

    def add(self, e: int, attribute: str, value: Any) -> None:
        entity = self.now.setdefault(e, {})
        if attribute in MANY:
            entity[attribute] = entity.get(attribute, set()) | {value}
        else:
            entity[attribute] = value

    def drop(self, e: int, attribute: str, value: Any = None) -> None:
        entity = self.now[e]
        left = entity.get(attribute, set()) - {value} if attribute in MANY else set()
        if value is None or not left:
            if value is None or attribute in MANY or entity.get(attribute) == value:
                entity.pop(attribute, None)
        else:
            entity[attribute] = left
        if not entity:
            del self.now[e]

    def retract_entity(self, e: int) -> None:
        doomed, todo = set(), [e]
        while todo:
            one = todo.pop()
            if one not in doomed:
                doomed.add(one)
                todo += self.now.get(one, {}).get(":p/parts", ())
        for one in doomed:
            self.now.pop(one, None)
        for one in list(self.now):
            for attribute, value in list(self.now[one].items()):
                for target in doomed:
                    if attribute in {":p/friends", ":p/parts"} and target in value:
                        self.drop(one, attribute, target)
                    elif attribute == ":p/boss" and value == target:
                        self.drop(one, attribute)
                    value = self.now.get(one, {}).get(attribute, ())  # noqa: PLW2901

    def committed(self, t: int) -> None:
        """Keep what the model is after transaction `t`."""
        self.t = t
        self.at[t] = deepcopy(self.now)


class World:
    """A connection with its model."""

    def __init__(self, conn: Connection, model: Model) -> None:
        self.conn = conn
        self.model = model

    def transact(self, tx_data: Any) -> None:
        before = self.conn.db.basis_t
        report = self.conn.transact(tx_data)
        assert report.t in {before, before + 1}
        self.model.committed(report.t)

    def refuse(self, tx_data: Any, code: str) -> None:
        """See that a transaction is refused and that nothing changes, not even in memory."""
        before = self.conn.db
        counts = before.index.layers[-1].novelty.row_count if before.index.layers else 0
        with pytest.raises(DatamemError) as refused:
            self.conn.transact(tx_data)
        assert refused.value.code == code
        assert self.conn.db is before
        assert before.heap.size == before.heap_size
        assert not before.index.layers or before.index.layers[-1].novelty.row_count == counts


which = st.integers(0, 2)


class ConnectionMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.sizes = tiny_sizes()
        self.sizes.__enter__()
        self.root = Path(tempfile.mkdtemp(prefix="datamem-"))
        self.count = 0
        conn = open_db(self.new_path(), SCHEMA)
        model = Model()
        model.committed(conn.db.basis_t)
        self.worlds = [World(conn, model)]

    def new_path(self) -> Path:
        self.count += 1
        return self.root / str(self.count)

    def world(self, number: int) -> World:
        return self.worlds[number % len(self.worlds)]

    @rule(number=which, name=names, age=ages, tag=tags)
    def put(self, number: int, name: str, age: int, tag: str) -> None:
        world = self.world(number)
        e = world.model.find(name) or world.conn.db.next_entity
        for attribute, value in ((":p/name", name), (":p/age", age), (":p/tags", tag)):
            world.model.add(e, attribute, value)
        world.transact([{":p/name": name, ":p/age": age, ":p/tags": tag, ":x/note": None}])

    @rule(number=which, name=names, code=st.integers(1, 3))
    def claim_a_unique_value(self, number: int, name: str, code: int) -> None:
        world = self.world(number)
        e = world.model.find(name)
        holders = [k for k, v in world.model.now.items() if v.get(":p/code") == code]
        if e is None:
            world.refuse([[":db/add", person(name), ":p/code", code]], "lookup-ref/missing")
        elif holders not in ([], [e]):
            tx_data = [[":db/add", person(name), ":p/code", code], {":p/tags": "new string"}]
            world.refuse(tx_data, "transact/unique-conflict")
        else:
            world.model.add(e, ":p/code", code)
            world.transact([[":db/add", person(name), ":p/code", code]])

    @rule(number=which, name=names, other=names)
    def point_to(self, number: int, name: str, other: str) -> None:
        world = self.world(number)
        e, target = world.model.find(name), world.model.find(other)
        if e is None or target is None:
            return
        world.model.add(e, ":p/friends", target)
        world.model.add(e, ":p/boss", target)
        world.transact([{":db/id": e, ":p/friends": [target], ":p/boss": person(other)}])

    @rule(number=which, name=names, age=ages)
    def add_a_component(self, number: int, name: str, age: int) -> None:
        world = self.world(number)
        e = world.model.find(name)
        if e is None:
            return
        part = world.conn.db.next_entity
        world.model.add(part, ":p/age", age)
        world.model.add(e, ":p/parts", part)
        world.transact([{":db/id": e, ":p/parts": [{":p/age": age}]}])

    @rule(number=which, name=names, attribute=st.sampled_from([":p/age", ":p/tags", ":p/boss"]))
    def retract_attribute(self, number: int, name: str, attribute: str) -> None:
        world = self.world(number)
        e = world.model.find(name)
        if e is not None:
            world.model.drop(e, attribute)
            world.transact([[":db/retract", e, attribute]])

    @rule(number=which, name=names, tag=tags)
    def retract_value(self, number: int, name: str, tag: str) -> None:
        world = self.world(number)
        e = world.model.find(name)
        if e is not None:
            if tag in world.model.now[e].get(":p/tags", ()):
                world.model.drop(e, ":p/tags", tag)
            world.transact([[":db/retract", person(name), ":p/tags", tag]])

    @rule(number=which, name=names)
    def retract_entity(self, number: int, name: str) -> None:
        world = self.world(number)
        e = world.model.find(name)
        if e is not None:
            world.model.retract_entity(e)
            world.transact([[":db/retractEntity", e]])

    @rule(number=which, name=names, old=ages, new=ages)
    def compare_and_set(self, number: int, name: str, old: int, new: int) -> None:
        world = self.world(number)
        e = world.model.find(name)
        if e is None:
            return
        tx_data = [[":db/cas", e, ":p/age", old, new]]
        if world.model.now[e].get(":p/age") == old:
            world.model.add(e, ":p/age", new)
            world.transact(tx_data)
        else:
            world.refuse(tx_data, "transact/cas-failed")

    @rule(number=which, name=names)
    def transact_nonsense(self, number: int, name: str) -> None:
        world = self.world(number)
        tx_data = [{":p/name": name, ":p/tags": ["unheard of"], ":p/age": "not a number"}]
        world.refuse(tx_data, "schema/wrong-type")

    @rule(number=which, given=st.lists(st.none() | ages, min_size=1, max_size=12))
    def load(self, number: int, given: list[int | None]) -> None:
        world = self.world(number)
        labels = [f"{world.conn.db.basis_t}/{i}" for i in range(len(given))]
        report = world.conn.load({":p/name": labels, ":p/age": given})
        for i, (label, age) in enumerate(zip(labels, given, strict=True)):
            world.model.add(report.first_entity + i, ":p/name", label)
            if age is not None:
                world.model.add(report.first_entity + i, ":p/age", age)
        world.model.committed(report.last_t)

    @rule(number=which, name=names, age=ages)
    def speculate(self, number: int, name: str, age: int) -> None:
        world = self.world(number)
        base = world.conn.db
        guess = base.with_tx([{":p/name": name, ":p/age": age}]).db_after
        e = world.model.find(name) or base.next_entity
        assert people(guess)[e][":p/age"] == age
        assert people(base) == world.model.now

    @rule(number=which, data=st.data())
    def look_back(self, number: int, data: st.DataObject) -> None:
        world = self.world(number)
        t = data.draw(st.sampled_from(sorted(world.model.at)))
        assert people(world.conn.db.as_of(t)) == world.model.at[t]

    @rule(number=which)
    def compact(self, number: int) -> None:
        conn = self.world(number).conn
        conn.compact()
        assert len(conn.stats()["levels"]) == 1

    @rule(number=which)
    def reopen(self, number: int) -> None:
        world = self.world(number)
        if world.conn.path is not None:
            world.conn.close()
            world.conn = open_db(world.conn.path)
            assert world.conn.root_error is None

    @rule(number=which)
    def be_killed(self, number: int) -> None:
        world = self.world(number)
        if world.conn.path is not None:
            left = image(world.conn, self.new_path())
            kill(world.conn)
            world.conn = open_db(left)

    @precondition(lambda self: len(self.worlds) < 3)
    @rule(number=which, in_memory=st.booleans(), data=st.data())
    def fork(self, number: int, in_memory: bool, data: st.DataObject) -> None:
        world = self.world(number)
        t = data.draw(st.sampled_from(sorted(world.model.at)))
        path = None if in_memory else self.new_path()
        forked, error = tried(lambda: world.conn.fork(path, as_of=t))
        if forked is None:
            self.see_that_its_parent_is_closed(world, error)
            return
        model = Model()
        model.now = deepcopy(world.model.at[t])
        model.at = {k: v for k, v in world.model.at.items() if k <= t}
        model.t = t
        self.worlds.append(World(forked, model))

    @precondition(lambda self: len(self.worlds) > 1)
    @rule(number=which)
    def keep_a_copy_only(self, number: int) -> None:
        """A copy of a branch stands for it from now on."""
        world = self.world(number)
        copied, error = tried(lambda: world.conn.copy(self.new_path()))
        if copied is None:
            self.see_that_its_parent_is_closed(world, error)
            return
        world.conn.close()
        world.conn = open_db(copied)

    def see_that_its_parent_is_closed(self, world: World, error: DatamemError | None) -> None:
        """A branch in memory reads the shared log from a connection that was reopened since."""
        assert error is not None
        assert error.code == "storage/closed"
        assert world.conn.path is None

    @invariant()
    def agrees_with_its_model(self) -> None:
        for world in self.worlds:
            db = world.conn.db
            assert db.basis_t == world.model.t
            assert people(db) == world.model.now
            for e, entity in world.model.now.items():
                if ":p/name" in entity:
                    assert db.resolve(person(entity[":p/name"])) == e

    def teardown(self) -> None:
        try:
            for world in self.worlds:
                world.conn.close()
                if world.conn.path is not None:
                    report = check(world.conn.path)
                    assert report.problems == []
                    assert report.transactions == world.model.t
        finally:
            self.sizes.__exit__(None, None, None)
            shutil.rmtree(self.root)


TestConnection = ConnectionMachine.TestCase
TestConnection.settings = settings(
    max_examples=settings.default.max_examples // 3, stateful_step_count=30
)


def test_the_model_forgets_who_is_retracted() -> None:
    model = Model()
    for e, other in ((1, 2), (2, 1), (3, 2)):
        model.add(e, ":p/friends", other)
        model.add(e, ":p/boss", other)
    model.add(2, ":p/parts", 3)
    model.retract_entity(2)
    assert model.now == {}
    assert issubclass(TransactError, DatamemError)
