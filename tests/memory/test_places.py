"""Where the next turn goes: what is kept of sessions says what reading them again would say."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamem.errors import DatamemError
from datamem.memory import Memory
from datamem.memory.collections.places import places_of
from tests.memory.conftest import fresh

TENANTS = ("acme", "evil")
SESSIONS = 3
WRITERS = ("everything", "acme", "evil", "ada", "bob", "s0")

adds = st.tuples(
    st.just("add"),
    st.integers(0, SESSIONS - 1),
    st.sampled_from(WRITERS),
    st.sampled_from(["user", "assistant", "critic"]),
)
changes = st.tuples(
    st.sampled_from(
        [
            "end",
            "pause",
            "resume",
            "owner",
            "user owner",
            "raw",
            "erase",
            "late",
            "move",
            "part",
        ]
    ),
    st.integers(0, SESSIONS - 1),
    st.sampled_from(TENANTS),
    st.integers(1, 9),
)


def database() -> tuple[Memory, dict[str, Memory], list[Any]]:
    """Return a whole memory, memories of parts of it by name, and sessions of one tenant."""
    whole = Memory(fresh())
    acme, evil = (Memory(whole.conn, organization=name) for name in TENANTS)
    for name in ("ada", "bob"):
        acme.users.create(name.title(), id=name)
    acme.agents.create("Pip", id="pip")
    sessions = [acme.sessions.create(user="ada", agent="pip", id=f"s{n}") for n in range(3)]
    writers = {
        "everything": whole,
        "acme": acme,
        "evil": evil,
        "ada": acme.scope(user="ada"),
        "bob": acme.scope(user="bob"),
        "s0": acme.scope(session="s0"),
    }
    return whole, writers, sessions


def outcome(memory: Memory, session: Any, role: str) -> Any:
    """Return what came of adding a turn: its facts without what is random, or the refusal's code."""
    try:
        turn = memory.add_message(session, role, "x")
    except DatamemError as error:
        return error.code
    facts = dict(memory.conn.db.entity_words(turn.eid))
    schema = memory.conn.db.schema
    for name in (":message/id", ":message/timestamp"):
        facts.pop(schema.require(name).id)
    return turn.eid, turn.sequence, facts


def on_a_branch(memory: Memory) -> Memory:
    """Return the same scope of a branch, where nothing is known of any session."""
    branch = Memory.__new__(Memory)
    context = type(memory.ctx)(memory.conn.fork(), memory.ctx.scope, None)
    branch._take(context)
    return branch


def change(whole: Memory, session: Any, what: str, tenant: str, number: int) -> None:
    """Do something that places follow from, by whatever way it can be done."""
    conn, eid = whole.conn, session.eid
    turns = whole.messages.of_session(session)
    match what:
        case "end" | "pause" | "resume":
            getattr(whole.sessions, what)(session)
        case "owner":
            conn.transact(
                [[":db/add", eid, ":session/organization", [":organization/id", tenant]]]
            )
        case "user owner":
            user = [":user/external-id", "ada" if number % 2 else "bob"]
            conn.transact(
                [[":db/add", user, ":user/organization", [":organization/id", tenant]]]
            )
        case "raw":
            place = number if number < 7 else None
            conn.transact([{":message/session": eid, ":message/sequence": place}])
        case "erase":
            conn.transact([[":db/retractEntity", turn.eid] for turn in turns[-1:]])
        case "late":
            conn.transact(
                [[":db/add", turn.eid, ":message/sequence", 50] for turn in turns[:1]]
            )
        case "move":
            other = f"s{(int(session.external_id[1:]) + 1) % SESSIONS}"
            to = [":session/external-id", other]
            conn.transact([[":db/add", turn.eid, ":message/session", to] for turn in turns[:1]])
        case "part":
            conn.transact([[":db/add", eid, ":candidate/recall", [":user/external-id", "bob"]]])


@settings(max_examples=60)
@given(steps=st.lists(st.one_of(adds, adds, changes), max_size=14))
def test_what_is_known_says_what_reading_again_says(steps) -> None:
    """Model: the same call on a branch of the same instant, which knows nothing yet."""
    whole, writers, sessions = database()
    for what, which, who, detail in steps:
        session = sessions[which]
        if what != "add":
            with suppress(DatamemError):  # a session that has ended does not end again
                change(whole, session, what, who, detail)
            continue
        expected = outcome(on_a_branch(writers[who]), session, detail)
        assert outcome(writers[who], session, detail) == expected
        again = outcome(on_a_branch(writers[who]), session, detail)
        assert outcome(writers[who], session.external_id, detail) == again


def test_a_second_turn_reads_nothing_of_its_session(acme, monkeypatch) -> None:
    session = acme.sessions.get("s1")
    acme.add_message(session, "user", "one")
    monkeypatch.setattr(
        "datamem.memory.collections.places._owners", lambda *_: pytest.fail("read again")
    )
    monkeypatch.setattr(
        "datamem.memory.scope.scope.check_writes", lambda *_: pytest.fail("checked")
    )
    acme.conn.transact([{":user/name": "Somebody else"}])
    assert acme.add_message(session, "user", "two").sequence == 2


def test_a_session_that_ends_is_known_to_have_ended(acme) -> None:
    session = acme.sessions.get("s1")
    acme.add_message(session, "user", "one")
    acme.sessions.end(session)
    with pytest.raises(DatamemError, match="has ended"):
        acme.add_message(session, "user", "two")


def test_a_place_that_is_given_later_counts(acme) -> None:
    session = acme.sessions.get("s1")
    acme.add_message(session, "user", "one")
    report = acme.conn.transact([{":db/id": "m", ":message/session": session.eid}])
    acme.conn.transact([[":db/add", report.tempids["m"], ":message/sequence", 9]])
    assert acme.add_message(session, "user", "ten").sequence == 10


def test_a_session_that_is_a_part_of_something_is_judged_each_time() -> None:
    whole, writers, (session, *_) = database()
    bob = [":user/external-id", "bob"]
    whole.conn.transact([[":db/add", session.eid, ":candidate/recall", bob]])
    assert writers["acme"].add_message(session, "user", "one").sequence == 1
    whole.conn.transact([[":db/add", bob, ":user/organization", [":organization/id", "evil"]]])
    with pytest.raises(DatamemError) as refused:
        writers["acme"].add_message(session, "user", "two")
    assert refused.value.code == "memory/unknown"


def test_many_transactions_later_a_session_is_read_again(acme, monkeypatch) -> None:
    monkeypatch.setattr("datamem.memory.collections.places._MOST_BEHIND", 3)
    monkeypatch.setattr("datamem.memory.collections.places._MOST_SESSIONS", 2)
    sessions = [acme.sessions.create(user="ada", agent="pip") for _ in range(4)]
    for number in range(1, 4):
        for session in sessions:
            assert acme.add_message(session, "user", "x").sequence == number
            acme.conn.transact([{":user/name": "Somebody else"}])
            acme.conn.transact([{":user/name": "Somebody else"}])


def test_a_commit_that_fails_leaves_no_place_behind(acme, monkeypatch) -> None:
    session = acme.sessions.get("s1")
    acme.add_message(session, "user", "one")
    store = acme.conn._store

    def refuse(*_: Any) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(store, "append", refuse)
        with pytest.raises(OSError, match="disk full"):
            acme.add_message(session, "user", "never")
    assert acme.add_message(session, "user", "two").sequence == 2
    assert places_of(acme.conn.db).known(acme.conn, acme.conn.db, session.eid) is not None


def test_a_bulk_load_of_turns_counts(acme) -> None:
    session = acme.sessions.get("s1")
    acme.add_message(session, "user", "one")
    acme.conn.load({":message/session": [session.eid] * 3, ":message/sequence": [2, 3, 4]})
    assert acme.add_message(session, "user", "five").sequence == 5
