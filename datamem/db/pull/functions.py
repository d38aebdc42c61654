"""Calling `:xform`: a Python callable, or a function registered for queries, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datamem.errors import QueryError
from datamem.hooks import HOOKS, hook

if TYPE_CHECKING:
    from datamem.db.database import Db
    from datamem.db.pull.shape import Step


def transform(step: Step, value: Any, db: Db) -> Any:
    """Return what the step's `:xform` makes of a result; the result itself if it has none.

    Raises:
        QueryError: `pull/unknown-function`, `pull/xform-failed`.
    """
    function = step.xform
    if function is None:
        return value
    call = _registered(function, db) if isinstance(function, str) else function
    try:
        return call(value)
    except Exception as error:
        raise QueryError(
            f"the :xform of {step.key} failed: {type(error).__name__}: {error}",
            code="pull/xform-failed",
            hint="it is called with what pull would have given, a list where there are many values",
            key=step.key,
            value=value,
        ) from error


def _registered(name: str, db: Db) -> Any:
    found = hook("function")(name) if "function" in HOOKS else None
    if found is None:
        raise QueryError(
            f"there is no function {name} to be an :xform",
            code="pull/unknown-function",
            hint="register it with datamem.datalog.register_function, or give a Python callable",
            function=name,
        )
    if found.needs_database:
        return lambda value: found.call(db, value)
    if found.vectorised:
        return lambda value: found.call([value])[0]
    return found.call
