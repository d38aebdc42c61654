"""Answering queries: parsed and resolved once, kept by text and schema, run on any database value."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

from datamem.datalog.columns.column import Column
from datamem.datalog.columns.domains import Domains
from datamem.datalog.execute.calls import check_calls
from datamem.datalog.execute.context import Context, StepTrace
from datamem.datalog.execute.execute import run_scope
from datamem.datalog.execute.inputs import bind_inputs
from datamem.datalog.execute.sources import DatabaseSource, TableSource, is_database
from datamem.datalog.faults import query_error
from datamem.datalog.find.find import find_columns, number
from datamem.datalog.find.grouping import grouped_columns, is_grouped
from datamem.datalog.parse.parse import parse_query, parse_rules
from datamem.datalog.parse.remembered import data_key
from datamem.datalog.resolve.resolve import resolve_query
from datamem.datalog.resolve.steps import Resolved
from datamem.datalog.result import Result
from datamem.datalog.short.closure import ClosurePlan, closure_plan
from datamem.datalog.short.point import PointPlan, point_plan
from datamem.datalog.short.search import SearchPlan
from datamem.datalog.short.search_plan import search_plan
from datamem.datalog.short.simple import ENGINE, simple_query
from datamem.datalog.short.star_plan import Star, StarScope, star_plan, star_scope
from datamem.datalog.syntax import Query, Rule, RulesInput, SourceName
from datamem.db.database import Db
from datamem.edn import Keyword, Symbol

_Short: TypeAlias = PointPlan | SearchPlan | Star | ClosurePlan
_Plan: TypeAlias = tuple[Any, Resolved, _Short | StarScope | None]
_Plans: TypeAlias = dict[tuple[int, ...], _Plan]
"""By the identity of schemas and rules; the first item keeps those alive."""

_CACHE_SIZE: Final = 512
_prepared: Final[dict[Any, PreparedQuery]] = {}
_rules: Final[dict[Any, tuple[Rule, ...]]] = {}


class PreparedQuery:
    """A query parsed once, and resolved once per schema that it meets.

    Safe to call from several threads at once.

    Attributes:
        query: the query as parsed.
    """

    __slots__ = ("_database", "_plans", "_short", "_sources", "_values", "query")

    def __init__(
        self,
        query: Query,
        database: Any = None,
        *,
        plans: _Plans | None = None,
        values: tuple[Any, ...] = (),
    ) -> None:
        self.query = query
        self._database = database
        self._values = values
        self._sources = tuple(
            i for i, item in enumerate(query.inputs) if isinstance(item, SourceName)
        )
        self._plans: _Plans = {} if plans is None else plans
        self._short: tuple[Any, _Short | None] = (None, None)

    def __call__(
        self,
        *inputs: Any,
        timeout: float | None = None,
        max_rows: int | None = None,
        functions: Mapping[str, Callable[..., Any]] | None = None,
    ) -> Any:
        """Answer the query.

        Args:
            inputs: one for each item of `:in`; without the first where `prepare` was given it.
            timeout: seconds after which the query stops with `query/timeout`.
            max_rows: rows of any intermediate or final relation; more is `query/too-many-rows`.
            functions: Python callables that this call may name.

        Returns:
            A `Result`, a list, a tuple or a value, by the shape of `:find`; None where a tuple or
            scalar find has no row.
        """
        if self._database is not None or self._values:
            inputs = self.all_inputs(inputs)
        if timeout is None and max_rows is None and not functions:
            found = self._run_short(inputs)
            if found is not ENGINE:
                return found
        _, resolved, short = self._plan(inputs)
        context = make_context(
            resolved, inputs, timeout=timeout, max_rows=max_rows, functions=functions
        )
        if not isinstance(short, StarScope) or max_rows is not None or functions:
            return answer(context, inputs)
        return answer(context, inputs, short)

    def _run_short(self, inputs: tuple[Any, ...]) -> Any:
        """Answer the query the short way if there is one; else return `ENGINE`."""
        db = inputs[0] if inputs else None
        if type(db) is not Db or len(inputs) != len(self.query.inputs):
            return ENGINE
        schema, short = self._short
        if schema is not db.schema:
            planned = self._plan(inputs)[2]
            short = None if isinstance(planned, StarScope) else planned
            self._short = db.schema, short
        if short is None or not db.view.is_plain:
            return ENGINE
        return short.run(db, inputs)

    def short_way(self, inputs: Sequence[Any]) -> _Short | StarScope | None:
        """Return the way that is tried before the engine, or None; see `datamem.datalog.short.ways`."""
        short = self._plan(inputs)[2]
        db = inputs[0] if inputs else None
        return short if type(db) is Db and db.view.is_plain else None

    def bound_to(self, database: Any) -> PreparedQuery:
        """Return the same prepared query with its first input given."""
        return PreparedQuery(self.query, database, plans=self._plans, values=self._values)

    def all_inputs(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the caller's inputs between those that the query was prepared with."""
        if self._database is not None:
            inputs = (self._database, *inputs)
        return (*inputs, *self._values) if self._values else inputs

    def resolved(self, inputs: Sequence[Any]) -> Resolved:
        """Return the query resolved for these inputs."""
        return self._plan(inputs)[1]

    def notes(self, *inputs: Any) -> tuple[str, ...]:
        """Return what in the query can match nothing, or is hardly meant so.

        That is attributes that nobody used, values and comparisons of another type, names of nobody.
        """
        inputs = self.all_inputs(inputs)
        context = make_context(self.resolved(inputs), inputs)
        bind_inputs(inputs, context)
        return _noting(context, context.raw_sources)()

    def _plan(self, inputs: Sequence[Any]) -> _Plan:
        if len(inputs) != len(self.query.inputs):
            raise _wrong_inputs(self.query, inputs)
        if self._sources == (0,):
            key: tuple[Any, ...] = (getattr(inputs[0], "schema", None),)
        else:
            key = tuple(getattr(inputs[i], "schema", None) for i in self._sources)
        rules: tuple[Rule, ...] = ()
        for item, value in zip(self.query.inputs, inputs, strict=True):
            if isinstance(item, RulesInput):
                rules = rules_of(value)
                key = (*key, rules)
        at = tuple(map(id, key))
        found = self._plans.get(at)
        if found is None:
            found = self._resolve(key, inputs, rules)
            if len(self._plans) >= _CACHE_SIZE // 8:
                self._plans.pop(next(iter(self._plans)), None)
            self._plans[at] = found
        return found

    def _resolve(
        self, key: tuple[Any, ...], inputs: Sequence[Any], rules: tuple[Rule, ...]
    ) -> _Plan:
        """Resolve for one combination of schemas; `key` keeps them alive with the plan."""
        schemas = {}
        for item, value in zip(self.query.inputs, inputs, strict=True):
            if isinstance(item, SourceName):
                schemas[item.name] = value.schema if is_database(value) else None
        resolved = resolve_query(self.query, schemas, rules)
        simple = simple_query(resolved, schemas)
        if simple is None:
            short = search_plan(resolved, schemas)
            return key, resolved, short or closure_plan(resolved, schemas, inputs)
        point = point_plan(simple)
        if point is not None and point.is_bounded:
            return key, resolved, point
        return key, resolved, star_plan(simple) or point or star_scope(simple)


def _is_built(query: Any) -> bool:
    """Tell whether a query was made by the builder, which is imported by whoever made one."""
    builder = sys.modules.get("datamem.datalog.builder.find")
    return builder is not None and isinstance(query, builder.Runnable)


def _wrong_inputs(query: Query, inputs: Sequence[Any]) -> Exception:
    names = [_input_name(item) for item in query.inputs]
    if len(inputs) < len(names):
        missing = ", ".join(names[len(inputs) :])
        message = (
            f"the query needs {_inputs(len(names))} and got {len(inputs)}; missing: {missing}"
        )
    else:
        message = (
            f"the query takes {_inputs(len(names))} ({' '.join(names)}) and got {len(inputs)}"
        )
    return query_error(
        message,
        code="query/inputs",
        hint=f":in {' '.join(names)}; db.q gives $ itself, datamem.q names every source",
        text=query.text,
        expected=names,
        given=len(inputs),
    )


def _inputs(count: int) -> str:
    return "1 input" if count == 1 else f"{count} inputs"


def _input_name(item: Any) -> str:
    from datamem.datalog.resolve.describe import describe_input  # errors only

    return describe_input(item)


def make_context(
    resolved: Resolved,
    inputs: Sequence[Any],
    *,
    timeout: float | None = None,
    max_rows: int | None = None,
    functions: Mapping[str, Any] | None = None,
    trace: list[StepTrace] | None = None,
) -> Context:
    """Return the context of one execution, its sources in place."""
    query = resolved.query
    domains = Domains()
    context = Context(
        resolved,
        domains,
        functions=functions,
        timeout_s=timeout,
        max_rows=max_rows,
        trace=trace,
    )
    for item, value in zip(query.inputs, inputs, strict=True):
        if isinstance(item, SourceName):
            context.raw_sources[item.name] = value
            context.sources[item.name] = (
                DatabaseSource(value, domains)
                if is_database(value)
                else TableSource(value, domains, item.name)
            )
    return context


def answer(context: Context, inputs: Sequence[Any], star: StarScope | None = None) -> Any:
    """Run a query and shape its answer as `:find` says; `star` is a short way for its clauses."""
    query = context.resolved.query
    relations = bind_inputs(inputs, context)
    if query.timeout_ms is not None:
        milliseconds = number(query.timeout_ms, ":timeout", context)
        context.set_timeout((milliseconds or 0) / 1000)
    check_calls(context)
    resolved = context.resolved
    made = None if star is None else star.relation(context, inputs)
    if made is None:
        components = run_scope(resolved.scope, relations, context, wanted=resolved.asked)
    else:
        components = [made, *relations] if made.size else None
    find = grouped_columns if is_grouped(query) else find_columns
    columns, size = find(components, context)
    context.check_size(size, "the result")
    return _shaped(query, columns, size, context)


def _shaped(query: Query, columns: Sequence[Column], size: int, context: Context) -> Any:
    labels = _labels(query)
    match query.find.shape:
        case "scalar":
            return columns[0].values()[0] if size else None
        case "collection":
            return list(columns[0].values())
        case "tuple":
            if not size:
                return None
            row = tuple(column.values()[0] for column in columns)
            return row if labels is None else dict(zip(labels, row, strict=True))
        case _:
            pass
    return Result(
        columns,
        size,
        labels=labels,
        is_ordered=bool(query.order_by) or query.is_paged,
        cursor=context.cursor,
        notes=_noting(context, {} if size else context.raw_sources),
    )


def _noting(context: Context, sources: Mapping[str, Any]) -> Callable[[], tuple[str, ...]]:
    """Return what makes the notes; it keeps no database alive for the sake of an answer that has rows."""
    schemas = {n: getattr(source, "schema", None) for n, source in context.raw_sources.items()}
    return partial(_notes, context.resolved, schemas, context.given, sources)


def _notes(*args: Any) -> tuple[str, ...]:
    from datamem.datalog.notes.notes import notes_of  # where somebody looks

    return notes_of(*args)


def _labels(query: Query) -> Sequence[Any] | None:
    if query.keys is None:
        return None
    match query.keys_kind:
        case "keys":
            return [Keyword(f":{name}") for name in query.keys]
        case "syms":
            return [Symbol(name) for name in query.keys]
        case _:
            pass
    return list(query.keys)


def prepare(query: Any, database: Any = None) -> PreparedQuery:
    """Parse a query once, to be called with its inputs.

    Args:
        query: EDN text, a list or mapping, or composed with `datamem.query`; texts are remembered.
        database: what `$` is; then the calls give the other inputs only.

    Raises:
        QueryError: the query makes no sense, with the place where it was text.
    """
    if isinstance(query, PreparedQuery):
        prepared = query
    elif _is_built(query):
        text, values = query.compiled()
        known = prepare(text)
        prepared = PreparedQuery(known.query, plans=known._plans, values=values)  # noqa: SLF001
    else:
        key = query if isinstance(query, str) else data_key(query)
        found = _prepared.get(key) if key is not None else None
        prepared = found if found is not None else PreparedQuery(parse_query(query))
        if found is None and key is not None:
            _remember(_prepared, key, prepared)
    return prepared if database is None else prepared.bound_to(database)


def _remember(cache: dict[Any, Any], key: Any, value: Any) -> None:
    if len(cache) >= _CACHE_SIZE:
        cache.pop(next(iter(cache)), None)
    cache[key] = value


def rules_of(form: Any) -> tuple[Rule, ...]:
    """Return rules given as text, data or parsed; texts and data are remembered."""
    if isinstance(form, tuple) and all(isinstance(rule, Rule) for rule in form):
        return form
    key = form if isinstance(form, str) else data_key(form)
    found = _rules.get(key) if key is not None else None
    if found is None:
        found = parse_rules(form)
        if key is not None:
            _remember(_rules, key, found)
    return found


def q(
    query: Any,
    *inputs: Any,
    timeout: float | None = None,
    max_rows: int | None = None,
    functions: Mapping[str, Callable[..., Any]] | None = None,
) -> Any:
    """Answer a Datalog query.

    Args:
        query: EDN text, Python data, composed with `datamem.query`, or prepared.
        inputs: what `:in` names, sources included; the first is usually a database.
        timeout: seconds.
        max_rows: the most rows that any step may make.
        functions: Python callables that the query may name.

    Raises:
        QueryError: what is wrong with the query or its inputs, and where.
    """
    prepared = _prepared.get(query) if type(query) is str else None
    if prepared is None:
        prepared = prepare(query)
    return prepared(*inputs, timeout=timeout, max_rows=max_rows, functions=functions)
