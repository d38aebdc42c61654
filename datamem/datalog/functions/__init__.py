"""The functions and predicates that queries may call, by name."""

from datamem.datalog.functions.registry import (
    Function,
    find_function,
    register_function,
)

__all__ = ["Function", "find_function", "register_function"]
