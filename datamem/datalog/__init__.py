"""Datalog: queries over database values and collections, planned with exact sizes, run on columns."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from datamem.datalog.engine import PreparedQuery, prepare, q
from datamem.datalog.functions import find_function, register_function
from datamem.datalog.result import Result

if TYPE_CHECKING:
    from datamem.datalog import builder as query
    from datamem.datalog.explanation import Explanation, explain

__all__ = [
    "Explanation",
    "PreparedQuery",
    "Result",
    "explain",
    "find_function",
    "prepare",
    "q",
    "query",
    "register_function",
]


def __getattr__(name: str) -> Any:
    """Import what few programs need when one of them asks: explaining, and the query builder."""
    if name == "query":
        value: Any = import_module("datamem.datalog.builder")
    elif name in {"Explanation", "explain"}:
        value = getattr(import_module("datamem.datalog.explanation"), name)
    else:
        message = f"module 'datamem.datalog' has no attribute {name!r}"
        raise AttributeError(message)
    globals()[name] = value
    return value
