"""Every table of the designs that brought tables: stored, queried, and each of its constraints broken.

Rows are plain transactions with `:db/ensure`, as somebody who brings data would write them; the layer
`datamem.memory` has tests of its own.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from datamem.errors import DatamemError
from datamem.memory import Memory
from tests.memory.conftest import START, fresh

ORG = [":organization/id", "acme"]
USER = [":user/external-id", "ada"]
AGENT = [":agent/external-id", "pip"]
SESSION = [":session/external-id", "s1"]
MEMORY = [":memory/external-id", "m1"]
OTHER = [":memory/external-id", "m2"]
PROJECT = [":project/external-id", "p1"]
SOURCE = [":source/external-id", "f1"]

Row = dict[str, Any]


def row(table: str, number: int, /, **columns: Any) -> Row:
    """Return a row: a namespace is the first part of a column's name, `user__name`."""
    named = {f":{n.replace('__', '/').replace('_', '-')}": v for n, v in columns.items()}
    return {":db/ensure": f":table/{table}", **named, ":db/id": f"{table} {number}"}


ORGANIZATION = row("organizations", 1, organization__id="acme", organization__name="Acme")
ADA = row(
    "users",
    1,
    user__id=UUID(int=1),
    user__external_id="ada",
    user__organization=ORG,
    user__name="Ada",
)
PIP = row(
    "agents",
    1,
    agent__id=UUID(int=2),
    agent__external_id="pip",
    agent__organization=ORG,
    agent__type="chat",
    agent__name="Pip",
    agent__llm_config={"model": "m", "temperature": 0.5},
    agent__tool_rules=[{"tool": "a", "then": "b"}],
    agent__mcp_tools=["files"],
)
TALK = row(
    "sessions",
    1,
    session__id=UUID(int=3),
    session__external_id="s1",
    session__user=USER,
    session__metadata={"device": {"kind": "phone"}},
    session__type=":conversation",
)
MESSAGE = row(
    "agent-messages",
    1,
    message__id=UUID(int=4),
    message__organization=ORG,
    message__user=USER,
    message__agent=AGENT,
    message__role=":user",
    message__content="Hello!",
    message__timestamp=START,
    message__parts_doc=[{"type": "text", "text": "Hello!"}],
)
BLOCK = row(
    "blocks",
    1,
    block__id=UUID(int=5),
    block__organization=ORG,
    block__user=USER,
    block__label="human",
    block__value="User is a software engineer",
)
TOOL = row(
    "tools",
    1,
    tool__id=UUID(int=6),
    tool__organization=ORG,
    tool__name="search",
    tool__tags=[":web"],
)
TENANT_MEMORY = row(
    "tenant-memories",
    1,
    memory__id=UUID(int=7),
    memory__external_id="m1",
    memory__organization=ORG,
    memory__user=USER,
    memory__agent=AGENT,
    memory__content="tea",
    memory__type=":semantic",
    memory__scope=":user",
    memory__tier=":strategic",
    memory__importance=0.0,
)
ENTRY = row(
    "memories",
    2,
    memory__id=UUID(int=8),
    memory__external_id="m2",
    memory__session=SESSION,
    memory__type=":conversation",
    memory__data={"text": "coffee", "cups": [1, 2]},
    memory__content="coffee",
    memory__tags=[":drinks"],
)
RELATIONSHIP = row(
    "memory-relationships",
    1,
    relationship__source=MEMORY,
    relationship__target=OTHER,
    relationship__type=":follow-up",
    relationship__metadata={"weight": 1},
)
STATE = row(
    "agent-states",
    1,
    agent_state__agent=AGENT,
    agent_state__session=SESSION,
    agent_state__data={"step": 1},
)
ACCESS = {
    ":access/memory": MEMORY,
    ":access/session": SESSION,
    ":access/operation": ":read",
    ":access/success?": True,
    ":access/request": {"ip": "hidden"},
}
PROJECT_ROW = row(
    "projects",
    1,
    project__id=UUID(int=9),
    project__external_id="p1",
    project__user=USER,
    project__name="Report",
    project__description="Sales",
)
SOURCE_ROW = row(
    "sources",
    1,
    source__id=UUID(int=10),
    source__external_id="f1",
    source__project=PROJECT,
    source__name="sales.csv",
    source__path="/data/sales.csv",
)
TABLE = {":source-table/source": SOURCE, ":source-table/name": "sales", ":db/id": "t"}
FIELD = {
    ":source-field/table": "t",
    ":source-field/name": "city",
    ":source-field/sample-values": ["Bern"],
}
PATTERN = row(
    "query-patterns",
    1,
    query_pattern__id=UUID(int=11),
    query_pattern__project=PROJECT,
    query_pattern__question="how much?",
    query_pattern__query="select 1",
)
MODEL = {
    ":embedding-model/name": "ada-002",
    ":embedding-model/attribute": ":memory/embedding",
    ":embedding-model/dimensions": 1536,
}

RUN = {":run/id": "r1", ":run/session": SESSION, ":run/status": ":running", ":db/id": "run"}
STEP = {
    ":event/id": "r1/1",
    ":event/run": "run",
    ":event/type": "plan",
    ":event/payload": {"a": 1},
}
THEME = row(
    "memories", 3, memory__id=UUID(int=12), memory__type=":theme", memory__content="drinks"
)
EPISODE = row(
    "memories",
    4,
    memory__id=UUID(int=13),
    memory__session=SESSION,
    memory__type=":episode",
    memory__content="talked about tea",
    memory__level=1,
    memory__parent=[":memory/id", UUID(int=12)],
)

LAYERS = [
    [ORGANIZATION],
    [ADA, PIP],
    [TALK, PROJECT_ROW],
    [MESSAGE, BLOCK, TOOL, TENANT_MEMORY, ENTRY, SOURCE_ROW, PATTERN, MODEL],
    [RELATIONSHIP, STATE, ACCESS, TABLE, FIELD, RUN, STEP, THEME],
    [EPISODE],
]


@pytest.fixture
def conn(clock):
    with fresh(clock) as conn:
        for rows in LAYERS:
            conn.transact(rows)
        yield conn


def without(form: Row, *names: str, **columns: Any) -> Row:
    """Return a row with another identity, without some columns and with others."""
    kept = {name: value for name, value in form.items() if name not in names}
    for name, value in kept.items():
        if name.endswith("/id") and name != ":db/id":
            kept[name] = UUID(int=99) if isinstance(value, UUID) else "another"
        if name.endswith("/external-id"):
            kept[name] = "another"
    named = {f":{n.replace('__', '/').replace('_', '-')}": v for n, v in columns.items()}
    return {**kept, **named}


STORED = [
    (
        "organizations",
        "[:find ?n . :where [?o :organization/id] [?o :organization/name ?n]]",
        "Acme",
    ),
    ("users", "[:find ?s . :where [?u :user/name] [?u :user/status ?s]]", ":active"),
    ("users", "[:find ?z . :where [?u :user/name] [?u :user/timezone ?z]]", "UTC"),
    (
        "agents",
        '[:find ?m . :where [?a :agent/llm-config ?c] [(get-in ?c ["model"]) ?m]]',
        "m",
    ),
    (
        "messages",
        '[:find ?t . :where [?m :message/parts-doc ?p] [(get-in ?p [0 "text"]) ?t]]',
        "Hello!",
    ),
    ("blocks", "[:find ?l . :where [_ :block/limit ?l]]", 2000),
    ("tools", "[:find ?n . :where [?t :tool/tags :web] [?t :tool/name ?n]]", "search"),
    (
        "memories",
        "[:find ?i . :where [?m :memory/scope :user] [?m :memory/importance ?i]]",
        0.0,
    ),
    (
        "sessions",
        '[:find ?k . :where [_ :session/metadata ?d] [(get-in ?d ["device" "kind"]) ?k]]',
        "phone",
    ),
    (
        "memory_entries",
        '[:find ?n . :where [_ :memory/data ?d] [(get-in ?d ["cups" 1]) ?n]]',
        2,
    ),
    ("memory_entries", "[:find ?p . :where [?m :memory/data] [?m :memory/priority ?p]]", 5),
    (
        "memory_tags",
        "[:find ?c . :where [?m :memory/tags :drinks] [?m :memory/content ?c]]",
        "coffee",
    ),
    ("vector_embeddings", "[:find ?d . :where [_ :embedding-model/dimensions ?d]]", 1536),
    (
        "memory_relationships",
        (
            "[:find ?c . :where [?r :relationship/type :follow-up] [?r :relationship/target ?m]"
            " [?m :memory/content ?c]]"
        ),
        "coffee",
    ),
    (
        "agent_states",
        '[:find ?n . :where [_ :agent-state/data ?d] [(get-in ?d ["step"]) ?n]]',
        1,
    ),
    (
        "memory_access_logs",
        "[:find ?o . :where [?a :access/success? true] [?a :access/operation ?o]]",
        ":read",
    ),
    ("project", "[:find ?d . :where [_ :project/description ?d]]", "Sales"),
    ("source", "[:find ?p . :where [_ :source/path ?p]]", "/data/sales.csv"),
    (
        "field_metadata",
        (
            "[:find ?n . :where [?f :source-field/name ?n] [?f :source-field/table ?t]"
            ' [?t :source-table/name "sales"]]'
        ),
        "city",
    ),
    (
        "agent_execution",
        "[:find ?t . :where [?e :event/type ?t] [?e :event/run ?r] [?r :run/status :running]]",
        "plan",
    ),
    (
        "episode",
        "[:find ?c . :where [?e :memory/type :episode] [?e :memory/parent ?p] [?p :memory/content ?c]]",
        "drinks",
    ),
    (
        "conversation",
        "[:find ?s . :where [?m :message/role :user] [?m :message/user ?u] [?u :user/name ?s]]",
        "Ada",
    ),
    ("query_patterns", "[:find ?n . :where [_ :query-pattern/success-count ?n]]", 0),
]


@pytest.mark.parametrize(("query", "wanted"), [case[1:] for case in STORED], ids=lambda x: None)
def test_a_row_is_stored_with_its_defaults_and_found(conn, query, wanted) -> None:
    assert conn.db.q(query) == wanted


def test_created_at_is_the_transactions(conn) -> None:
    query = "[:find ?at . :where [?o :organization/created-at ?at ?tx] [?tx :db/txInstant ?at]]"
    assert conn.db.q(query) is not None


REQUIRED, RANGE, ENUM = "transact/required-missing", "schema/out-of-range", "schema/not-in-enum"
LENGTH, MISSING, UNIQUE = (
    "schema/wrong-length",
    "lookup-ref/missing",
    "transact/unique-conflict",
)
NOBODY = [":user/external-id", "nobody"]

BROKEN: list[tuple[str, Row, str]] = [
    ("organization without name", without(ORGANIZATION, ":organization/name"), REQUIRED),
    ("organization name", without(ORGANIZATION, organization__name="x" * 256), LENGTH),
    ("organization id", {**ORGANIZATION, ":organization/id": "x" * 256}, LENGTH),
    ("user without organization", without(ADA, ":user/organization"), REQUIRED),
    ("user without name", without(ADA, ":user/name"), REQUIRED),
    (
        "user of no organization",
        without(ADA, user__organization=[":organization/id", "x"]),
        MISSING,
    ),
    ("user status", without(ADA, user__status=":sleepy"), ENUM),
    ("user timezone", without(ADA, user__timezone="x" * 101), LENGTH),
    ("agent without organization", without(PIP, ":agent/organization"), REQUIRED),
    ("agent type", without(PIP, agent__type="x" * 101), LENGTH),
    ("message without role", without(MESSAGE, ":message/role"), REQUIRED),
    ("message without user", without(MESSAGE, ":message/user"), REQUIRED),
    ("message without agent", without(MESSAGE, ":message/agent"), REQUIRED),
    ("message without organization", without(MESSAGE, ":message/organization"), REQUIRED),
    ("message role", without(MESSAGE, message__role=":critic"), ENUM),
    ("message of nobody", without(MESSAGE, message__user=NOBODY), MISSING),
    ("block without label", without(BLOCK, ":block/label"), REQUIRED),
    ("block label", without(BLOCK, block__label="x" * 51), LENGTH),
    ("block value", without(BLOCK, block__value="x" * 2001), "transact/predicate-failed"),
    ("block limit", without(BLOCK, block__limit=0), RANGE),
    ("tool without name", without(TOOL, ":tool/name"), REQUIRED),
    ("tool source type", without(TOOL, tool__source_type="x" * 101), LENGTH),
    ("memory without content", without(TENANT_MEMORY, ":memory/content"), REQUIRED),
    ("memory without type", without(TENANT_MEMORY, ":memory/type"), REQUIRED),
    ("memory without scope", without(TENANT_MEMORY, ":memory/scope"), REQUIRED),
    ("memory without level", without(TENANT_MEMORY, ":memory/tier"), REQUIRED),
    ("memory without agent", without(TENANT_MEMORY, ":memory/agent"), REQUIRED),
    ("memory hash", without(TENANT_MEMORY, memory__hash="x" * 65), LENGTH),
    ("memory scope", without(TENANT_MEMORY, memory__scope=":world"), ENUM),
    ("importance", without(TENANT_MEMORY, memory__importance=1.01), RANGE),
    ("priority too low", without(ENTRY, memory__priority=0), RANGE),
    ("priority too high", without(ENTRY, memory__priority=11), RANGE),
    ("entry without type", without(ENTRY, ":memory/type"), REQUIRED),
    ("entry without content", without(ENTRY, ":memory/content"), REQUIRED),
    (
        "entry of no session",
        without(ENTRY, memory__session=[":session/external-id", "x"]),
        MISSING,
    ),
    ("tag", without(ENTRY, memory__tags=[":" + "x" * 65]), LENGTH),
    ("session status", without(TALK, session__status=":odd"), ENUM),
    ("embedding", without(ENTRY, memory__embedding=[1.0] * 3), "schema/wrong-dimension"),
    ("model name", {**MODEL, ":embedding-model/name": "x" * 65}, LENGTH),
    ("model without attribute", {":embedding-model/name": "x"}, REQUIRED),
    ("relationship twice", RELATIONSHIP, UNIQUE),
    ("relationship type", {**RELATIONSHIP, ":relationship/type": ":" + "x" * 33}, LENGTH),
    ("relationship without source", without(RELATIONSHIP, ":relationship/source"), REQUIRED),
    ("relationship to nothing", {**RELATIONSHIP, ":relationship/target": NOBODY}, MISSING),
    ("state twice", STATE, UNIQUE),
    ("state without data", without(STATE, ":agent-state/data"), REQUIRED),
    ("operation", {**ACCESS, ":access/operation": ":guess"}, ENUM),
    ("access without success", without(ACCESS, ":access/success?"), REQUIRED),
    ("ip address", {**ACCESS, ":access/ip-address": "x" * 46}, LENGTH),
    ("project without user", without(PROJECT_ROW, ":project/user"), REQUIRED),
    ("source without project", without(SOURCE_ROW, ":source/project"), REQUIRED),
    ("table without source", {":source-table/name": "x"}, REQUIRED),
    ("field without table", {":source-field/name": "x"}, REQUIRED),
    ("execution status", {":run/id": "r2", ":run/status": ":odd"}, ENUM),
    ("episode level", without(EPISODE, memory__level=4), RANGE),
    ("message place", {":message/sequence": 0}, RANGE),
    ("pattern without query", without(PATTERN, ":query-pattern/query"), REQUIRED),
]


@pytest.mark.parametrize(("form", "code"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN])
def test_each_constraint_can_be_broken(conn, form, code) -> None:
    t = conn.db.basis_t
    with pytest.raises(DatamemError) as refused:
        conn.transact([form])
    conflicts = refused.value.data.get("conflicts", [])
    assert code in {refused.value.code, *(one["code"] for one in conflicts)}
    assert conn.db.basis_t == t


def test_an_id_means_one_entity(conn) -> None:
    before = conn.db.q("[:find (count ?e) . :where [?e :user/id]]")
    conn.transact([{":user/id": UUID(int=1), ":user/name": "Ada L."}])
    assert conn.db.q("[:find (count ?e) . :where [?e :user/id]]") == before
    conn.transact([{":user/id": UUID(int=50), ":user/external-id": "ben"}])
    with pytest.raises(DatamemError, match="upsert"):
        conn.transact([{":user/id": UUID(int=50), ":user/external-id": "ada"}])


def test_a_tag_and_a_vector_are_there_once(conn) -> None:
    m = conn.db.resolve(OTHER)
    assert conn.transact([[":db/add", m, ":memory/tags", ":drinks"]]).datom_count <= 1
    for first in (1.0, 0.5):
        conn.transact([[":db/add", m, ":memory/embedding", [first, *[1.0] * 1535]]])
    assert len(conn.db.words(m, conn.db.schema.require(":memory/embedding").id)) == 1


@pytest.mark.parametrize("kind", ["block", "tool"])
def test_a_pair_of_a_junction_table_is_there_once(conn, kind) -> None:
    e = conn.db.q(f"[:find ?e . :where [?e :{kind}/id]]")
    pair = [[":db/add", e, f":{kind}/agents", AGENT]]
    conn.transact(pair)
    conn.transact(pair)
    assert conn.db.q(f"[:find (count ?a) . :where [_ :{kind}/agents ?a]]") == 1


def test_two_users_cannot_be_the_same_to_whoever_authenticates_them(conn) -> None:
    conn.transact([{":db/id": conn.db.resolve(USER), ":user/auth-subject": "oidc|1"}])
    with pytest.raises(DatamemError) as refused:
        conn.transact([{":user/id": UUID(int=60), ":user/auth-subject": "oidc|1"}])
    assert refused.value.code == UNIQUE


def count(conn, attribute: str) -> int:
    return conn.db.q(f"[:find (count ?e) . :where [?e {attribute}]]") or 0


def test_what_refers_to_a_session_follows_or_lets_go(conn) -> None:
    conn.transact([[":db/retractEntity", SESSION]])
    assert count(conn, ":memory/level") == 0, "so do episodes"
    assert count(conn, ":memory/data") == 0, "entries go with their session"
    assert count(conn, ":relationship/type") == 0, "and their relationships with them"
    assert (count(conn, ":agent-state/data"), count(conn, ":agent-state/session")) == (1, 0)
    assert (count(conn, ":access/operation"), count(conn, ":access/session")) == (1, 0)


def test_what_refers_to_a_memory_follows_or_lets_go(conn) -> None:
    conn.transact([[":db/retractEntity", MEMORY]])
    assert count(conn, ":relationship/type") == 0
    assert (count(conn, ":access/operation"), count(conn, ":access/memory")) == (1, 0)


def test_what_refers_to_an_agent_follows(conn) -> None:
    block, tool = (
        conn.db.q(f"[:find ?e . :where [?e {a}]]") for a in (":block/id", ":tool/id")
    )
    conn.transact(
        [[":db/add", block, ":block/agents", AGENT], [":db/add", tool, ":tool/agents", AGENT]]
    )
    conn.transact([[":db/retractEntity", AGENT]])
    assert [
        count(conn, name) for name in (":message/role", ":memory/scope", ":block/agents")
    ] == [0] * 3
    assert [count(conn, name) for name in (":block/value", ":tool/name")] == [1, 1]


def test_what_refers_to_a_user_follows(conn) -> None:
    conn.transact([[":db/retractEntity", USER]])
    gone = (":message/role", ":block/value", ":memory/scope", ":project/name", ":source/name")
    assert [count(conn, name) for name in gone] == [0] * len(gone)
    assert [count(conn, name) for name in (":source-table/name", ":source-field/name")] == [
        0,
        0,
    ]


def test_a_tenant_goes_with_everything(conn) -> None:
    conn.transact([[":db/retractEntity", ORG]])
    gone = (
        ":user/name",
        ":agent/name",
        ":message/role",
        ":block/value",
        ":tool/name",
        ":memory/scope",
    )
    assert [count(conn, name) for name in gone] == [0] * len(gone)


def test_the_layer_reads_what_was_brought(conn) -> None:
    mem = Memory(conn, organization="acme")
    assert [memory.content for memory in mem.list()] == ["tea"]
    assert mem.users.get("ada").name == "Ada"
    whole = Memory(conn)
    assert {memory.content for memory in whole.list()} >= {"tea", "coffee"}
    assert whole.access_log.list()[0].memory.content == "tea"
