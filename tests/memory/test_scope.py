"""Scopes: a tenant, user, agent or session sees and writes its own, whatever it asks."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamem.errors import DatamemError
from datamem.memory import Memory
from datamem.memory.scope.judge import judge_of
from datamem.memory.scope.scope import visible
from tests.memory.conftest import fresh

CONTENT = "[:find [?c ...] :where [_ :memory/content ?c]]"


@pytest.fixture
def tenants(clock):
    """Two organisations in one database, each with a user, an agent, a session and a memory."""
    with fresh(clock) as conn:
        found = {}
        for name in ("acme", "evil"):
            mem = found[name] = Memory(conn, organization=name)
            mem.users.create(f"{name} user", id=f"{name}-user")
            mem.users.create(f"{name} other", id=f"{name}-other")
            mem.agents.create(f"{name} agent", id=f"{name}-agent")
            mem.agents.create(f"{name} aide", id=f"{name}-aide")
            for user in ("user", "other"):
                mem.sessions.create(
                    user=f"{name}-{user}", agent=f"{name}-agent", id=f"{name}-{user}-s"
                )
                mem.add_message(
                    f"{name}-{user}-s",
                    "user",
                    f"{name} {user} says",
                    tool_calls=[{"id": "c", "function": {"name": f"{name}-tool"}}],
                )
                mem.add(f"{name} {user} secret", user=f"{name}-{user}")
            mem.add(f"{name} rule")
            mem.add(f"{name} aide's", agent=f"{name}-aide")
        yield found


def test_a_tenant_sees_nothing_of_another(tenants) -> None:
    acme, evil = tenants["acme"], tenants["evil"]
    for db in (acme.db, acme.view(include_forgotten=True), acme.db.history()):
        for query in (
            CONTENT,
            "[:find [?c ...] :where [_ :message/content ?c]]",
            "[:find [?c ...] :where [_ :tool-call/name ?c]]",
            "[:find [?c ...] :where [_ :user/name ?c]]",
            "[:find [?c ...] :where [_ :organization/name ?c]]",
        ):
            found = db.q(query)
            assert found, query
            assert all(text.startswith("acme") for text in found), query
    assert acme.get(evil.list()[0]) is None
    assert acme.sessions.get("evil-user-s") is None
    assert acme.users.list(limit=10) != []


def test_any_way_of_reading_is_scoped(tenants) -> None:
    acme, evil = tenants["acme"], tenants["evil"]
    secret = evil.list()[0]
    db = acme.db
    assert db.pull("[*]", secret.eid) in (None, {":db/id": secret.eid})
    assert secret.eid not in {datom.e for datom in db.datoms("eavt")}
    assert secret.eid not in {d.e for d in db.datoms("aevt", ":memory/content")}
    assert db.entity(secret.eid).get(":memory/content") is None
    everything = db.q("[:find ?e ?v :where [?e ?a ?v]]")
    assert not any("evil" in str(value) for _, value in everything)


@pytest.mark.parametrize(
    "write",
    [
        lambda acme, secret: acme.forget(secret),
        lambda acme, secret: acme.revise(secret, "mine"),
        lambda acme, secret: acme.add("x", parent=secret),
        lambda acme, secret: acme.relate(acme.list()[0], secret),
        lambda acme, secret: acme.add_message("evil-user-s", "user", "hello"),
        lambda acme, secret: acme.sessions.create(user="evil-user"),
        lambda acme, secret: acme.ctx.transact(
            [[":db/add", secret.eid, ":memory/summary", "x"]]
        ),
        lambda acme, secret: acme.ctx.transact([[":db/retractEntity", secret.eid]]),
        lambda acme, secret: acme.ctx.transact(
            [{":memory/id": secret.id, ":memory/content": "upserted"}]
        ),
        lambda acme, secret: acme.ctx.transact(
            [[":db/add", acme.list()[0].eid, ":memory/source-memories", secret.eid]]
        ),
        lambda acme, secret: acme.ctx.transact(
            [
                {
                    ":memory/content": "theirs",
                    ":memory/organization": [":organization/id", "evil"],
                }
            ]
        ),
        lambda acme, secret: acme.ctx.transact([{":memory/content": "nobody's"}]),
        lambda acme, secret: acme.ctx.transact(
            [
                [
                    ":db/add",
                    acme.list()[0].eid,
                    ":memory/organization",
                    [":organization/id", "evil"],
                ]
            ]
        ),
        lambda acme, secret: acme.ctx.transact([{":new/attribute": 1}]),
    ],
)
def test_nothing_is_written_outside(tenants, write) -> None:
    acme, evil = tenants["acme"], tenants["evil"]
    t = acme.conn.db.basis_t
    with pytest.raises(DatamemError) as refused:
        write(acme, evil.list()[0])
    assert refused.value.code in {"memory/unknown", "scope/outside", "scope/schema"}
    assert acme.conn.db.basis_t == t


def test_a_view_that_is_given_is_seen_as_the_scope_sees_it(tenants) -> None:
    acme, evil = tenants["acme"], tenants["evil"]
    secret = evil.list()[0]
    for db in (
        acme.conn.db,
        Memory(acme.conn).view(),
        evil.db,
        acme.conn.db.as_of(acme.conn.db.t),
    ):
        assert acme.get(secret, db=db) is None
        assert "evil" not in " ".join(memory.content for memory in acme.list(db=db))
        assert acme.users.get("evil-user", db=db) is None
    assert acme.ctx.within(acme.db) is acme.db


def test_a_name_is_taken_in_the_whole_database(tenants) -> None:
    acme = tenants["acme"]
    for make in (
        lambda: acme.users.create("x", id="evil-user"),
        lambda: acme.sessions.create(id="evil-user-s"),
    ):
        with pytest.raises(DatamemError) as refused:
            make()
        assert refused.value.code == "memory/exists"


def test_a_user_sees_their_own_and_what_is_shared(tenants) -> None:
    ada = tenants["acme"].scope(user="acme-user")
    assert set(ada.db.q(CONTENT)) == {"acme user secret", "acme rule", "acme aide's"}
    assert ada.db.q("[:find [?c ...] :where [_ :message/content ?c]]") == ["acme user says"]
    assert [user.name for user in ada.users.list()] == ["acme user"]
    added = ada.add("from her scope")
    assert added.user.name == "acme user"
    with pytest.raises(DatamemError):
        ada.add("x", user="acme-other")
    with pytest.raises(DatamemError) as refused:
        ada.scope(user="acme-other")
    assert refused.value.code in {"memory/unknown", "scope/wider"}


def test_scopes_of_agents_sessions_and_apps(tenants) -> None:
    acme = tenants["acme"]
    pip = acme.scope(agent="acme-agent")
    assert "acme aide's" not in set(pip.db.q(CONTENT))
    talk = acme.scope(session="acme-user-s")
    assert talk.db.q("[:find [?c ...] :where [_ :message/content ?c]]") == ["acme user says"]
    assert talk.add("learned here").session.external_id == "acme-user-s"
    shop, blog = acme.scope(app="shop"), acme.scope(app="blog")
    shop.add("in the shop")
    assert "in the shop" in set(shop.db.q(CONTENT))
    assert "in the shop" not in set(blog.db.q(CONTENT))
    assert "in the shop" in set(acme.db.q(CONTENT))


def test_who_wrote_is_on_the_transaction(tenants, clock) -> None:
    ada = tenants["acme"].scope(user="acme-user")
    memory = ada.add("hers")
    clock.advance(hours=1)
    tenants["acme"].scope(agent="acme-agent").revise(memory, "corrected")
    found = tenants["acme"].audit(memory)
    assert (found.created_by.name, found.updated_by.name) == ("acme user", "acme agent")
    assert found.updated_at - found.created_at >= timedelta(minutes=59)
    assert found.change_count == 2


def test_transactions_of_others_say_nothing(tenants) -> None:
    evil = tenants["evil"].scope(user="evil-user")
    evil.add("x", why="their reason")
    query = "[:find [?why ...] :where [?tx :tx/why ?why]]"
    assert list(tenants["acme"].db.q(query)) == []
    assert list(tenants["evil"].db.q(query)) == ["their reason"]


owners = st.tuples(
    st.sampled_from([None, 0, 1]), st.sampled_from([None, 0, 1]), st.sampled_from([None, 0, 1])
)


@settings(max_examples=30)
@given(memories=st.lists(owners, max_size=6), scope=owners)
def test_a_scope_is_what_its_owners_say(memories, scope) -> None:
    """Model: a memory is shown if each owner that the scope and the memory name is the same one."""
    mem = Memory(fresh())
    users = [mem.users.create(f"u{n}") for n in (0, 1)]
    agents = [mem.agents.create(f"a{n}") for n in (0, 1)]
    sessions = [mem.sessions.create() for n in (0, 1)]
    kinds = {"user": users, "agent": agents, "session": sessions}

    def named(pair) -> dict:
        several = zip(kinds, pair, strict=True)
        return {kind: kinds[kind][n] for kind, n in several if n is not None}

    for number, pair in enumerate(memories):
        mem.add(f"m{number}", **named(pair))
    wanted = {
        f"m{number}"
        for number, pair in enumerate(memories)
        if all(a is None or b is None or a == b for a, b in zip(pair, scope, strict=True))
    }
    scoped = mem.scope(**named(scope))
    assert set(scoped.db.q(CONTENT)) == wanted
    db = mem.conn.db
    every = np.arange(1, db.next_entity)
    one_by_one = [judge_of(db, scoped.ctx.scope).shows(e) for e in every.tolist()]
    assert visible(db, every, scoped.ctx.scope).tolist() == one_by_one


@settings(max_examples=20)
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 5), st.integers(0, 1)), max_size=10
    )
)
def test_a_table_is_carried_on_from_value_to_value(steps) -> None:
    """Model: the table of a value is what judging all its entities anew gives."""
    mem = Memory(fresh())
    users = [mem.users.create(f"u{n}") for n in (0, 1)]
    sessions = [mem.sessions.create(user=users[n % 2]) for n in range(3)]
    for n in range(60):
        mem.add_message(sessions[n % 3], "user", f"{n}")
    scope = mem.scope(user=users[0]).ctx.scope
    for kind, which, user in steps:
        session = sessions[which % 3]
        if kind == 0:
            mem.add(f"m{which}", user=users[user], dedupe=False)
        elif kind == 1:
            mem.sessions.update(session, user=users[user])
        elif kind == 2:
            mem.add_message(session, "user", "more")
        elif kind == 3 and mem.list():
            mem.delete(mem.list()[-1])
        else:
            mem.conn.transact([{":open/attribute": which}])
        db = mem.conn.db
        every = np.arange(db.next_entity)
        assert mem.ctx.scope.is_everything
        assert scope.of(db).view.shows(every).tolist() == visible(db, every, scope).tolist()
