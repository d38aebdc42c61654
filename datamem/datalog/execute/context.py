"""One execution of a query: its sources, domains, functions, deadline, row budget and trace."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from datamem.datalog.columns.domains import Domains
from datamem.datalog.execute.sources import Source
from datamem.datalog.faults import near, query_error
from datamem.datalog.functions.function import Function
from datamem.datalog.functions.registry import (
    AGGREGATE_NAMES,
    find_function,
    function_names,
    of_callable,
)
from datamem.datalog.nested import nested_function
from datamem.datalog.parse.check import rule_hint
from datamem.datalog.resolve.steps import Resolved, Step
from datamem.datalog.syntax import FunctionName, Variable

clock: Final[Callable[[], float]] = time.perf_counter


@dataclass(slots=True)
class StepTrace:
    """What one step did: for `explain`."""

    text: str
    how: str
    estimate: int
    rows_in: int
    rows_out: int
    seconds: float
    depth: int


def merge_traces(traces: list[StepTrace]) -> list[StepTrace]:
    """Add up what equal steps did in several stretches, in the order in which they first ran."""
    merged: dict[tuple[str, int], StepTrace] = {}
    for trace in traces:
        known = merged.setdefault((trace.text, trace.depth), trace)
        if known is not trace:
            known.rows_in += trace.rows_in
            known.rows_out += trace.rows_out
            known.seconds += trace.seconds
    return list(merged.values())


class Context:
    """The state of one execution; used by one thread."""

    __slots__ = (
        "cursor",
        "deadline",
        "depth",
        "domains",
        "fetched",
        "functions",
        "given",
        "inputs",
        "max_rows",
        "probes",
        "raw_sources",
        "resolved",
        "sources",
        "tables",
        "timeout_s",
        "trace",
    )

    def __init__(
        self,
        resolved: Resolved,
        domains: Domains,
        *,
        functions: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
        max_rows: int | None = None,
        trace: list[StepTrace] | None = None,
    ) -> None:
        _check_settings(timeout_s, max_rows, functions)
        self.resolved = resolved
        self.domains = domains
        self.sources: dict[str, Source] = {}
        self.raw_sources: dict[str, Any] = {}
        self.functions = dict(functions or {})
        self.given: dict[str, Any] = {}
        self.inputs: list[Any] = []
        self.timeout_s = timeout_s
        self.deadline = None if timeout_s is None else clock() + timeout_s
        self.max_rows = max_rows
        self.trace = trace
        self.depth = 0
        self.probes: dict[Step, Any] = {}
        self.fetched: dict[Any, Any] = {}
        self.tables: dict[Any, Any] = {}
        self.cursor: Callable[[], str] | None = None

    @property
    def text(self) -> str | None:
        """The query's text, for carets."""
        return self.resolved.query.text

    def set_timeout(self, seconds: float) -> None:
        """Stop after this long, unless the caller asked for less."""
        if self.timeout_s is None or seconds < self.timeout_s:
            self.timeout_s = seconds
            self.deadline = clock() + seconds

    def remaining_s(self) -> float | None:
        """Return the seconds that are left; None where there is no limit."""
        return None if self.deadline is None else max(0.0, self.deadline - clock())

    def check_size(self, size: int, step: Any) -> None:
        """Stop a step whose result would pass the row budget, before it is made.

        Raises:
            QueryError: `query/too-many-rows`, `query/timeout`; both name the step.
        """
        if self.max_rows is not None and size > self.max_rows:
            raise query_error(
                f"a step grows to {size} rows, more than the {self.max_rows} allowed:"
                f" {_described(step)}",
                code="query/too-many-rows",
                hint="narrow the query, or raise max_rows",
                text=self.text,
                offset=getattr(step, "offset", -1),
                rows=size,
                step=_described(step),
            )
        if self.deadline is not None and clock() > self.deadline:
            raise query_error(
                f"the query ran longer than {self.timeout_s} s, at {size} rows in:"
                f" {_described(step)}",
                code="query/timeout",
                hint="narrow the query, or raise timeout",
                text=self.text,
                offset=getattr(step, "offset", -1),
                rows=size,
                step=_described(step),
            )

    def function(self, name: FunctionName, count: int, offset: int) -> Function:
        """Find a function and check that it takes `count` arguments.

        Raises:
            QueryError: `query/unknown-function`, `query/arity`.
        """
        found = self._find(name, offset)
        if not found.accepts(count):
            takes = f"{found.least}"
            if found.most is None:
                takes += " or more"
            elif found.most != found.least:
                takes += f" to {found.most}"
            raise query_error(
                f"{found.name} takes {takes} argument{'' if takes == '1' else 's'}, not {count}",
                code="query/arity",
                text=self.text,
                offset=offset,
                function=found.name,
            )
        return found

    def _find(self, name: FunctionName, offset: int) -> Function:
        if isinstance(name, Variable):
            value = self.given.get(name.name)
            if callable(value) or isinstance(value, Function):
                return of_callable(value, name.name)
            if isinstance(value, str):
                return self._find(str(value), offset)
            raise query_error(
                f"{name.name} is called, but it is not a function",
                code="query/not-a-function",
                hint="give a Python callable as the input",
                text=self.text,
                offset=offset,
            )
        if not isinstance(name, str):
            return of_callable(name)
        found = find_function(name, self.functions)
        if found is None and name == "q":
            return nested_function(self)
        if found is None:
            raise query_error(
                f"there is no function {name}",
                code="query/unknown-function",
                hint=self._hint(name),
                text=self.text,
                offset=offset,
                function=name,
            )
        return found

    def _hint(self, name: str) -> str:
        if name in self.resolved.rule_names:
            return rule_hint(name)
        if name in AGGREGATE_NAMES:
            return f"{name} is an aggregate: write ({name} ?x) in :find"
        return (
            near(name, function_names(self.functions))
            or "register it with functions={…} or give it as an input"
        )


def _check_settings(timeout: Any, max_rows: Any, functions: Any) -> None:
    if functions is not None and not isinstance(functions, Mapping):
        raise query_error(
            f"functions needs a map of names to callables, and got {functions!r}",
            code="query/not-a-function",
            hint='functions={"score": score}',
        )
    if timeout is not None and (not isinstance(timeout, int | float) or timeout < 0):
        message = f"timeout needs seconds, and got {timeout!r}"
        raise query_error(message, code="query/bad-count")
    if max_rows is not None and (not isinstance(max_rows, int) or max_rows < 0):
        message = f"max_rows needs a number of rows, and got {max_rows!r}"
        raise query_error(message, code="query/bad-count")


def _described(step: Any) -> str:
    from datamem.datalog.resolve.describe import describe  # errors only

    return step if isinstance(step, str) else describe(step)
