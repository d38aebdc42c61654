"""Datalog: queries over database values and collections, planned with exact sizes, run on columns."""

from datamem.datalog.engine import PreparedQuery, prepare, q
from datamem.datalog.explain import Explanation, explain
from datamem.datalog.functions import register_function
from datamem.datalog.result import Result

__all__ = [
    "Explanation",
    "PreparedQuery",
    "Result",
    "explain",
    "prepare",
    "q",
    "register_function",
]
