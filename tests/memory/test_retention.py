"""Policies as data: purge, archive to a second database, evict, and histories that are not kept."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datamem
from datamem.errors import DatamemError
from datamem.memory import Memory
from datamem.memory.retention.archive import Archive
from tests.memory.conftest import fresh

CONTENT = "[:find [?c ...] :where [_ :memory/content ?c]]"


def outcomes(mem, *names, **options) -> list[tuple[str, int]]:
    return [(o.action, o.count) for o in mem.retention.apply(*names, **options)]


def test_expired_memories_are_purged(mem, clock) -> None:
    mem.add("short", expires_at=timedelta(hours=1))
    mem.add("other", type="episode", expires_at=timedelta(hours=1))
    gone = mem.add("forgotten")
    mem.add("kept")
    mem.forget(gone)
    mem.retention.set("ttl", "purge", types=["fact"], older_than=timedelta(hours=2))
    clock.advance(hours=2)
    assert outcomes(mem) == [("purge", 1)], "only what was forgotten two hours ago"
    clock.advance(hours=1)
    assert outcomes(mem, dry_run=True) == [("purge", 1)]
    assert outcomes(mem) == [("purge", 1)]
    assert outcomes(mem) == [("purge", 0)]
    assert set(mem.conn.db.q(CONTENT)) == {"other", "kept"}
    assert set(mem.conn.db.as_of(mem.conn.db.basis_t - 1).q(CONTENT)) >= {"short"}


def test_policies_are_entities_and_can_be_changed(mem) -> None:
    mem.retention.set("ttl", "purge", older_than=timedelta(days=1))
    mem.retention.set("ttl", "purge", enabled=False)
    (policy,) = mem.retention.list()
    assert (policy.action, policy.is_enabled, policy.older_than_hours) == (
        ":purge",
        False,
        None,
    )
    assert outcomes(mem) == []
    assert mem.retention.remove("ttl") is True
    assert mem.retention.remove("ttl") is False
    for action in ("archive", "evict"):
        with pytest.raises(DatamemError) as refused:
            mem.retention.set("x", action)
        assert refused.value.code == "retention/incomplete"


def test_old_sessions_move_to_a_database_that_can_still_be_asked(acme, clock, tmp_path) -> None:
    cold = str(tmp_path / "cold")
    memory = acme.add(
        "Ada likes tea", user="ada", session="s1", tags=["tea"], metadata={"a": 1}
    )
    acme.add("kept", user="ada")
    acme.retention.set("cold", "archive", target=cold)
    assert outcomes(acme) == [("archive", 0)]
    acme.sessions.end("s1")
    acme.sessions.archive("s1")
    assert outcomes(acme) == [("archive", 1)]
    assert acme.db.q(CONTENT) == ["kept"]
    assert acme.conn.db.q(CONTENT) == ["kept"], "the content has gone"
    with datamem.connect(cold, read_only=True) as archive:
        found = datamem.q(
            """[:find ?name ?text :in $ $cold
                :where [$ ?u :user/name ?name] [$ ?u :user/id ?id]
                       [$cold ?v :user/id ?id] [$cold ?m :memory/user ?v]
                       [$cold ?m :memory/content ?text]]""",
            acme.db,
            archive.db,
        )
        assert found == {("Ada", "Ada likes tea")}
        old = Memory(archive).list(tags="tea")[0]
        assert (old.id, old.user.name, old.metadata) == (memory.id, "Ada", {"a": 1})
    assert acme.unarchive(memory, cold, why="needed again") == 1
    back = acme.get(memory)
    assert (back.content, back.tags, back.user.name) == ("Ada likes tea", [":tea"], "Ada")


def test_an_interrupted_archive_goes_on(mem, tmp_path) -> None:
    memory = mem.add("x", embedding=[1.0, 2.0], model="tiny")
    with Archive.at(mem.ctx, tmp_path / "cold") as archive:
        first = archive.conn.db
        archive.put([memory])
        t = archive.conn.db.basis_t
        assert t > first.basis_t
        mem.conn.transact([[":db/retract", memory.eid, ":memory/archived-at"]])
        mem.conn.transact([[":db/add", memory.eid, ":memory/content", "x"]])
        assert archive.put([memory]) == 1, "as if the stub had never been written"
        assert archive.put([memory]) == 0
        assert archive.conn.db.q("[:find (count ?m) . :where [?m :memory/id]]") == 1
        assert archive.conn.db.q("[:find ?v . :where [_ :embedding/tiny ?v]]") is not None
    assert mem.archive([], tmp_path / "cold") == 0


priorities = st.lists(
    st.tuples(st.integers(1, 10), st.integers(0, 3), st.integers(1, 20)), max_size=10
)


@settings(max_examples=30)
@given(memories=priorities, most=st.integers(0, 8), keep=st.integers(1, 10))
def test_what_is_least_goes_first(memories, most, keep) -> None:
    """Model: sort by priority, then strength (here: how recent); drop from the front what may go."""
    mem = Memory(fresh())
    now = mem.ctx.now()
    for number, (priority, days, _) in enumerate(memories):
        mem.add(f"m{number}", priority=priority, created_at=now - timedelta(days=days))
    mem.retention.set("size", "evict", max_memories=most, keep_priority=keep)
    order = sorted(range(len(memories)), key=lambda n: (memories[n][0], -memories[n][1], n))
    may_go = [n for n in order if memories[n][0] < keep]
    gone = set(may_go[: max(len(memories) - most, 0)])
    assert outcomes(mem) == [("evict", len(gone))]
    assert set(mem.db.q(CONTENT)) == {f"m{n}" for n in range(len(memories)) if n not in gone}
    assert outcomes(mem) == [("evict", 0)] or len(may_go) < len(memories)


@settings(max_examples=20)
@given(sizes=st.lists(st.integers(1, 20), max_size=8), most=st.integers(0, 60))
def test_bytes_are_a_limit_too(sizes, most) -> None:
    """Model: drop the oldest until the rest fits."""
    mem = Memory(fresh())
    now = mem.ctx.now()
    for number, size in enumerate(sizes):
        text = "ä" * size + chr(ord("a") + number)
        mem.add(text, created_at=now - timedelta(days=len(sizes) - number))
    mem.retention.set("size", "evict", max_bytes=most)
    mem.retention.apply()
    kept = list(sizes)
    while sum(2 * size + 1 for size in kept) > most:
        kept.pop(0)
    assert len(mem.list()) == len(kept)


def test_eviction_may_archive(mem, tmp_path) -> None:
    mem.add_many(["a", "b", "c"])
    mem.retention.set("size", "evict", max_memories=1, target=str(tmp_path / "cold"))
    assert outcomes(mem) == [("evict", 2)]
    with datamem.connect(tmp_path / "cold", read_only=True) as archive:
        assert len(archive.db.q(CONTENT)) == 2


def test_attributes_may_forget_their_past(mem) -> None:
    names = [":memory/access-count"]
    mem.retention.set("counters", "no-history", attributes=names)
    assert outcomes(mem) == [("no-history", 1)]
    assert mem.conn.db.schema.require(":memory/access-count").no_history
    assert outcomes(mem) == [("no-history", 0)]


def test_a_tenant_has_policies_of_its_own(clock) -> None:
    conn = fresh(clock)
    one, two = Memory(conn, organization="one"), Memory(conn, organization="two")
    for mem in (one, two):
        mem.add("x", expires_at=timedelta(hours=1))
    one.retention.set("ttl", "purge")
    assert two.retention.list() == []
    clock.advance(hours=1)
    assert outcomes(one) == [("purge", 1)]
    assert len(two.conn.db.q("[:find ?m :where [?m :memory/content]]")) == 1
