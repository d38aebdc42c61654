"""People, sessions, messages, blocks, tools, tasks, files, graph, sources and states."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamem.errors import DatamemError
from datamem.ids import TX_BASE
from datamem.memory import Memory
from datamem.runs import append_event
from tests.memory.conftest import fresh


def refused(call, *arguments, **options) -> str:
    with pytest.raises(DatamemError) as caught:
        call(*arguments, **options)
    return caught.value.code


# People


def test_people_have_ids_or_names(acme) -> None:
    ada = acme.users.get("ada")
    assert ada.name == "Ada"
    assert (ada.timezone, ada.status) == ("UTC", ":active")
    assert ada.organization.id == "acme"
    assert acme.users.get(ada.id).eid == ada.eid
    assert refused(acme.users.create, "Ada again", id="ada") == "memory/exists"
    assert refused(acme.users.create, "X", password="secret") == "memory/bad-option"
    assert refused(acme.users.create, "X", timezone="Mars/Base") == "user/bad-timezone"


def test_a_clock_on_the_wall(acme) -> None:
    acme.users.update("ada", timezone="Asia/Bangkok")
    local = acme.users.local_time("ada", datetime(2026, 3, 1, 20, tzinfo=UTC))
    assert (local.day, local.hour) == (2, 3)


def test_updates_keep_history_and_deletes_can_be_taken_back(acme) -> None:
    acme.users.update("ada", name="Ada L.", email="ada@example.org", why="married")
    assert acme.users.get("ada").name == "Ada L."
    assert acme.users.update("ada", email=None).email is None
    assert acme.users.history("ada")[-2].why == "married"
    acme.users.delete("ada")
    assert acme.users.get("ada") is None
    assert acme.users.list() == []
    assert acme.users.restore("ada").name == "Ada L."


def test_what_is_deleted_takes_along_what_its_erasure_would(acme) -> None:
    acme.add_message("s1", "user", "hello")
    acme.add("Ada likes tea", user="ada")
    acme.add("everybody likes tea")
    acme.tasks.create("call", "call Ada", session="s1")
    acme.users.delete("ada")
    assert [memory.content for memory in acme.list()] == ["everybody likes tea"]
    assert acme.db.q("[:find ?m :where [?m :message/content]]") == set()
    assert len(acme.tasks.due()) == 1, "a task would lose its session only"
    acme.users.restore("ada")
    acme.sessions.delete("s1")
    assert len(acme.list()) == 2
    assert acme.db.q("[:find ?m :where [?m :message/content]]") == set()
    assert len(acme.tasks.due()) == 1


def test_lists_are_narrowed_by_any_attribute(acme) -> None:
    acme.users.create("Ben", status="inactive")
    assert [user.name for user in acme.users.list(status="inactive")] == ["Ben"]
    assert [s.external_id for s in acme.sessions.list(user="ada", agent="pip")] == ["s1"]
    assert refused(acme.users.list, colour="red") == "memory/bad-option"


def test_a_tenant_goes_with_all_it_has(acme) -> None:
    acme.add_message("s1", "user", "hello")
    acme.add("x", user="ada")
    acme.blocks.create("human", "x", user="ada", agents=["pip"])
    whole = Memory(acme.conn)
    whole.organizations.erase("acme")
    db = whole.conn.db
    left = {str(db.schema.require(d.a).ident) for d in db.datoms("eavt") if d.e < TX_BASE}
    kinds = {name.partition("/")[0] for name in left}
    assert not kinds & {":user", ":agent", ":session", ":message", ":memory", ":block"}


# Sessions


def test_the_life_of_a_session(acme, clock) -> None:
    assert acme.users.get("ada").active_session.external_id == "s1"
    assert acme.sessions.pause("s1", checkpoint="{}").status == ":paused"
    assert acme.sessions.resume("s1").checkpoint == "{}"
    assert refused(acme.sessions.archive, "s1") == "session/bad-transition"
    assert refused(acme.sessions.resume, "s1") == "session/bad-transition"
    ended = acme.sessions.end("s1", summary="talked about tea")
    assert (ended.status, ended.summary, ended.ended_at) == (
        ":ended",
        "talked about tea",
        clock.now,
    )
    assert acme.users.get("ada").active_session is None
    assert refused(acme.add_message, "s1", "user", "late") == "session/ended"
    assert acme.sessions.archive("s1").archived_at == clock.now
    assert acme.sessions.archive("s1").archived_at == clock.now
    assert refused(acme.sessions.pause, "s1") == "session/bad-transition"


# Messages


def test_turns_are_numbered_and_read_in_order(acme) -> None:
    acme.add_message("s1", "user", "one", sender=acme.users.get("ada"), token_count=3)
    acme.add_messages("s1", [("assistant", "two"), {"role": "user", "content": "three"}])
    turns = acme.messages.of_session("s1")
    assert [(m.sequence, m.role, m.content) for m in turns] == [
        (1, ":user", "one"),
        (2, ":assistant", "two"),
        (3, ":user", "three"),
    ]
    assert turns[0].sender.name == "Ada"
    assert turns[0].user.name == "Ada"
    assert [m.content for m in acme.messages.of_session("s1", last=2)] == ["two", "three"]
    assert acme.messages.of_session("s1", last=0) == []
    assert acme.add_messages("s1", []) == []


def test_the_last_turns_of_an_agent_over_all_sessions(acme, clock) -> None:
    acme.sessions.create(user="ada", agent="pip", id="s2")
    for number in range(6):
        acme.add_message(f"s{number % 2 + 1}", "user", f"m{number}")
        clock.advance(minutes=1)
    assert [m.content for m in acme.messages.of_agent("pip", last=3)] == ["m3", "m4", "m5"]


def test_tool_calls_are_entities_too(acme) -> None:
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "weather", "arguments": {"a": 1}},
    }
    acme.add_message("s1", "assistant", None, tool_calls=[call], model="m")
    acme.add_message("s1", "tool", "rain", tool_call_id="c1", tool_returns={"sky": "grey"})
    query = """[:find ?name ?arguments :where [?c :tool-call/name ?name]
                [?c :tool-call/arguments ?arguments] [?c :tool-call/message ?m]
                [?m :message/sequence 1]]"""
    assert acme.db.q(query) == {("weather", '{"a": 1}')}
    sky = '[:find ?s . :where [_ :message/tool-returns ?d] [(get-in ?d ["sky"]) ?s]]'
    assert acme.db.q(sky) == "grey"


def test_bad_turns_are_refused_whole(acme) -> None:
    t = acme.conn.db.basis_t
    assert refused(acme.add_messages, "s1", [("user", "fine"), ("user",)]) == "message/bad-turn"
    assert refused(acme.add_message, "s1", "critic", "x") == "schema/not-in-enum"
    assert refused(acme.add_message, "nowhere", "user", "x") == "memory/unknown"
    assert refused(acme.add_message, "s1", "user", "x", colour=1) == "memory/bad-option"
    assert acme.conn.db.basis_t == t


def test_sixteen_threads_leave_no_gap_and_no_duplicate(acme) -> None:
    def talk(name: int) -> None:
        for number in range(5):
            acme.add_message("s1", "user", f"{name}-{number}")
        acme.add_messages("s1", [("user", f"{name}-{number}") for number in range(5, 10)])

    threads = [threading.Thread(target=talk, args=(name,)) for name in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    turns = acme.messages.of_session("s1")
    assert [turn.sequence for turn in turns] == list(range(1, 161))
    assert len({turn.content for turn in turns}) == 160
    for name in range(16):
        own = [t.content for t in turns if t.content.startswith(f"{name}-")]
        assert own == [f"{name}-{number}" for number in range(10)], "each thread in its order"


steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 1), st.integers(1, 3)),
        st.tuples(st.just("raw"), st.integers(0, 1), st.integers(1, 9)),
        st.tuples(st.just("erase"), st.integers(0, 1), st.just(0)),
    ),
    max_size=12,
)


@settings(max_examples=25)
@given(steps=steps)
def test_a_sequence_goes_on_after_the_greatest(steps) -> None:
    """Model: a session has a greatest number; whoever else writes, the next turn has one more."""
    mem = Memory(fresh())
    sessions = [mem.sessions.create() for _ in range(2)]
    greatest = [0, 0]
    for step, which, count in steps:
        session = sessions[which]
        if step == "add":
            turns = mem.add_messages(session, [("user", "x")] * count)
            first = greatest[which] + 1
            assert [turn.sequence for turn in turns] == list(range(first, first + count))
            greatest[which] += count
        elif step == "raw":
            mem.conn.transact([{":message/session": session.eid, ":message/sequence": count}])
            greatest[which] = max(greatest[which], count)
        else:
            turns = mem.messages.of_session(session)
            if turns and turns[0].sequence < greatest[which]:
                mem.conn.transact([[":db/retractEntity", turns[0].eid]])


def test_a_fork_counts_for_itself(acme) -> None:
    acme.add_message("s1", "user", "one")
    branch = Memory(acme.conn.fork(), organization="acme")
    branch.add_message("s1", "user", "two there")
    branch.add_message("s1", "user", "three there")
    assert acme.add_message("s1", "user", "two here").sequence == 2
    assert branch.add_message("s1", "user", "four there").sequence == 4


# Executions


def test_what_a_run_writes_belongs_to_it(acme) -> None:
    with acme.executions.begin(session="s1", metadata={"goal": "tea"}) as run:
        append_event(run, "plan", {"steps": 2})
        memory = acme.add("Ada likes tea", session="s1")
    (found,) = acme.executions.of_session("s1")
    assert (found.id, found.status, found.agent.name) == (run.id, ":completed", "Pip")
    assert found.metadata == {"goal": "tea"}
    steps = acme.executions.steps(found)
    assert [(step.type, step.payload) for step in steps][:1] == [("plan", {"steps": 2})]
    query = """[:find ?run . :in $ ?m
                :where [?m :memory/content _ ?tx] [?tx :tx/run ?r] [?r :run/id ?run]]"""
    assert acme.conn.db.q(query, memory.eid) == run.id
    other = Memory(acme.conn, organization="evil")
    assert other.db.q("[:find ?r :where [?r :run/id _]]") == set()
    assert other.db.q("[:find ?r :where [?r :event/id _]]") == set()


# Blocks


def test_a_block_stays_within_its_limit(acme) -> None:
    block = acme.blocks.create("human", "Ada", limit=20, user="ada", agents=["pip"])
    assert acme.blocks.append(block, "likes tea").value == "Ada\nlikes tea"
    assert acme.blocks.replace(block, "tea", "coffee").value == "Ada\nlikes coffee"
    assert refused(acme.blocks.append, block, "and much more") == "block/too-long"
    assert refused(acme.blocks.replace, block, "wine", "x") == "block/no-such-text"
    assert refused(acme.blocks.create, "persona", "x" * 11, limit=10) == "block/too-long"
    assert acme.blocks.rethink(block, "Ada drinks coffee").value == "Ada drinks coffee"
    assert len(acme.blocks.history(block)) == 4
    assert refused(acme.blocks.update, block, limit=5) == "transact/predicate-failed"


def test_the_database_itself_holds_the_limit(acme) -> None:
    block = acme.blocks.create("human", "Ada", limit=5)
    longer = [[":db/add", block.eid, ":block/value", "too long"]]
    assert refused(acme.conn.transact, longer) == "transact/predicate-failed"
    assert refused(acme.conn.transact, [{":block/value": "x"}]) == "transact/required-missing"


def test_blocks_are_attached_and_made_after_templates(acme) -> None:
    acme.blocks.create(
        "persona", "I am kind", limit=100, template_name="kind", is_template=True
    )
    block = acme.blocks.from_template("kind", agents=["pip"])
    assert (block.label, block.value, block.limit) == ("persona", "I am kind", 100)
    assert [b.label for b in acme.blocks.of_agent("pip")] == ["persona"]
    acme.blocks.detach(block, "pip")
    assert acme.blocks.of_agent("pip") == []
    acme.blocks.attach(block, "pip")
    assert len(acme.blocks.of_agent("pip")) == 1
    assert refused(acme.blocks.from_template, "rude") == "block/no-template"


# Tools


def test_tools_belong_to_agents(acme) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    acme.tools.create("weather", json_schema=schema, agents=["pip"], tags=["web"], id="w")
    assert [tool.name for tool in acme.tools.of_agent("pip")] == ["weather"]
    assert acme.tools.get("w").json_schema == schema
    acme.tools.detach("w", "pip")
    assert acme.tools.of_agent("pip") == []
    acme.tools.attach("w", "pip")
    acme.tools.delete("w")
    assert acme.tools.of_agent("pip") == []


# Tasks


def test_due_tasks_come_by_priority_then_by_time(acme, clock) -> None:
    acme.tasks.create("test-run", "later", at=timedelta(hours=1), priority=9)
    acme.tasks.create("test-run", "low", priority=1)
    clock.advance(minutes=1)
    acme.tasks.create("code-search", "high", session="s1", priority=8)
    assert [task.description for task in acme.tasks.due()] == ["high", "low"]
    assert [task.description for task in acme.tasks.due(type="test-run")] == ["low"]
    clock.advance(hours=1)
    assert [t.description for t in acme.tasks.due(limit=2)] == ["later", "high"]


def test_a_task_is_tried_again_and_then_fails(acme, clock) -> None:
    acme.tasks.create("test-run", id="t", max_retries=1)
    task = acme.tasks.claim("worker-1")
    assert (task.status, task.worker, task.retry_count) == (":running", "worker-1", 0)
    assert acme.tasks.claim("worker-2") is None
    task = acme.tasks.fail("t", "no network", retry_in=timedelta(minutes=5))
    assert (task.status, task.retry_count, task.error) == (":pending", 1, "no network")
    assert acme.tasks.due() == []
    clock.advance(minutes=5)
    acme.tasks.start("t")
    assert acme.tasks.fail("t", "again").status == ":failed"
    assert refused(acme.tasks.complete, "t") == "task/bad-transition"
    again = acme.tasks.retry("t")
    assert (again.status, again.retry_count, again.error) == (":pending", 0, None)
    acme.tasks.start("t")
    done = acme.tasks.complete("t", {"passed": 3})
    assert (done.status, done.result) == (":completed", '{"passed" 3}')
    assert refused(acme.tasks.cancel, "t") == "task/bad-transition"


def test_every_task_goes_to_one_worker(acme) -> None:
    for number in range(20):
        acme.tasks.create("work", f"{number}")
    taken: list[str] = []

    def work(name: str) -> None:
        while (task := acme.tasks.claim(name)) is not None:
            taken.append(task.description)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken, key=int) == [f"{number}" for number in range(20)]


# Files


def test_a_file_is_kept_when_it_changed(acme, clock) -> None:
    first = acme.files.snapshot("a.py", "x = 1\n", session="s1")
    began = clock.advance(hours=1)
    assert acme.files.snapshot("a.py", "x = 1\n").eid == first.eid
    clock.advance(hours=1)
    second = acme.files.snapshot("a.py", "x = 2\n")
    acme.files.snapshot("b.py", "new")
    assert (first.is_new, second.is_new) == (True, True)
    assert acme.files.at("a.py", began).content == "x = 1\n"
    assert acme.files.at("a.py").content == "x = 2\n"
    assert acme.files.at("none.py") is None
    diff = acme.files.diff("a.py", began)
    assert "-x = 1\n+x = 2\n" in diff
    assert acme.files.diff("a.py", began, began) == ""
    assert "\\ No newline" in acme.files.diff("b.py", began)
    assert acme.files.changed(began) == {"a.py": "modified", "b.py": "added"}
    assert [s.content for s in acme.files.versions("a.py")] == ["x = 1\n", "x = 2\n"]


# Graph


def test_entities_are_found_by_name_type_and_alias(mem) -> None:
    ada = mem.graph.entity("Ada", "person", aliases=["A. L."])
    assert mem.graph.entity("Ada", "person").eid == ada.eid
    assert mem.graph.entity("Ada", "language").eid != ada.eid
    assert mem.graph.find("A. L.").eid == ada.eid
    assert mem.graph.find("Bob") is None
    memory = mem.add("Ada likes tea")
    assert [m.content for m in mem.graph.mention(ada, memory).mentions] == ["Ada likes tea"]


def test_links_go_both_ways_and_are_stored_once(mem) -> None:
    a, b, c = (mem.graph.entity(name) for name in "abc")
    mem.graph.link(b, a)
    mem.graph.link(a, b)
    mem.graph.link(a, c)
    assert [e.name for e in mem.graph.linked(a)] == ["b", "c"]
    assert [e.name for e in mem.graph.linked(b)] == ["a"]
    assert len(mem.conn.db.q("[:find ?a ?b :where [?a :entity/related ?b]]")) == 2
    mem.graph.unlink(b, a)
    assert mem.graph.linked(b) == []
    assert refused(mem.graph.link, a, a) == "memory/related-to-itself"


def test_relations_hold_for_a_time(mem, clock) -> None:
    ada, acme, evil = (mem.graph.entity(name) for name in ("Ada", "Acme", "Evil"))
    first = mem.graph.relate(
        ada, "works-at", acme, valid_from=datetime(2020, 1, 1, tzinfo=UTC), confidence=0.9
    )
    mem.graph.relate(ada, "works-at", evil, valid_from=datetime(2025, 1, 1, tzinfo=UTC))
    mem.graph.end(first, at=datetime(2025, 1, 1, tzinfo=UTC), why="moved on")
    assert [r.target.name for r in mem.graph.relations(ada, "works-at")] == ["Evil"]
    then = mem.view(valid_at=datetime(2022, 1, 1, tzinfo=UTC))
    assert [r.target.name for r in mem.graph.relations(ada, db=then)] == ["Acme"]
    assert mem.graph.relations(ada, direction="in") == []
    assert (
        refused(mem.graph.relate, ada, "knows", acme, confidence=2.0) == "schema/out-of-range"
    )


# Sources, patterns, states, access


def test_sources_describe_their_tables(acme) -> None:
    project = acme.projects.create("report", user="ada")
    source = acme.sources.create("sales.csv", project=project, id="sales")
    fields = [
        {"name": "city", "type": "text", "sample_values": ["Bern", "Oslo"]},
        {"name": "n"},
    ]
    table = acme.sources.describe("sales", "sales", fields=fields, row_count=10)
    again = acme.sources.describe(source, "sales", description="by city", fields=fields[:1])
    assert (table.is_new, again.is_new, again.eid) == (True, False, table.eid)
    assert [(t.name, t.row_count, t.description) for t in acme.sources.tables("sales")] == [
        ("sales", 10, "by city")
    ]
    assert [field.name for field in acme.sources.fields(table)] == ["city", "n"]
    acme.sources.delete("sales")
    assert acme.db.q("[:find ?f :where [?f :source-field/name _]]") == set()


def test_queries_that_answered_are_counted(acme) -> None:
    acme.query_patterns.learn("how many?", "[:find …]")
    acme.query_patterns.learn("how many?", "[:find …]", success=False)
    found = acme.query_patterns.learn("how many?", "[:find …]")
    assert (found.success_count, found.failure_count, found.is_new) == (2, 1, False)
    assert acme.query_patterns.learn("how many?", "select", language="sql").is_new


def test_an_agent_has_one_state_a_session(acme, clock) -> None:
    acme.states.put("pip", {"mood": "good"})
    acme.states.put("pip", {"step": 1}, session="s1", expires_at=timedelta(hours=1))
    state = acme.states.put("pip", {"step": 2}, session="s1", expires_at=timedelta(hours=1))
    assert not state.is_new
    assert acme.states.get("pip").data == {"mood": "good"}
    assert acme.states.get("pip", session="s1").data == {"step": 2}
    clock.advance(hours=1)
    assert acme.states.get("pip", session="s1") is None
    acme.states.put("pip", {"step": 3}, session="s1")
    assert acme.states.get("pip", session="s1").data == {"step": 3}


def test_accesses_outlive_what_they_were_about(acme, clock) -> None:
    memory = acme.add("secret")
    acme.access_log.record("read", memory=memory, agent="pip", ip_address="::1")
    clock.advance(seconds=1)
    acme.access_log.record("search", success=False, request={"query": "x"}, error="denied")
    newest, oldest = acme.access_log.list()
    assert (newest.operation, newest.is_success, newest.request) == (
        ":search",
        False,
        {"query": "x"},
    )
    assert oldest.agent.name == "Pip"
    assert [a.operation for a in acme.access_log.list(memory=memory)] == [":read"]
    acme.delete(memory)
    assert acme.access_log.list(operation="read")[0].memory is None
    assert refused(acme.access_log.record, "guess") == "schema/not-in-enum"
