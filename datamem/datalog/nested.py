"""Nested queries: `[(q [:find …] $ ?x) binding]`, answered once for each distinct input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datamem.datalog.faults import query_error
from datamem.datalog.functions.function import Function
from datamem.datalog.result import Result

if TYPE_CHECKING:
    from datamem.datalog.execute.context import Context


class NestedQuery:
    """A query that stands in a clause; parsed at its first use.

    Attributes:
        form: the query as data.
    """

    __slots__ = ("_prepared", "form")

    def __init__(self, form: Any) -> None:
        self.form = form
        self._prepared: Any = None

    def prepared(self) -> Any:
        """Return the query, ready to be called."""
        if self._prepared is None:
            from datamem.datalog.engine import prepare  # the engine runs what calls this

            self._prepared = prepare(self.form)
        return self._prepared

    def __repr__(self) -> str:
        from datamem.datalog.columns.values import print_value  # explain and errors only

        return print_value(self.form)


def nested_function(context: Context) -> Function:
    """Return `q` for one execution: it keeps to the execution's limits and knows its functions."""

    def answer(query: Any, *inputs: Any) -> Any:
        if not isinstance(query, NestedQuery):
            if not isinstance(query, str | list | dict):
                raise query_error(
                    f"(q …) needs a query, and got {query!r}",
                    code="query/syntax",
                    hint="[(q [:find ?x :where …] $) [[?x] ...]]",
                )
            query = NestedQuery(query)
        found = query.prepared()(
            *inputs,
            timeout=context.remaining_s(),
            max_rows=context.max_rows,
            functions=context.functions,
        )
        return found.rows() if isinstance(found, Result) else found

    return Function("q", answer, 1, None, pure=True)
