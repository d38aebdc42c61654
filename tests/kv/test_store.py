"""Keys: what was put is what is read, now and then, until it is deleted or has expired."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import datamem
from datamem.errors import DatamemError
from datamem.kv import Scope, Store
from tests.kv.worlds import START_US, refused, world

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=3), inner, max_size=3
        )
    ),
    max_leaves=6,
)


def same(a: Any, b: Any) -> bool:
    """Tell whether two JSON values are equal, types included."""
    if type(a) is not type(b):
        return isinstance(a, int) and isinstance(b, int) and not isinstance(a, bool) and a == b
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


@given(value=json_values)
def test_any_json_value_comes_back_as_it_was(value: Any) -> None:
    conn, _ = world()
    store = Store(conn)
    store.put("key", value)
    assert same(store.get("key", "nothing"), value)


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        {1: 2},
        {"a": {2}},
        b"bytes",
        object(),
        "\ud800",
        [datetime.now],
    ],
)
def test_what_is_not_json_is_refused_and_nothing_written(value: Any) -> None:
    conn, _ = world()
    store = Store(conn)
    t = conn.db.basis_t
    with refused("json/not-json"):
        store.put("key", value)
    assert conn.db.basis_t == t
    assert store.list() == []


class Keys(RuleBasedStateMachine):
    """Model: a dict of key to (value, version, expiry), and a list of its past states by t."""

    def __init__(self) -> None:
        super().__init__()
        self.conn, self.clock = world()
        self.store = Store(self.conn, "acme")
        self.model: dict[str, tuple[Any, int, int | None]] = {}
        self.versions: dict[str, int] = {}
        self.past: dict[int, dict[str, Any]] = {}

    keys = st.sampled_from(["a", "a/1", "a/2", "b"])

    def live(self) -> dict[str, tuple[Any, int]]:
        return {
            key: (value, version)
            for key, (value, version, until) in self.model.items()
            if until is None or until > self.clock.us
        }

    @rule(key=keys, value=st.integers(0, 3) | st.none(), ttl=st.sampled_from([None, 1, 5]))
    def put(self, key: str, value: Any, ttl: int | None) -> None:
        self.clock.move(0.1)
        entry = self.store.put(key, value, ttl=ttl)
        version = self.versions[key] = self.versions.get(key, 0) + 1
        assert entry.version == version
        until = None if ttl is None else self.clock.us + ttl * 1_000_000
        self.model[key] = value, version, until

    @rule(key=keys, expected=st.integers(0, 4), value=st.integers(0, 3))
    def cas(self, key: str, expected: int, value: int) -> None:
        self.clock.move(0.1)
        actual = self.live().get(key, (None, 0))[1]
        if actual != expected:
            with pytest.raises(DatamemError) as refusal:
                self.store.cas(key, expected, value)
            assert refusal.value.data["actual"] == actual
            return
        self.versions[key] = self.versions.get(key, 0) + 1
        assert self.store.cas(key, expected, value).version == self.versions[key]
        self.model[key] = value, self.versions[key], None

    @rule(key=keys)
    def delete(self, key: str) -> None:
        self.clock.move(0.1)
        was_there = key in self.live()
        assert self.store.delete(key) is was_there
        if was_there:
            self.versions[key] += 1
            del self.model[key]

    @rule(seconds=st.sampled_from([0.5, 2, 10]))
    def wait(self, seconds: float) -> None:
        self.clock.move(seconds)

    @rule()
    def sweep(self) -> None:
        gone = set(self.model) - set(self.live())
        assert self.store.sweep() == len(gone)
        for key in gone:
            self.versions[key] += 1
            del self.model[key]

    @invariant()
    def reads_are_the_model(self) -> None:
        live = self.live()
        for prefix in ("", "a", "a/", "c"):
            found = {
                entry.name: (entry.value, entry.version) for entry in self.store.list(prefix)
            }
            assert found == {k: v for k, v in live.items() if k.startswith(prefix)}
        for key in ("a", "b"):
            assert self.store.get(key, "none") == live.get(key, ("none", 0))[0]
        self.past[self.conn.db.basis_t] = {
            key: value
            for key, (value, _, until) in self.model.items()
            if until is None or until > self.conn.db.last_instant_us
        }
        for t in (*self.past,)[::3]:
            assert {e.name: e.value for e in self.store.list(as_of=t)} == self.past[t]

    @invariant()
    def histories_have_every_version(self) -> None:
        for key, version in self.versions.items():
            versions = [change.version for change in self.store.history(key)]
            assert versions == list(range(1, version + 1))


test_keys_are_a_dict_with_a_past = Keys.TestCase


def test_a_key_as_of_a_time_has_not_expired_then() -> None:
    conn, clock = world()
    store = Store(conn)
    store.put("k", 1, ttl=timedelta(seconds=10))
    clock.move(60)
    at = datetime.fromtimestamp(START_US / 1e6 + 5, UTC)
    assert store.get("k") is None
    assert store.get("k", as_of=at) == 1
    assert store.get("k", as_of=at + timedelta(seconds=10)) is None


def test_scopes_do_not_see_each_other() -> None:
    conn, _ = world()
    acme, other = Store(conn, "acme/support"), Store(conn, Scope("acme", "sales"))
    acme.put("k", 1)
    other.put("k", 2)
    assert (acme.get("k"), other.get("k"), Store(conn, "acme").get("k")) == (1, 2, None)
    assert [entry.value for entry in acme.list()] == [1]


def test_a_rule_gives_schema_and_time_to_live_to_a_prefix() -> None:
    conn, clock = world()
    store = Store(conn)
    shape = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    store.rule("job/", schema=shape, ttl=60)
    store.rule("job/free/", ttl=5)
    for wrong in (1, {}, {"n": "1"}, {"n": 1.5}):
        with refused("kv/schema-mismatch"):
            store.put("job/1", wrong)
    store.put("job/1", {"n": 1})
    store.put("job/free/1", "anything")
    store.put("other", "anything")
    clock.move(10)
    assert [entry.name for entry in store.list()] == ["job/1", "other"]
    clock.move(60)
    assert [entry.name for entry in store.list()] == ["other"]
    store.rule("job/")
    assert store.put("job/1", 1).expires_at is None


@pytest.mark.parametrize(
    "schema",
    [
        {"typ": "object"},
        {"type": "text"},
        {"minimum": "1"},
        {"properties": {"a": 1}},
        {"pattern": "("},
    ],
)
def test_a_schema_that_cannot_be_obeyed_is_refused(schema: Any) -> None:
    conn, _ = world()
    with refused("kv/bad-schema"):
        Store(conn).rule(schema=schema)


@pytest.mark.parametrize("ttl", [0, -1, True, "1", timedelta(0), float("nan")])
def test_a_time_to_live_is_positive(ttl: Any) -> None:
    conn, _ = world()
    with refused("kv/bad-ttl"):
        Store(conn).put("k", 1, ttl=ttl)


@pytest.mark.parametrize("key", ["", None, 3])
def test_a_key_is_a_text(key: Any) -> None:
    conn, _ = world()
    with refused("kv/bad-key"):
        Store(conn).put(key, 1)


def test_a_query_follows_a_path_into_a_document() -> None:
    conn, _ = world()
    store = Store(conn)
    store.put("plan/1", {"steps": [{"tool": "search"}, {"tool": "write"}]})
    store.put("plan/2", {"steps": [{"tool": "ask"}]})
    store.put("n", 3)
    query = """[:find ?key . :in $ ?tool :where [?e :kv/key ?key] [?e :kv/value ?doc]
                [(doc/get ?doc "steps" 0 "tool") ?tool]]"""
    assert conn.db.q(query, "ask") == "plan/2"
    assert conn.db.q("[:find ?key . :where [?e :kv/key ?key] [?e :kv/value 3]]") == "n"


def test_keys_survive_closing(tmp_path: Any) -> None:
    with datamem.connect(tmp_path / "db") as conn:
        Store(conn, "a").put("k", {"n": None})
    with datamem.connect(tmp_path / "db") as conn:
        assert Store(conn, "a").get("k") == {"n": None}
        assert Store(conn, "a").put("k", 2).version == 2
