"""The table of functions: the built-in library and what callers register."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final

from datamem.datalog.functions.function import Function
from datamem.errors import QueryError
from datamem.hooks import HOOKS, hook

READ_DATABASE: Final = ("get-else", "get-some", "missing?")
"""What reads attributes for all rows at once; its first argument is a source, `$` where none is written."""

AGGREGATE_NAMES: Final = frozenset(
    {"count-distinct", "sum", "avg", "mean", "median", "variance", "stddev", "min-n", "max-n"}
    | {"distinct", "sample", "vec", "collect"}
)
"""What `:find` may call and clauses may not."""

_NAME: Final = re.compile(r"[^\s\d:?$%\"'()\[\]{},;@][^\s\"'()\[\]{},;@]*")

_registered: Final[dict[str, Function]] = {}


def register_function(
    name: str,
    call: Callable[..., Any],
    *,
    pure: bool = False,
    vectorised: bool = False,
    needs_database: bool = False,
) -> None:
    """Let queries call a Python callable by name.

    Args:
        name: what queries write; it may have a namespace, `my/score`.
        call: receives Python values, one row a call; returns a value, or None to drop the row.
        pure: may be called once for equal arguments.
        vectorised: receives lists with one item a row and returns such a list.
        needs_database: receives the database value first.

    Raises:
        QueryError: `query/not-a-function`, for what cannot be called; `query/bad-name`, for what
            queries cannot write, or what the library has already.
    """
    if not callable(call):
        raise not_a_function(name, call)
    _check_name(name)
    least, most = signature_of(call, skip=int(needs_database))
    _registered[name] = Function(name, call, least, most, pure, vectorised, needs_database)


def _check_name(name: Any) -> None:
    is_name = isinstance(name, str) and _NAME.fullmatch(name) is not None
    if is_name and _plain(name) not in library():
        return
    raise QueryError(
        f"{name} is a function of the library"
        if is_name
        else f"{name!r} cannot be the name of a function",
        code="query/bad-name",
        hint="a name such as my/score, without spaces and brackets",
    )


def not_a_function(name: str | None, value: Any) -> QueryError:
    """Return the error of calling what cannot be called."""
    return QueryError(
        f"{name or 'a function'} is {value!r}, which cannot be called",
        code="query/not-a-function",
        hint="give a Python callable",
    )


def signature_of(call: Callable[..., Any], skip: int = 0) -> tuple[int, int | None]:
    """Return the least and the most positional arguments of a callable, `skip` left out."""
    try:
        parameters = inspect.signature(call).parameters.values()
    except (TypeError, ValueError):
        return 0, None
    plain = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    least = sum(p.default is p.empty for p in plain)
    many = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return max(0, least - skip), None if many else max(0, len(plain) - skip)


def find_function(name: str, extra: dict[str, Any] | None = None) -> Function | None:
    """Return a function by name: the call's own, then registered ones, then the library."""
    if extra and name in extra:
        return of_callable(extra[name], name)
    found = _registered.get(name) or library().get(_plain(name))
    return found if found is not None else _from_hook(name)


def _from_hook(name: str) -> Function | None:
    """Return a function of another package, such as `vector/search`: it takes the database first."""
    key = f"query-function {name}"
    if key not in HOOKS:
        return None
    call = hook(key)
    least, most = signature_of(call, skip=1)
    whole = bool(getattr(call, "vectorised", False))
    return Function(name, call, least, most, pure=True, vectorised=whole, needs_database=True)


def of_callable(call: Any, name: str | None = None) -> Function:
    """Wrap a caller's callable; it may declare itself `vectorised` and `pure` by attributes."""
    if isinstance(call, Function):
        return call
    if not callable(call):
        raise not_a_function(name, call)
    least, most = signature_of(call)
    title = name or str(getattr(call, "__name__", "function"))
    is_pure = bool(getattr(call, "pure", False))
    return Function(title, call, least, most, is_pure, bool(getattr(call, "vectorised", False)))


def function_names(extra: Iterable[str] = ()) -> list[str]:
    """Return every name a query may call."""
    return [*extra, *_registered, *library(), *READ_DATABASE]


def _plain(name: str) -> str:
    for prefix in ("clojure.core/", "clojure.string/", "str/", "java.lang."):
        if name.startswith(prefix):
            return name[len(prefix) :]
    return name


@cache
def library() -> dict[str, Function]:
    """Return the built-in functions by name."""
    from datamem.datalog.functions import (  # when a query first names one
        arithmetic,
        collections,
        comparison,
        instants,
        strings,
        vectors,
    )

    table: dict[str, Function] = {}
    for module in (comparison, arithmetic, strings, collections, instants, vectors):
        for function in module.FUNCTIONS:
            table[function.name] = function
    return table
