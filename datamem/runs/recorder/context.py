"""What an agent's code is given while it is recorded or replayed: clock, chance, calls, events, facts.

The code is the same in both: what differs is the journal behind it. A recorder answers nothing and keeps
everything; a replayer answers from the record.
"""

from __future__ import annotations

import inspect
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import datetime
from functools import wraps
from random import Random  # noqa: TID251 - seeded by the run, so a replay draws the same
from typing import Any, TypeVar, cast
from uuid import UUID

from datamem.db.database import Db
from datamem.db.report import TxReport
from datamem.errors import DatamemError
from datamem.ids import ATTR_BASE, TX_BASE
from datamem.index.words import instant_of_us
from datamem.runs.recorder.journals import Journal, OpenStep
from datamem.runs.recorder.steps import Failure, Step, place_of_caller
from datamem.runs.recorder.traces import TraceHandle, check_trace
from datamem.runs.recorder.values import RecordError, decode_value, encode_input, encode_value
from datamem.runs.runs import Run

F = TypeVar("F", bound=Callable[..., Any])
Codec = Callable[[Any], Any]


class RunContext:
    """The agent's side of a run. Any number of threads and tasks of one agent may use it.

    Attributes:
        input: what the run was started with.
        random: a generator seeded by the run: the same numbers in every replay.
    """

    def __init__(self, journal: Journal, *, input: Any, seed: int) -> None:  # noqa: A002 - the word
        self.input = input
        self.random = Random(seed)  # noqa: S311 - not for secrets
        self._journal = journal
        self._lock = threading.RLock()
        self._issued = 0
        self._occurrences: Counter[str] = Counter()
        self._own_entities: dict[int, int] = {}
        self._last: dict[str, int] = {}
        self._enclosing: ContextVar[int] = ContextVar("enclosing", default=0)

    @property
    def run(self) -> Run:
        """The run that the steps belong to; in a replay, that of the branch."""
        return self._journal.run

    # What would differ from run to run

    def now_us(self) -> int:
        """Return the time, µs since 1970; in a replay the recorded one."""
        found: int = self._do(
            self._begin("clock", "now", None), lambda _: self._journal.now_us()
        )
        return found

    def now(self) -> datetime:
        """Return the time, in UTC; in a replay the recorded one."""
        return instant_of_us(self.now_us())

    def uuid(self) -> UUID:
        """Return a new id, random by the run's seed."""
        return UUID(int=self.random.getrandbits(128), version=4)

    @property
    def db(self) -> Db:
        """The memory now; in a replay, what the recorded code saw here."""
        return self._journal.db

    # Calls

    def tool(self, name: str | None = None, **codec: Codec) -> Callable[[F], F]:
        """Wrap a tool, a function or a coroutine function: `@run.tool()`.

        Args:
            name: what to call it in the record; the function's own name by default.
            encode, decode: to plain data and back, for results that are none.
        """
        return self._wrapper("tool", name, **codec)

    def model(self, name: str | None = None, **codec: Codec) -> Callable[[F], F]:
        """Wrap a call of a model, as `tool` wraps a tool."""
        return self._wrapper("model", name, **codec)

    def _wrapper(
        self,
        kind: str,
        name: str | None,
        encode: Codec | None = None,
        decode: Codec | None = None,
    ) -> Callable[[F], F]:
        def wrap(function: F) -> F:
            called = name or function.__name__
            signature = inspect.signature(function)

            def begin(args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Step, Any]:
                bound = signature.bind(*args, **kwargs)
                step = self._begin(kind, called, dict(bound.arguments))

                def call(arguments: Mapping[str, Any] | None) -> Any:
                    bound.arguments.update(arguments or {})
                    return function(*bound.args, **bound.kwargs)

                return step, call

            @wraps(function)
            def wrapped(*args: Any, **kwargs: Any) -> Any:
                return self._do(*begin(args, kwargs), encode=encode, decode=decode)

            @wraps(function)
            async def wrapped_async(*args: Any, **kwargs: Any) -> Any:
                return await self._do_async(*begin(args, kwargs), encode=encode, decode=decode)

            chosen = wrapped_async if inspect.iscoroutinefunction(function) else wrapped
            return cast("F", chosen)

        return wrap

    def call(
        self, kind: str, name: str, function: Callable[..., Any], /, **arguments: Any
    ) -> Any:
        """Call a function as a step: `run.call("tool", "search", search, query="…")`."""
        step = self._begin(kind, name, arguments)
        return self._do(step, lambda other: function(**{**arguments, **(other or {})}))

    async def call_async(
        self, kind: str, name: str, function: Callable[..., Awaitable[Any]], /, **arguments: Any
    ) -> Any:
        """Await a coroutine function as a step."""
        step = self._begin(kind, name, arguments)
        return await self._do_async(
            step, lambda other: function(**{**arguments, **(other or {})})
        )

    @contextmanager
    def step(self, kind: str, name: str, /, **arguments: Any) -> Iterator[OpenStep]:
        """Make a step of a block: it gives `step.output`, unless `step.is_answered`.

        with run.step("tool", "search", query=q) as step:
            if not step.is_answered:
                step.output = search(q)
        """
        begun = self._begin(kind, name, arguments)
        answer = self._journal.answer(begun)
        if answer.step is not None:
            if answer.step.failure is not None:
                self._keep(begun, answer.step.output, answer.step.failure)
                raise answer.step.failure.to_exception()
            yield OpenStep(decode_value(answer.step.output), is_answered=True)
            self._keep(begun, answer.step.output, None)
            return
        opened = OpenStep(arguments={**arguments, **(answer.arguments or {})})
        with self._called(begun):
            yield opened
        self._keep(begun, encode_value(opened.output), None)

    # What the agent says and stores

    def event(self, type_: str, payload: Any = None) -> None:
        """Note something of the agent's own, such as a message to the user."""
        step = self._begin("event", type_, payload)
        self._do(step, lambda _: None)

    def transact(self, tx_data: Any, meta: Mapping[Any, Any] | None = None) -> Any:
        """Store facts; return the report. A replay stores them on its branch, and compares."""
        step = self._begin("transact", "facts", _plain_tx(tx_data))
        self._journal.answer(step)
        try:
            return self._journal.transact(step, tx_data, meta, self.facts_of)[0]
        except DatamemError as error:
            self._keep(step, None, Failure.of(error))
            raise

    def trace(self, kind: str, text: str | None = None, /, **content: Any) -> TraceHandle:
        """Keep a piece of reasoning; return a handle that later ones may be `about`.

        Args:
            kind: "decision", "assumption", "citation" or "confidence".
            text: what was decided, assumed or cited.
            content: `recalled`, `cited`, `ignored`: entities (ids, lookup refs, handles) that were recalled
                for it, that it rests on, and that were at hand and not used; `confidence` from 0 to 1;
                `about`: a handle; `name`, `input`, `output`.

        Raises:
            RecordError: `record/bad-trace`, `record/unknown-entity`.
        """
        said = content if text is None else {"text": text, **content}
        check_trace(kind, said)
        step = self._begin("trace", kind, said)
        self._do(step, lambda _: None)
        return TraceHandle(step.issued)

    def last_call(self, name: str) -> TraceHandle:
        """Return the last call of a tool or model, to be cited.

        Raises:
            RecordError: `record/no-call`.
        """
        step = self._last.get(name)
        if step is None:
            raise RecordError(
                f"{name} has not been called in this run",
                code="record/no-call",
                hint="the names called so far: " + (", ".join(sorted(self._last)) or "none"),
                name=name,
            )
        return TraceHandle(step)

    # How a step goes

    def _begin(self, kind: str, name: str, arguments: Any) -> Step:
        data = encode_input(arguments)
        with self._lock:
            self._issued += 1
            step = Step(
                kind=kind,
                name=name,
                input=data,
                issued=self._issued,
                after=self._journal.completed,
                parent=self._enclosing.get(),
                place=place_of_caller(),
                started_us=self._journal.now_us(),
            )
            if kind in {"tool", "model"}:
                self._last[name] = step.issued
            self._occurrences[step.input_digest] += 1
            return replace(step, occurrence=self._occurrences[step.input_digest])

    def _do(
        self,
        step: Step,
        call: Callable[[Mapping[str, Any] | None], Any],
        *,
        encode: Codec | None = None,
        decode: Codec | None = None,
    ) -> Any:
        answer = self._journal.answer(step)
        if answer.step is not None:
            return self._given(step, answer.step, decode)
        with self._called(step):
            output = _encoded(call(answer.arguments), encode)
        return self._taken(step, output, decode)

    async def _do_async(
        self,
        step: Step,
        call: Callable[[Mapping[str, Any] | None], Awaitable[Any]],
        *,
        encode: Codec | None = None,
        decode: Codec | None = None,
    ) -> Any:
        answer = self._journal.answer(step)
        if answer.step is not None:
            return self._given(step, answer.step, decode)
        with self._called(step):
            output = _encoded(await call(answer.arguments), encode)
        return self._taken(step, output, decode)

    @contextmanager
    def _called(self, step: Step) -> Iterator[None]:
        """Make the steps that begin meanwhile in this task parts of `step`; keep its failure, if it fails.

        A misuse of the record is no failure of the agent's world: it is raised and not kept.
        """
        token = self._enclosing.set(step.issued)
        try:
            yield
        except RecordError:
            raise
        except Exception as error:
            self._keep(step, None, Failure.of(error))
            raise
        finally:
            self._enclosing.reset(token)

    def _given(self, step: Step, recorded: Step, decode: Codec | None) -> Any:
        """Hand out a recorded result, or raise the recorded failure."""
        self._keep(step, recorded.output, recorded.failure)
        if recorded.failure is not None:
            raise recorded.failure.to_exception()
        return _decoded(recorded.output, decode)

    def _taken(self, step: Step, output: Any, decode: Codec | None) -> Any:
        """Keep a result, and hand out what a replay of it would."""
        self._keep(step, output, None)
        return _decoded(output, decode)

    def _keep(self, step: Step, output: Any, failure: Failure | None) -> None:
        self._journal.finish(step.ended(output, failure, self._journal.now_us()))

    def facts_of(self, report: TxReport) -> list[Any]:
        """Return what a transaction did, with entities of this run by the order they appeared in."""
        db, first_new = report.db_after, report.db_before.next_entity
        facts = []
        for datom in report.tx_data:
            if datom.e == report.tx:
                continue
            attribute = db.schema.get(datom.a)
            is_ref = attribute is not None and attribute.value_type.name == "REF"
            value = self._entity(db, datom.v, first_new) if is_ref else _plain(datom.v)
            sign = "+" if datom.added else "-"
            facts.append([sign, self._entity(db, datom.e, first_new), db.ident(datom.a), value])
        return facts

    def _entity(self, db: Db, e: int, first_new: int) -> Any:
        if e >= ATTR_BASE:
            return db.ident(e)
        if first_new <= e < TX_BASE and e not in self._own_entities:
            self._own_entities[e] = len(self._own_entities) + 1
        own = self._own_entities.get(e)
        return e if own is None else f"new-{own}"


def _encoded(value: Any, encode: Codec | None) -> Any:
    return encode_value(value if encode is None else encode(value))


def _decoded(data: Any, decode: Codec | None) -> Any:
    value = decode_value(data)
    return value if decode is None else decode(value)


def _plain_tx(tx_data: Any) -> Any:
    """Return tx-data as JSON data for its digest; what has no such form stands as its text."""
    try:
        return encode_input(tx_data)
    except RecordError:
        return repr(tx_data)


def _plain(value: Any) -> Any:
    try:
        return encode_value(value)
    except RecordError:
        return repr(value)
