"""Recording and replaying: the same code gives the same steps; other code is told where it parts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datamem
from datamem.errors import RunError
from datamem.runs import begin_run, get_run, verify
from datamem.runs.recorder.context import RunContext
from datamem.runs.recorder.read import load_recording, read_recording, save_recording
from datamem.runs.recorder.record import record, recording
from datamem.runs.recorder.steps import CALLS
from datamem.runs.recorder.values import RecordError
from datamem.runs.replayer.journal import ReplayError, answer, ask, fail
from datamem.runs.replayer.replay import replay, replay_async
from tests.conn.worlds import image
from tests.runs.agents import SCHEMA, World, connect, crowd, shopper


def test_a_replay_asks_nobody_and_does_the_same() -> None:
    conn, world, again = connect(), World(), World({})
    done = record(conn, shopper(world), run_id="r", input={"for": ("Ann", 2)})
    before = conn.db.basis_t
    found = replay(done.run, shopper(again)).require_same()
    assert found.output == done.output == "buy"
    assert world.asked == ["tea", "shall I pay 3?"]
    assert again.asked == []
    assert found.digest == found.recording.digest
    assert found.recording.input == {"for": ("Ann", 2)}
    assert conn.db.basis_t == before
    assert verify(done.run).broken is None
    assert verify(found.journal.run).broken is None
    notes = datamem.diff(conn.db, found.branch.db).select(lambda a: a.startswith(":note/"))
    assert not notes
    found.close()
    conn.close()


def test_what_the_agent_gets_is_what_its_replay_gets() -> None:
    conn, seen = connect(), []

    def agent(run: RunContext) -> None:
        give = run.tool("give")(
            lambda: {"at": datetime(2024, 5, 1, tzinfo=UTC), "pair": (1, 2)}
        )
        seen.append((give(), run.now(), run.uuid(), run.random.random()))

    run = record(conn, agent).run
    replay(run, agent).require_same()
    assert seen[0] == seen[1]
    assert type(seen[1][0]["pair"]) is tuple
    conn.close()


def other_call(run: RunContext) -> None:
    run.tool()(World().price)("cake")


def early_end(run: RunContext) -> None:
    run.tool()(World().price)("tea")


def one_more(run: RunContext) -> None:
    two_calls(run)
    run.tool()(World().price)("cake")


def swapped(run: RunContext) -> None:
    run.model()(World().think)("3?")
    run.tool()(World().price)("tea")


def two_calls(run: RunContext) -> None:
    run.tool()(World().price)("tea")
    run.model()(World().think)("3?")


@pytest.mark.parametrize(
    ("agent", "reason", "recorded", "replayed"),
    [
        (other_call, "never-recorded", "tool price", "tool price"),
        (early_end, "ended-early", "model think", None),
        (one_more, "never-recorded", None, "tool price"),
        (swapped, "skipped", "tool price", "model think"),
    ],
)
def test_the_first_divergence_is_told_with_both_sides_and_places(
    agent: Callable[[RunContext], None], reason: str, recorded: str | None, replayed: str | None
) -> None:
    conn = connect()
    run = record(conn, two_calls, run_id="r").run
    found = replay(run, agent).divergence
    assert found is not None
    assert found.reason == reason
    assert (found.recorded and found.recorded.title()) == recorded
    assert (found.replayed and found.replayed.title()) == replayed
    if found.recorded is not None:
        assert found.recorded.place.startswith("test_replay.py:")
        assert found.recorded.place.endswith(" in two_calls")
    with pytest.raises(ReplayError) as caught:
        replay(run, agent).require_same()
    assert caught.value.code == "replay/diverged"
    assert caught.value.data["step"] == found.number
    conn.close()


def test_an_agent_cannot_catch_the_end_of_a_strict_replay() -> None:
    conn, reached = connect(), []
    run = record(conn, two_calls).run

    def stubborn(run: RunContext) -> None:
        with contextlib.suppress(Exception):
            other_call(run)
        reached.append(True)

    assert not replay(run, stubborn).is_same
    assert reached == []
    conn.close()


def test_facts_that_come_out_otherwise_are_a_divergence() -> None:
    conn = connect()

    def remember(text: str) -> Callable[[RunContext], None]:
        def agent(run: RunContext) -> None:
            count = run.db.q("[:find (count ?n) . :where [?n :note/id]]") or 0
            run.transact([{":note/id": "a", ":note/text": text, ":note/likes": f"{count}"}])

        return agent

    run = record(conn, remember("x")).run
    replay(run, remember("x")).require_same()
    found = replay(run, remember("y")).divergence
    assert found is not None
    assert found.difference == "[0][':note/text']: 'x' is now 'y'"
    conn.close()


def test_a_transaction_that_was_refused_is_refused_again() -> None:
    conn = connect()
    conn.transact([{":note/id": "a"}])
    caught = []

    def agent(run: RunContext) -> None:
        try:
            run.transact([[":db/cas", [":note/id", "a"], ":note/text", "old", "new"]])
        except datamem.DatamemError as error:
            caught.append(error.code)
        run.event("went-on")

    run = record(conn, agent).run
    replay(run, agent).require_same()
    assert len(caught) == 2
    assert caught[0] == caught[1]
    conn.close()


def test_a_failure_is_raised_again_by_its_own_class() -> None:
    conn, world = connect(), World()
    outcomes = []

    def agent(run: RunContext) -> None:
        try:
            run.tool()(world.price)("gold")
        except KeyError as error:
            outcomes.append(error.args)

    run = record(conn, agent).run
    replay(run, agent).require_same()
    assert outcomes == [("gold",), ("gold",)]
    assert world.asked == ["gold"]
    conn.close()


def test_a_run_that_fails_is_kept_as_failed_and_replays_to_its_failure() -> None:
    conn, world = connect(), World({})
    with pytest.raises(KeyError):
        record(conn, shopper(world), run_id="r")
    run = get_run(conn, "r")
    assert run.record().status == "failed"
    found = replay(run, shopper(World())).require_same()
    assert isinstance(found.error, KeyError)
    conn.close()


@settings(max_examples=20)
@given(
    delays=st.lists(st.integers(0, 5), min_size=4, max_size=4),
    others=st.lists(st.integers(0, 5), min_size=4, max_size=4),
)
def test_calls_that_overlap_may_come_in_any_order(delays: list[int], others: list[int]) -> None:
    """The recorded answers all come at once, so the replay's order is not the recorded one."""
    conn = connect()
    run = record(conn, crowd(4, delays)).run
    found = replay(run, crowd(4, others)).require_same()
    assert found.output == 14
    conn.close()


def test_inside_a_loop_a_replay_is_awaited() -> None:
    conn = connect()
    run = record(conn, crowd(2, [1, 0])).run

    async def main() -> None:
        (await replay_async(run, crowd(2, [0, 0]))).require_same()
        with pytest.raises(RecordError) as caught:
            replay(run, crowd(2, [0, 0]))
        assert caught.value.code == "record/in-a-loop"

    asyncio.run(main())
    conn.close()


def test_a_coroutine_function_is_called_as_a_step() -> None:
    world = World()

    async def price(what: str) -> Any:
        await asyncio.sleep(0)
        return world.price(what)

    async def agent(run: RunContext) -> Any:
        return await run.call_async("tool", "price", price, what="tea")

    with connect() as conn:
        done = record(conn, agent)
        assert replay(done.run, agent).require_same().output == done.output
        assert world.asked == ["tea"], "the replay is answered by the record"
        [step] = read_recording(conn.db, done.run).steps
        assert (step.title(), step.input) == ("tool price", {"what": "tea"})


def nested(world: World, *, stores: bool) -> Callable[[RunContext], str]:
    def agent(run: RunContext) -> str:
        think = run.model()(world.think)

        @run.tool()
        def plan(goal: str) -> str:
            found = think(f"{goal} for 3")
            if stores:
                run.transact([{":note/id": "plan", ":note/text": found}])
            return f"{goal}: {found}"

        return plan("tea")

    return agent


@pytest.mark.parametrize("stores", [False, True])
def test_what_a_tool_does_inside_is_part_of_it(stores: bool) -> None:
    """No tool is run again; the facts that one stored are stored from the record."""
    conn, again = connect(), World({})
    run = record(conn, nested(World(), stores=stores)).run
    found = replay(run, nested(again, stores=stores)).require_same()
    assert again.asked == []
    assert found.output == "tea: buy"
    assert len(found.steps) == (3 if stores else 2)
    if stores:
        assert found.branch.db.entity([":note/id", "plan"])[":note/text"] == "buy"
    conn.close()


def test_the_memory_of_a_replay_is_what_the_recorded_code_saw() -> None:
    """Somebody else writes between the steps of the run; the replay sees that, and only that."""
    conn, meddle = connect(), True

    def agent(run: RunContext) -> list[Any]:
        seen = []
        for number in range(3):
            if meddle:
                conn.transact([{":note/id": f"other-{number}"}])
            run.event("step", number)
            seen.append(run.db.q("[:find (count ?n) . :where [?n :note/id]]"))
        return seen

    done = record(conn, agent)
    assert done.output == [1, 2, 3]
    meddle = False
    conn.transact([{":note/id": "later"}])
    assert replay(done.run, agent).require_same().output == [1, 2, 3]
    conn.close()


def test_what_if_a_tool_had_said_something_else() -> None:
    conn, live = connect(), World()
    run = record(conn, shopper(World()), run_id="r").run
    dear = answer("price", {"what": "tea", "price": (9, "eur")})
    found = replay(run, shopper(live), overrides=[dear])
    assert live.asked == ["shall I pay 9?"]
    assert found.output == "wait"
    assert found.divergence is not None
    assert found.divergence.replayed.title() == "model oracle"
    assert [str(pair.verdict) for pair in found.pairs()][1:3] == ["other-result", "other-input"]
    broken = replay(run, shopper(live), overrides=[fail("price", KeyError("shop is shut"))])
    assert repr(broken.error) == "KeyError('shop is shut')"
    conn.close()


def test_what_if_a_model_had_been_asked_this_instead() -> None:
    conn, live = connect(), World()
    run = record(conn, shopper(World()), run_id="r").run
    found = replay(run, shopper(live), overrides=[ask("oracle", prompt="and for 8?")])
    assert live.asked == ["and for 8?"]
    assert found.output == "wait"
    conn.close()


def test_after_a_divergence_a_falling_replay_calls_the_world() -> None:
    conn, live = connect(), World()
    run = record(conn, shopper(World()), run_id="r").run
    found = replay(run, shopper(live, wanted="cake"), mode="fall-through")
    assert live.asked == ["cake", "shall I pay 5?"]
    assert found.output == "wait"
    assert found.divergence is not None
    assert found.divergence.difference == "['what']: 'tea' is now 'cake'"
    assert found.branch.db.q("[:find ?x . :where [_ :note/text ?x]]") == "wait"
    assert conn.db.q("[:find ?x . :where [_ :note/text ?x]]") == "buy"
    conn.close()


def test_calls_made_for_real_are_held_against_the_record() -> None:
    conn = connect()
    run = record(conn, shopper(World()), run_id="r").run
    live = World()
    replay(run, shopper(live), live={"price"}).require_same()
    assert live.asked == ["tea"]
    found = replay(run, shopper(World({"tea": 4})), live={"price"}).divergence
    assert found is not None
    assert (found.reason, found.number) == ("other-result", 2)
    assert found.difference == "['price']['$tuple'][0]: 3 is now 4"
    conn.close()


def test_a_run_is_stepped_through_without_its_code() -> None:
    conn = connect()
    run = record(conn, shopper(World()), run_id="r").run
    played = replay(run)
    assert [frame.step.kind for frame in played] == [
        "clock", "tool", "model", "event", "transact", "event",
    ]  # fmt: skip
    stored = played[-2]
    assert {d.v for d in stored.facts.added} >= {"buy"}
    count = "[:find (count ?n) . :where [?n :note/id]]"
    assert (stored.before.q(count), stored.after.q(count)) == (None, 1)
    assert not played[1].facts
    conn.close()


@pytest.mark.parametrize("left", range(1, 6))
def test_a_crash_between_two_steps_leaves_a_run_that_replays_up_to_there(left: int) -> None:
    """Model of a crash: a database that ends in any transaction of the run."""
    conn = connect()
    run = record(conn, shopper(World()), run_id="r").run
    whole = read_recording(conn.db, run)
    crashed = conn.fork(as_of=whole.steps[left - 1].t)
    torn = get_run(crashed, "r")
    assert torn.record().status == "running"
    assert len(replay(torn)) == left
    found = replay(torn, shopper(World()), mode="fall-through")
    assert found.divergence is not None
    assert found.divergence.recorded is None
    assert found.steps[left - 1].digest == whole.steps[left - 1].digest
    assert verify(torn).broken is None
    crashed.close()
    conn.close()


def test_a_recording_kept_in_a_file_is_a_regression_test(tmp_path: Any) -> None:
    conn = connect()
    run = record(conn, nested(World(), stores=True), run_id="r", input=[1]).run
    path = save_recording(run, tmp_path / "run.json")
    conn.close()
    kept = load_recording(path)
    assert kept.input == [1]
    replay(kept, nested(World({}), stores=True)).require_same()
    with pytest.raises(ReplayError) as caught:
        replay(kept)
    assert caught.value.code == "replay/no-database"
    path.write_text(path.read_text()[:200])
    with pytest.raises(RecordError) as torn:
        load_recording(path)
    assert torn.value.code == "record/bad-file"


def test_a_block_may_be_a_step() -> None:
    conn, done = connect(), []

    def agent(run: RunContext) -> Any:
        with run.step("tool", "count", upto=3) as step:
            if not step.is_answered:
                done.append(True)
                step.output = list(range(step.arguments["upto"]))
        return step.output

    run = record(conn, agent).run
    assert replay(run, agent).require_same().output == [0, 1, 2]
    assert done == [True]
    conn.close()


def test_results_of_other_types_need_an_encoder() -> None:
    conn = connect()

    class Fare:
        def __init__(self, amount: int) -> None:
            self.amount = amount

    def agent(run: RunContext) -> int:
        plain = run.tool("plain")(lambda: Fare(3))
        coded = run.tool("coded", encode=vars, decode=lambda d: Fare(**d))(lambda: Fare(4))
        with pytest.raises(RecordError):
            plain()
        return int(coded().amount)

    with recording(conn, "r") as context:
        assert agent(context) == 4
    kinds = {step.kind for step in read_recording(conn.db, "r").steps}
    assert kinds <= CALLS
    conn.close()


def test_a_run_that_nothing_recorded_cannot_be_replayed() -> None:
    conn = connect()
    with begin_run(conn, "bare") as run, pytest.raises(RecordError) as caught:
        replay(run, shopper(World()))
    assert caught.value.code == "record/none"
    conn.close()


def test_a_changed_record_is_found_at_its_step_even_if_resealed() -> None:
    """Somebody rewrites the result of a call in the database, its digest with it: the chain tells."""
    conn = connect()
    run = record(conn, shopper(World()), run_id="r").run
    step = read_recording(conn.db, run).steps[1]
    forged = replace(step, output={"what": "tea", "price": {"$tuple": [1, "eur"]}})
    conn.transact([[":db/add", step.event, ":event/payload", forged.to_payload()]])
    assert read_recording(conn.db, run).steps[1].is_whole
    found = replay(run, shopper(World())).divergence
    assert found is not None
    assert (found.reason, found.number) == ("changed-record", step.number)
    conn.close()


def test_a_killed_process_leaves_what_it_had_recorded(tmp_path: Path) -> None:
    """The files as they are after each step, opened as after a crash."""
    images: list[Path] = []
    conn = datamem.connect(tmp_path / "db", SCHEMA, fsync="off")

    def agent(run: RunContext) -> int:
        double = run.tool("double")(lambda n: 2 * n)
        total = 0
        for number in range(4):
            total += double(number)
            run.transact([{":note/id": "total", ":note/text": str(total)}])
            if len(images) < 4:
                images.append(image(conn, tmp_path / f"image-{number}"))
        return total

    assert record(conn, agent, run_id="r").output == 12
    conn.close()
    for count, path in enumerate(images, start=1):
        with datamem.connect(path) as crashed:
            torn = get_run(crashed, "r")
            assert torn.record().status == "running"
            assert verify(torn).broken is None
            steps = read_recording(crashed.db, torn).steps
            assert [step.kind for step in steps] == ["tool", "transact"] * count
            found = replay(torn, agent, mode="fall-through")
            assert found.output == 12
            assert [s.digest for s in found.steps[: len(steps)]] == [s.digest for s in steps]
            if count < 4:
                assert found.divergence is not None
                assert found.divergence.recorded is None
            found.close()


def test_threads_of_one_agent_share_its_run() -> None:
    conn = connect()

    def agent(run: RunContext) -> int:
        square = run.tool("square")(lambda n: n * n)
        with ThreadPoolExecutor(4) as pool:
            found = sum(pool.map(square, range(20)))
        run.event("sum", found)
        return found

    run = record(conn, agent).run
    steps = read_recording(conn.db, run).steps
    assert sorted(step.issued for step in steps) == list(range(1, 22))
    assert [step.number for step in steps] == list(range(1, 22))
    assert replay(run, agent).require_same().output == 2470
    conn.close()


def test_an_ended_run_takes_no_further_step() -> None:
    conn = connect()
    with recording(conn, "r") as context:
        context.event("one")
    before = conn.db.basis_t
    for late in (
        lambda: context.event("two"),
        lambda: context.transact([{":note/id": "late"}]),
        context.tool("t")(lambda: 1),
    ):
        with pytest.raises(RunError) as caught:
            late()
        assert caught.value.code == "run/ended"
    assert conn.db.basis_t == before
    with pytest.raises(RunError) as unknown:
        replay(get_run(conn, "nobody"))
    assert unknown.value.code == "run/unknown"
    conn.close()


def test_an_event_without_a_type_is_refused() -> None:
    conn = connect()
    with recording(conn, "r") as context:
        before = conn.db.basis_t
        with pytest.raises(RunError) as caught:
            context.event("")
        assert caught.value.code == "event/bad-type"
        assert conn.db.basis_t == before
        context.event("next")
    assert verify(get_run(conn, "r")).broken is None
    conn.close()
