"""The functions and predicates that queries may call, by name."""

from datamem.datalog.functions.function import Function
from datamem.datalog.functions.registry import find_function, register_function

__all__ = ["Function", "find_function", "register_function"]
