"""Datalog: queries over database values and collections, planned with exact sizes, run on columns."""

from datamem.datalog import builder as query
from datamem.datalog.engine import PreparedQuery, prepare, q
from datamem.datalog.explain import Explanation, explain
from datamem.datalog.functions import find_function, register_function
from datamem.datalog.result import Result

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
