"""Calling search engines: arguments from rows, options by name, failures with their place."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from datamem.datalog.columns.domains import Domain
from datamem.datalog.columns.kernels import Int64Array
from datamem.datalog.columns.relation import Relation
from datamem.datalog.columns.values import print_value
from datamem.datalog.execute.context import Context
from datamem.datalog.execute.sources import DatabaseSource
from datamem.datalog.faults import query_error
from datamem.datalog.parse.searches import SEARCHES, option_name
from datamem.datalog.resolve.describe import describe
from datamem.datalog.resolve.steps import SearchStep
from datamem.datalog.syntax import Constant, Variable
from datamem.db.hits import Hits
from datamem.edn import Keyword
from datamem.errors import DatamemError
from datamem.hooks import hook

HITS: Final = 10
"""How many hits a search finds that does not say."""

ENGINES: Final = {
    "vector/search": "search vector",
    "vec-neighbors": "search vector",
    "fulltext": "search fulltext",
    "hybrid": "search hybrid",
}
"""The hook of each search."""


_PLACE: Final = frozenset({"message", "code", "hint", "text", "offset", "line", "column"})


class SearchCall:
    """One search: an engine, its arguments, and how many hits it is asked for.

    Attributes:
        k: how many hits.
    """

    __slots__ = ("_args", "_context", "_options", "_step", "k")

    def __init__(
        self, step: SearchStep, args: list[Any], options: dict[str, Any], context: Context
    ) -> None:
        if args and isinstance(args[-1], Mapping):
            options = {option_name(key): v for key, v in args.pop().items()} | options
        if step.name == "fulltext" and len(args) == 1:
            args.insert(0, _fulltext_attributes(step, context))
        if step.name != "hybrid" and len(args) > 2:
            options["k"] = args.pop(2)
        self._step = step
        self._args = args
        self._options = options
        self._context = context
        self.k = options.pop("k", HITS)
        if not isinstance(self.k, int) or isinstance(self.k, bool) or self.k < 1:
            raise query_error(
                f"k is {print_value(self.k)} in {describe(step)}, and must be at least 1",
                code="vector/bad-k",
                text=context.text,
                offset=step.offset,
                k=self.k,
            )

    def __call__(self, among: Int64Array | None, k: int | None = None) -> tuple[Any, ...]:
        """Search, and return the columns that `SEARCHES` names, arrays of equal length.

        Args:
            among: int64[n], ascending and distinct: the only entities to find; None for all.
            k: how many, if not as many as the query asks.
        """
        step, context = self._step, self._context
        engine = hook(ENGINES[step.name])
        db = context.raw_sources[step.source]
        options = self._options | {"k": self.k if k is None else k, "among": among}
        try:
            found = engine(db, *self._args, **options)
        except DatamemError as error:
            raise query_error(
                f"{error.message} in {describe(step)}",
                code=error.code,
                hint=error.hint,
                text=context.text,
                offset=step.offset,
                **{key: v for key, v in error.data.items() if key not in _PLACE},
            ) from error
        except TypeError as error:
            reason = _misfit(engine, db, self._args, options)
            if reason is None:
                raise
            names = [name.replace("_", "-") for name in _options_of(engine)]
            raise query_error(
                f"{describe(step)}: {reason}",
                code="query/arity",
                hint=f"options: {', '.join(f':{name}' for name in names)}",
                text=context.text,
                offset=step.offset,
            ) from error
        if isinstance(found, Hits):
            return tuple(getattr(found, name) for name in SEARCHES[step.name])
        columns = tuple(found)
        if len(columns) < len(step.outputs):
            raise query_error(
                f"{step.name} gives {len(columns)} columns, and {len(step.outputs)} are bound",
                code="query/search-binding",
                text=context.text,
                offset=step.offset,
            )
        return columns


def _misfit(
    engine: Callable[..., Any], db: Any, args: Sequence[Any], options: Mapping[str, Any]
) -> str | None:
    """Return why an engine does not take these arguments; None where it does."""
    unknown = options.keys() - {"among"} - set(_options_of(engine))
    if unknown:
        return f"there is no option :{min(unknown)}"
    try:
        inspect.signature(engine).bind(db, *args, **options)
    except TypeError as error:
        return str(error)
    return None


def _options_of(engine: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(engine).parameters.values()
    has_default = [p.name for p in parameters if p.default is not p.empty]
    return [name for name in has_default if name not in ("among", "attributes")]


def _fulltext_attributes(step: SearchStep, context: Context) -> list[str]:
    source = context.sources[step.source]
    assert isinstance(source, DatabaseSource)
    found = [str(attribute.ident) for attribute in source.db.schema if attribute.fulltext]
    query = step.args[0] if step.args else None
    if isinstance(query, Constant) and isinstance(query.value, Keyword):
        raise query_error(
            f"{describe(step)} names an attribute, and no text to search for",
            code="query/arity",
            hint=f'[(fulltext {step.source} {query.value} "words") [[?e ?text]]]',
            text=context.text,
            offset=step.offset,
        )
    if not found:
        raise query_error(
            f"{describe(step)} searches every attribute whose words are indexed, and there is none",
            code="text/not-fulltext",
            hint="declare one with :db/fulltext true",
            text=context.text,
            offset=step.offset,
        )
    return found


def argument_names(step: SearchStep) -> frozenset[str]:
    """Return the variables among a search's arguments."""
    given = (*step.args, *(value for _, value in step.options))
    return frozenset(arg.name for arg in given if isinstance(arg, Variable))


def calls_of(step: SearchStep, keys: Relation, context: Context) -> list[SearchCall]:
    """Return one call for each row of `keys`, which has a column for each variable argument."""
    columns: dict[str, list[Any]] = {}
    names = argument_names(step)
    for name, words, domain in zip(keys.names, keys.columns, keys.domains, strict=True):
        if name in names:
            columns[name] = _decoded(words, domain)
    calls = []
    for row in range(keys.size):
        args = [_value(arg, columns, row) for arg in step.args]
        options = {name: _value(arg, columns, row) for name, arg in step.options}
        calls.append(SearchCall(step, args, options, context))
    return calls


def _decoded(words: Int64Array, domain: Domain) -> list[Any]:
    return domain.decode(np.asarray(words, np.int64))


def _value(arg: Any, columns: Mapping[str, list[Any]], row: int) -> Any:
    if isinstance(arg, Variable):
        return columns[arg.name][row]
    return arg.value if isinstance(arg, Constant) else arg
