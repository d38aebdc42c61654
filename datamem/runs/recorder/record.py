"""Recording: run an agent so that everything that could have gone otherwise is an event of its run."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from datamem.clock import random_bytes
from datamem.conn import Connection
from datamem.runs.events import append_event
from datamem.runs.recorder.context import RunContext
from datamem.runs.recorder.journal import RunJournal
from datamem.runs.recorder.read import BEGIN
from datamem.runs.recorder.values import RecordError, encode_value
from datamem.runs.runs import Run, begin_run

Agent = Callable[[RunContext], Any]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run that was recorded, and what its code returned."""

    run: Run
    output: Any


@contextmanager
def recording(
    conn: Connection,
    run_id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    *,
    input: Any = None,  # noqa: A002 - the word
    seed: int | None = None,
    **about: Any,
) -> Iterator[RunContext]:
    """Record what a block does with the context it gets; the run fails if the block raises.

    Args:
        run_id, metadata, about: as `begin_run` takes them.
        input: what the agent is to work on; plain data, kept in the record.
        seed: of the context's random numbers; None: one that nobody can guess.

    Raises:
        RunError: as `begin_run`.
        RecordError: `record/not-json` for the input.
    """
    begun = {
        "input": encode_value(input),
        "seed": int.from_bytes(random_bytes(6), "big") if seed is None else seed,
    }
    run = begin_run(conn, run_id, metadata, **about)
    with run:
        append_event(run, BEGIN, begun)
        yield RunContext(RunJournal(run), input=input, seed=begun["seed"])


def record(conn: Connection, agent: Agent, **options: Any) -> Recorded:
    """Call an agent with a context, record it, and end its run.

    Args:
        agent: a function or a coroutine function of one argument, the `RunContext`.
        options: as `recording` takes them.

    Raises:
        what the agent raises, after its run has ended as failed.
        RecordError: `record/in-a-loop` for a coroutine function inside a running event loop; use
            `with recording(…)` there.

    Example:
        >>> import datamem
        >>> conn = datamem.connect(":memory:")
        >>> def agent(run):
        ...     look_up = run.tool("look_up")(lambda city: {"Oslo": 7}[city])
        ...     return look_up(run.input)
        >>> record(conn, agent, input="Oslo").output
        7
        >>> conn.close()
    """
    check_loop(agent)
    with recording(conn, **options) as context:
        return Recorded(context.run, call_agent(agent, context))


def check_loop(agent: Agent) -> None:
    """Refuse a coroutine function where it cannot be run to its end.

    Raises:
        RecordError: `record/in-a-loop`.
    """
    if inspect.iscoroutinefunction(agent) and _is_in_loop():
        message = "a coroutine cannot be run to its end from inside a running event loop"
        raise RecordError(
            message,
            code="record/in-a-loop",
            hint="await replay_async(…), or use `with recording(…)` there",
        )


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def call_agent(agent: Agent, context: RunContext) -> Any:
    """Call a function, or run a coroutine function to its end."""
    found = agent(context)
    return asyncio.run(found) if inspect.iscoroutine(found) else found
