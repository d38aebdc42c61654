"""The examples of the design for agents that code: each runs, and what is a query runs as it stands."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

import datamem
from datamem.edn import print_edn, read
from datamem.memory import Memory
from tests.memory.conftest import START, fresh

EXAMPLE_SCHEMA = (Path(__file__).parent / "examples" / "agent_schema.edn").read_text("utf-8")
AGENT, USER, PROJECT, SESSION = (UUID(int=number) for number in range(1, 5))

# The schema


def test_the_schema_loads_as_it_stands_and_ours_agrees_with_it() -> None:
    with datamem.connect(schema=EXAMPLE_SCHEMA) as conn, fresh() as ours:
        for name in read(EXAMPLE_SCHEMA):
            theirs, here = conn.db.schema.require(name), ours.db.schema.require(name)
            assert (here.value_type, here.many, here.unique) == (
                theirs.value_type,
                theirs.many,
                theirs.unique,
            ), name


def test_an_attribute_for_vectors_as_it_stands() -> None:
    schema = """{:memory/embedding {:db/index-type :db.index/vector
                                    :db/dimension 1536  ;; OpenAI embeddings
                                    :db/metric-type :db.metric/cosine}}"""
    with datamem.connect(schema=schema) as conn, fresh() as ours:
        spec = conn.db.schema.require(":memory/embedding").vector
        assert ours.db.schema.require(":memory/embedding").vector == spec
    several = {
        ":memory/embedding": {":db/valueType": ":db.type/f64", ":db/cardinality": "many"}
    }
    assert datamem.connect(schema=several).db.schema.require(":memory/embedding").many


# The lifecycle


def create_session(conn, session_id: UUID = SESSION) -> UUID:
    now = conn.now_us()
    conn.transact(
        [
            {
                ":session/id": session_id,
                ":session/agent": [":agent/id", AGENT],
                ":session/user": [":user/id", USER],
                ":session/project": [":project/id", PROJECT],
                ":session/status": ":active",
                ":session/created-at": datetime.fromtimestamp(now / 1e6, UTC),
                ":session/meta": print_edn({":initiator": ":user", ":context": []}),
            }
        ]
    )
    conn.transact(
        [[":db/add", [":user/id", USER], ":user/active-session", [":session/id", session_id]]]
    )
    return session_id


def store_message(conn, session_id: UUID, role: str, content: str, model: str | None = None):
    last = conn.db.q(
        """[:find (max ?seq)
                                 :in $ ?session-id
                                 :where [?m :message/session ?session]
                                        [?m :message/sequence ?seq]
                                        [?session :session/id ?session-id]]""",
        session_id,
    )
    last_seq = next(iter(last))[0] if len(last) else 0
    return conn.transact(
        [
            {
                ":message/id": uuid4(),
                ":message/session": [":session/id", session_id],
                ":message/role": role,
                ":message/content": content,
                ":message/sequence": last_seq + 1,
                ":message/timestamp": datetime.fromtimestamp(conn.now_us() / 1e6, UTC),
                ":message/model": model,
            }
        ]
    )


@pytest.fixture
def conn(clock):
    with fresh(clock) as conn:
        conn.transact(
            [
                {":agent/id": AGENT, ":agent/name": "coder"},
                {":user/id": USER, ":user/name": "Ada"},
                {":project/id": PROJECT, ":project/name": "datamem"},
            ]
        )
        create_session(conn)
        store_message(conn, SESSION, ":user", "hello")
        clock.advance(minutes=1)
        store_message(conn, SESSION, ":assistant", "hi", model="m")
        yield conn


SESSION_MESSAGES = """[:find (pull ?m [:message/role
                              :message/content
                              :message/timestamp])
              :in $ ?session-id
              :where [?m :message/session ?session-id]]"""


def session_messages(db, session_id) -> list:
    found = db.q(SESSION_MESSAGES, [":session/id", session_id])
    return sorted((row[0] for row in found), key=lambda m: m[":message/timestamp"])


def consolidate_session(conn, session_id: UUID) -> UUID:
    """Summarize a session into an episodic memory."""
    messages = session_messages(conn.db, session_id)
    summary = ", ".join(message[":message/content"] for message in messages)
    ids = conn.db.q(
        "[:find [?id ...] :where [?m :message/session ?s] [?s :session/id] [?m :message/id ?id]]"
    )
    episode_id = uuid4()
    conn.transact(
        [
            {
                ":memory/id": episode_id,
                ":memory/session": [":session/id", session_id],
                ":memory/type": ":episode",
                ":memory/content": summary,
                ":memory/level": 1,
                ":memory/decay-rate": 0.4,
                ":memory/initial-strength": 1.0,
                ":memory/source-messages": [[":message/id", one] for one in ids],
                ":memory/created-at": datetime.fromtimestamp(conn.now_us() / 1e6, UTC),
            }
        ]
    )
    return episode_id


def test_a_session_and_its_messages(conn) -> None:
    messages = session_messages(conn.db, SESSION)
    assert [m[":message/content"] for m in messages] == ["hello", "hi"]
    assert conn.db.q("[:find [?n ...] :where [_ :message/sequence ?n]]") == [1, 2]
    assert Memory(conn).add_message(SESSION, "user", "and here").sequence == 3


def test_consolidating_a_session_into_an_episode(conn) -> None:
    episode = Memory(conn).get(consolidate_session(conn, SESSION))
    assert (episode.content, episode.level, episode.type) == ("hello, hi", 1, ":episode")
    assert sorted(m.sequence for m in episode.source_messages) == [1, 2]


# Vectors


def store_memory(conn, content: str, vector) -> None:
    conn.transact(
        [
            {
                ":memory/id": uuid4(),
                ":memory/type": ":interaction",
                ":memory/content": content,
                ":memory/embedding": vector,
                ":memory/initial-strength": 1.0,
                ":memory/decay-rate": 0.8,
                ":memory/last-recall": START,
            }
        ]
    )


def test_storing_and_finding_similar_memories(conn) -> None:
    def vector(*first: float) -> list[float]:
        return [*first, *[0.0] * (1536 - len(first))]

    store_memory(conn, "east", vector(1.0))
    store_memory(conn, "north", vector(0.0, 1.0))
    store_memory(conn, "north-east", vector(1.0, 0.9))
    found = conn.db.q(
        """[:find (pull ?m [:memory/id :memory/content :memory/importance])
         :in $ ?query-vec ?k
         :where [(vector/search :memory/embedding ?query-vec ?k) [[?m]]]]""",
        vector(1.0, 0.1),
        2,
    )
    assert {row[0][":memory/content"] for row in found} == {"east", "north-east"}


# The five patterns


def add(conn, content: str, **facts) -> None:
    said = {f":memory/{name.replace('_', '-')}": value for name, value in facts.items()}
    conn.transact([{":memory/id": uuid4(), ":memory/content": content, **said}])


def test_pattern_2_memories_needing_review(conn) -> None:
    add(conn, "old", last_reviewed=START - timedelta(days=30))
    add(conn, "new", last_reviewed=START)
    found = conn.db.q(
        """[:find (pull ?m [:memory/id
                           :memory/content
                           :memory/last-reviewed
                           :memory/current-strength])
           :in $ ?threshold
           :where [?m :memory/last-reviewed ?reviewed]
                  [(< ?reviewed ?threshold)]]""",
        START - timedelta(days=7),
    )
    assert [row[0][":memory/content"] for row in found] == ["old"]


def test_pattern_3_strength(conn, clock) -> None:
    add(conn, "x", initial_strength=1.0, decay_rate=0.1, created_at=START, type=":fact")
    now = START + timedelta(hours=5)

    def calculate_strength(memory, now) -> float:
        last_recall = memory.get(":memory/last-reviewed") or memory[":memory/created-at"]
        hours_since = (now - last_recall) / timedelta(hours=1)
        rate = memory[":memory/decay-rate"]
        return memory[":memory/initial-strength"] * math.exp(-(rate * hours_since))

    memories = conn.db.q(
        """[:find (pull ?m [*])
                        :where [?m :memory/id _]]"""
    )
    conn.transact(
        [
            [":db/add", m[":db/id"], ":memory/current-strength", calculate_strength(m, now)]
            for (m,) in memories
        ]
    )
    stored = conn.db.q("[:find ?s . :where [_ :memory/current-strength ?s]]")
    assert stored == pytest.approx(math.exp(-0.5))
    memory = Memory(conn).list()[0]
    assert Memory(conn).strength(memory, at=now) == pytest.approx(stored)


def test_pattern_4_the_hierarchy(conn) -> None:
    mem = Memory(conn)
    theme = mem.add("theme", type="theme", level=2)
    episode = mem.add("episode", type="episode", level=1, parent=theme)
    mem.add("raw", type="interaction", level=0, parent=episode)

    def memory_tree(db, memory_id, depth: int):
        memory = db.entity([":memory/id", memory_id])
        if memory is None or depth <= 0:
            return None
        children = memory.get(":memory/_parent", [])
        return {
            "content": memory[":memory/content"],
            "level": memory[":memory/level"],
            "children": [memory_tree(db, m[":memory/id"], depth - 1) for m in children],
        }

    raw = {"content": "raw", "level": 0, "children": []}
    wanted = {"content": "theme", "level": 2, "children": [{"content": "episode", "level": 1}]}
    wanted["children"][0]["children"] = [raw]
    assert memory_tree(conn.db, theme.id, 3) == wanted
    assert conn.db.q("[:find ?m :where [?m :memory/children _]]") == set(), "never stored twice"


def test_pattern_5_recurring_patterns(conn, clock) -> None:
    other = create_session(conn, uuid4())
    for session in (SESSION, other):
        add(conn, "tests first", session=[":session/id", session], type=":theme")
    add(conn, "small steps", session=[":session/id", other], type=":theme")
    found = conn.db.q(
        """[:find ?theme (count ?session)
              :in $ ?user-id ?start ?end
              :where [?u :user/id ?user-id]
                     [?session :session/user ?u]
                     [?session :session/created-at ?t]
                     [(>= ?t ?start)]
                     [(<= ?t ?end)]
                     [?m :memory/session ?session]
                     [?m :memory/type :theme]
                     [?m :memory/content ?theme]]""",
        USER,
        START - timedelta(days=1),
        START + timedelta(days=1),
    )
    assert sorted(found, key=lambda row: -row[1])[:10] == [
        ("tests first", 2),
        ("small steps", 1),
    ]


# What comes for nothing


def test_joins_without_saying_so(conn) -> None:
    query = """[:find ?content
       :in $ ?user-id
       :where [?user :user/id ?user-id]
              [?user :user/active-session ?session]
              [?msg :message/session ?session]
              [?msg :message/content ?content]]"""
    assert conn.db.q(query, USER) == {("hello",), ("hi",)}


def test_time_ranges(conn, clock) -> None:
    query = """[:find (pull ?s [:session/id :session/title])
       :in $ ?start
       :where [?s :session/created-at ?t]
              [(>= ?t ?start)]]"""
    assert len(conn.db.q(query, clock.now - timedelta(days=7))) == 1
    assert len(conn.db.q(query, clock.now + timedelta(days=7))) == 0


def test_an_attribute_that_no_schema_names(conn) -> None:
    add(conn, "x")
    eid = conn.db.q("[:find ?m . :where [?m :memory/content]]")
    conn.transact([[":db/add", eid, ":memory/new-attribute", "value"]])
    query = """[:find ?m ?new-val
       :where [?m :memory/id _]
              [(get-else $ ?m :memory/new-attribute nil) ?new-val]]"""
    assert conn.db.q(query) == {(eid, "value")}


# Backup, ranges, batches


def test_a_copy_and_an_export_that_can_be_read_again(conn, tmp_path) -> None:
    consolidate_session(conn, SESSION)
    conn.copy(tmp_path / "copy")
    with datamem.connect(tmp_path / "copy", read_only=True) as copy:
        assert len(session_messages(copy.db, SESSION)) == 2
    memories = conn.db.q(
        "[:find [(pull ?m [:memory/id :memory/content :memory/level]) ...]\n"
        " :where [?m :memory/id _]]"
    )
    file = tmp_path / "memories.edn"
    file.write_text(print_edn(list(memories)), "utf-8")
    with fresh() as other:
        other.transact(read(file.read_text("utf-8")))
        assert [m.content for m in Memory(other).list()] == ["hello, hi"]


def test_a_range_of_an_index(conn, clock) -> None:
    start, end = clock.now - timedelta(days=1), clock.now + timedelta(days=1)
    found = conn.db.index_range(":session/created-at", [":closed", start, end])
    assert [datom.e for datom in found] == [conn.db.resolve([":session/id", SESSION])]
    assert conn.db.index_range(":session/created-at", end, None) == []


def test_a_batch_of_a_thousand(conn) -> None:
    report = conn.transact(
        [{":message/id": uuid4(), ":message/content": f"Message {i}"} for i in range(1000)]
    )
    assert report.datom_count == 2001
