"""Transactions against a naive model: a dictionary of sets, and rules written as plainly as can be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.errors import TransactError
from tests.transact.worlds import World, datoms_of

SCHEMA = """
{:m/n {:db/valueType :db.type/long}
 :m/tags {:db/valueType :db.type/long :db/cardinality :db.cardinality/many}
 :m/any {}
 :m/key {:db/valueType :db.type/long :db/unique :db.unique/identity}
 :m/badge {:db/valueType :db.type/long :db/unique :db.unique/value}
 :m/ref {:db/valueType :db.type/ref}
 :m/part {:db/valueType :db.type/ref :db/isComponent true :db/cardinality :db.cardinality/many}}
"""
MANY = {":m/tags", ":m/part"}
UNIQUE = {":m/key", ":m/badge"}
REFS = {":m/ref", ":m/part"}

State = dict[tuple[int, str], frozenset[Any]]


class RefusedError(Exception):
    """The model does not allow the transaction."""


def entity_with(state: State, a: str, value: Any) -> int | None:
    return next((e for (e, x), values in state.items() if x == a and value in values), None)


def place(state: State, forms: list[Any], written: Any) -> int:
    """An id, or a lookup ref that the state or else the transaction knows."""
    if isinstance(written, int):
        return written
    found = entity_with(state, written[0], written[1])
    if found is None:
        found = next(
            (
                f[1]
                for f in forms
                if f[0] == ":db/add" and [f[2], f[3]] == written and isinstance(f[1], int)
            ),
            None,
        )
    if found is None:
        raise RefusedError
    return found


class Statement:
    """What a transaction's forms assert, retract and doom."""

    def __init__(self) -> None:
        self.asserted: dict[tuple[int, str], set[Any]] = {}
        self.stated: dict[tuple[int, str], set[Any]] = {}
        self.doomed: list[int] = []

    def read(self, state: State, e: int, op: str, rest: list[Any]) -> None:
        if op == ":db/add":
            self.asserted.setdefault((e, rest[0]), set()).add(tagged(rest[1]))
        elif op == ":db/cas":
            a, old, new = rest
            if state.get((e, a), frozenset()) != (
                frozenset() if old is None else {tagged(old)}
            ):
                raise RefusedError
            self.asserted.setdefault((e, a), set()).add(tagged(new))
        elif op == ":db/retract" and len(rest) == 2:
            self.stated.setdefault((e, rest[0]), set()).add(tagged(rest[1]))
        elif op == ":db/retract":
            values = state.get((e, rest[0]), frozenset())
            self.stated.setdefault((e, rest[0]), set()).update(values)
            self.doomed += list(values) if rest[0] == ":m/part" else []
        else:
            self.doomed.append(e)

    def doom(self, state: State) -> set[int]:
        """Retract the doomed with their parts and the references to them; return who is gone."""
        gone = set()
        while self.doomed:
            e = self.doomed.pop()
            if e in gone:
                continue
            gone.add(e)
            for (x, a), values in state.items():
                if x == e:
                    self.stated.setdefault((x, a), set()).update(values)
                    self.doomed += list(values) if a == ":m/part" else []
                elif a in REFS and e in values:
                    self.stated.setdefault((x, a), set()).add(e)
        return gone - {e for e, _ in self.asserted}


def transact(state: State, forms: list[Any]) -> State:
    """Return the state after a set of list forms with explicit ids, or refuse it."""
    statement = Statement()
    for op, written, *rest in forms:
        statement.read(state, place(state, forms, written), op, rest)
    gone = statement.doom(state)
    return combine(state, statement.asserted, statement.stated, gone)


def combine(state: State, asserted: Any, stated: Any, gone: set[int]) -> State:
    after = {slot: set(values) for slot, values in state.items()}
    for slot, values in stated.items():
        if values & asserted.get(slot, set()):
            raise RefusedError
        after[slot] = after.get(slot, set()) - values
    for (e, a), values in asserted.items():
        if a not in MANY and len(values) > 1:
            raise RefusedError
        if a in REFS and (values - state.get((e, a), frozenset())) & gone:
            raise RefusedError
        after[e, a] = after.get((e, a), set()) | values if a in MANY else set(values)
    for a in UNIQUE:
        owned = [value for (_, x), values in after.items() if x == a for value in values]
        if len(owned) != len(set(owned)):
            raise RefusedError
    return {slot: frozenset(values) for slot, values in after.items() if values}


def tagged(value: Any) -> Any:
    return value if type(value) is int else (type(value).__name__, value)


ids = st.integers(1, 4)
numbers = st.integers(0, 3)
places = st.one_of(ids, st.tuples(st.just(":m/key"), numbers).map(list))
plain_attributes = st.sampled_from([":m/n", ":m/tags", ":m/key", ":m/badge"])
pairs = st.one_of(
    st.tuples(plain_attributes, numbers),
    st.tuples(st.sampled_from([":m/ref", ":m/part"]), ids),
    st.tuples(st.just(":m/any"), st.sampled_from([0, 1, True, False, 1.0])),
)
forms = st.one_of(
    st.tuples(st.just(":db/add"), places, pairs).map(lambda f: [f[0], f[1], *f[2]]),
    st.tuples(st.just(":db/retract"), places, pairs).map(lambda f: [f[0], f[1], *f[2]]),
    st.tuples(st.just(":db/retract"), places, plain_attributes).map(list),
    st.tuples(st.just(":db/retract"), places, st.just(":m/part")).map(list),
    st.tuples(st.just(":db/retractEntity"), places).map(list),
    st.tuples(
        st.just(":db/cas"), places, st.just(":m/n"), st.one_of(st.none(), numbers), numbers
    ).map(list),
)


def facts(state: State) -> set[tuple[int, str, Any]]:
    return {(e, a, value) for (e, a), values in state.items() for value in values}


def world_facts(world: World) -> set[tuple[int, str, Any]]:
    found = set()
    for e, a, value in world.facts():
        kind_is_told = isinstance(value, tuple)
        found.add((e, a, value if kind_is_told or type(value) is int else tagged(value)))
    return found


@pytest.mark.parametrize("kind", ["real", "dict"])
@given(
    transactions=st.lists(st.lists(forms, min_size=1, max_size=5), max_size=6), data=st.data()
)
def test_transactions_do_what_the_model_does(
    kind: str, transactions: list[Any], data: Any
) -> None:
    """Model: entity and attribute to a set of values; forms in any order give the same."""
    world = World(kind, SCHEMA)
    state: State = {}
    for tx in transactions:
        shuffled = data.draw(st.permutations(tx))
        try:
            expected = transact(state, tx)
        except RefusedError:
            for order in (tx, shuffled):
                with pytest.raises(TransactError):
                    world.resolve(order)
            continue
        plan, other = world.resolve(tx), world.resolve(shuffled)
        assert plan_rows(plan, world) == plan_rows(other, world)
        world.transact(tx)
        state = expected
        assert world_facts(world) == facts(state)


def plan_rows(plan: Any, world: World) -> list[str]:
    return sorted(map(repr, datoms_of(plan, world.db)))


entities = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            ":db/id": st.sampled_from([-1, -2, "x"]),
            ":m/key": numbers,
            ":m/n": numbers,
            ":m/tags": st.lists(numbers),
            ":m/ref": st.one_of(
                st.sampled_from([-1, -2, "x"]), st.tuples(st.just(":m/key"), numbers).map(list)
            ),
        },
    ),
    max_size=5,
)


@given(before=entities, maps=entities, data=st.data())
def test_the_order_of_maps_only_names_new_entities_otherwise(
    before: Any, maps: Any, data: Any
) -> None:
    """Compared up to the ids of new entities: every entity is known by what it says."""
    world = World("dict", SCHEMA)
    try:
        world.transact(before)
    except TransactError:
        return
    outcomes = []
    for order in (maps, data.draw(st.permutations(maps))):
        try:
            plan = world.resolve(order)
        except TransactError as error:
            outcomes.append({c["code"] for c in error.data["conflicts"]})
            continue
        new = range(world.db.next_entity, plan.next_entity)
        known: dict[int, Any] = {}
        for e, a, v, added in datoms_of(plan, world.db):
            named = "new" if a == ":m/ref" and v in new else v
            known.setdefault(e, set()).add((a, named, added))
        outcomes.append(
            sorted(
                repr(("new" if e in new else e, sorted(map(repr, said))))
                for e, said in known.items()
            )
        )
    assert outcomes[0] == outcomes[1]
