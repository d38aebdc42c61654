"""Queries composed of clauses: what `query.find` starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Self

from datamem.datalog.builder.forms import (
    Value,
    clause_forms,
    count_of,
    element_form,
    function_form,
    input_form,
    order_forms,
    symbols_in,
    variable_form,
    with_named_values,
)
from datamem.datalog.engine import q
from datamem.datalog.faults import query_error
from datamem.edn import EdnList, Keyword, Symbol, print_edn

_PATTERN_FIRST: Final = ("re-find", "re-matches", "re-seq")
"""Tests that take what they look for before what they look in."""


class Runnable:
    """What can be printed and run."""

    __slots__ = ()

    def compiled(self) -> tuple[str, tuple[Any, ...]]:
        """Return the query as EDN text, and the inputs that come after the caller's."""
        raise NotImplementedError  # abstract

    def edn(self) -> str:
        """Return the query as EDN text; `values` are its last inputs."""
        return self.compiled()[0]

    @property
    def values(self) -> tuple[Any, ...]:
        """The inputs that the query brings itself: rules, values of filters, callables."""
        return self.compiled()[1]

    def run(self, db: Any, *inputs: Any, **options: Any) -> Any:
        """Answer the query: the same as `db.q(query, *inputs, **options)`."""
        text, values = self.compiled()
        return q(text, db, *inputs, *values, **options)

    def __str__(self) -> str:
        return self.edn()


@dataclass(frozen=True, slots=True)
class Find(Runnable):
    """A query in clauses, started by `query.find`. Its methods are its interface, not its fields."""

    elements: tuple[Any, ...]
    shape: Literal["relation", "collection", "tuple", "scalar"] = "relation"
    clauses: tuple[Any, ...] = ()
    takes: tuple[Any, ...] = ()
    kept: tuple[Any, ...] = ()
    conditions: tuple[Any, ...] = ()
    order: tuple[Any, ...] = ()
    names: tuple[str, ...] = ()
    rule_set: Value | None = None
    most: int | None = None
    skipped: int = 0
    cursor: tuple[Value, ...] = ()

    def where(self, *clauses: Any) -> Self:
        """Add clauses; all must hold.

        Args:
            clauses: lists are patterns, `["?e", "user/name", "?name"]`, and calls,
                `[("inc", "?n"), "?m"]`; tuples are the rest, `("not", […])`, `("or", […], […])`,
                and rules, `("ancestor", "?a", "?b")`. Or EDN text of clauses.
        """
        made = (form for clause in clauses for form in clause_forms(clause))
        return replace(self, clauses=(*self.clauses, *made))

    def filter(self, variable: str, test: str | Callable[..., Any], *values: Any) -> Self:
        """Keep the rows for which a test is true.

        Args:
            variable: the test's first argument; of a regular expression's (`"re-find"`), the second.
            test: a function of the language, such as `">"`, `"in"` or `"starts-with?"`; or a callable.
            values: the other arguments. Two variables are compared in `where`: `[("<", "?a", "?b")]`.
        """
        for item in values:
            if isinstance(item, str) and item in symbols_in([*self.clauses, *self.takes]):
                raise query_error(
                    f"{item} is a variable of this query, and filter compares with values",
                    code="query/syntax",
                    hint=f'two variables: .where([("{test}", "{variable}", "{item}")]);'
                    f' the text itself: query.value("{item}")',
                )
        args = [variable_form(variable), *map(Value.of, values)]
        call = [function_form(test), *(args[::-1] if test in _PATTERN_FIRST else args)]
        return replace(self, clauses=(*self.clauses, [EdnList(call)]))

    def between(self, variable: str, low: Any = None, high: Any = None) -> Self:
        """Keep the rows with low <= variable <= high; None is no bound."""
        made = self if low is None else self.filter(variable, ">=", low)
        return made if high is None else made.filter(variable, "<=", high)

    def inputs(self, *items: Any) -> Self:
        """Name what `run` is given after the database: `"?x"`, `["?x", "..."]`, `"$other"`."""
        return replace(self, takes=(*self.takes, *map(input_form, items)))

    def rules(self, rules: Any) -> Self:
        """Give the rules that clauses call, as EDN text or data."""
        return replace(self, rule_set=Value(rules))

    def with_(self, *variables: str) -> Self:
        """Keep rows apart that differ in these variables only: what sums and averages need."""
        return replace(self, kept=(*self.kept, *map(variable_form, variables)))

    def having(self, aggregate: Any, test: str, *values: Any) -> Self:
        """Keep groups by an aggregate: `.having(("count", "?e"), ">", 3)`."""
        call = [function_form(test), element_form(aggregate), *map(Value.of, values)]
        return replace(self, conditions=(*self.conditions, [EdnList(call)]))

    def order_by(self, *keys: Any) -> Self:
        """Order by variables, aggregates or column numbers; `query.desc(key)` turns one round."""
        made = (form for key in keys for form in order_forms(key))
        return replace(self, order=(*self.order, *made))

    def limit(self, count: int, offset: int = 0) -> Self:
        """Return at most `count` rows, from the row `offset` on."""
        return replace(self, most=count_of(count, "limit"), skipped=count_of(offset, "offset"))

    def after(self, cursor: str | None) -> Self:
        """Continue after the page whose result had this `cursor`; None begins with the first page.

        Rows need an order, which `order_by` gives; where it leaves a choice, the other columns decide.
        """
        return replace(self, cursor=(Value(cursor),))

    def labels(self, *names: str) -> Self:
        """Return rows as dicts with these keys, one for each element of `find`."""
        return replace(self, names=names)

    def collection(self) -> Self:
        """Return the values of the one column as a list."""
        return replace(self, shape="collection")

    def row(self) -> Self:
        """Return one row, or None."""
        return replace(self, shape="tuple")

    def scalar(self) -> Self:
        """Return one value, or None."""
        return replace(self, shape="scalar")

    def compiled(self) -> tuple[str, tuple[Any, ...]]:
        """Return the query as EDN text, and the inputs that come after the caller's."""
        names, values, parts = with_named_values(
            [self._found(), self.clauses, self.conditions, self.order, self.cursor]
        )
        found, clauses, conditions, order, cursor = parts
        rules = () if self.rule_set is None else (self.rule_set.item,)
        takes = [*self.takes, *(Symbol("%") for _ in rules), *names]
        if Symbol("$") not in takes:
            takes.insert(0, Symbol("$"))
        sections = [
            (":find", found),
            (":strs", self.names),
            (":with", self.kept),
            (":in", takes if len(takes) > 1 else ()),
            (":where", clauses),
            (":having", conditions),
            (":order-by", [order] if order else ()),
            (":limit", () if self.most is None else (self.most,)),
            (":offset", (self.skipped,) if self.skipped else ()),
            (":after", cursor),
        ]
        form = [item for key, items in sections if items for item in (Keyword(key), *items)]
        return print_edn(form), (*rules, *values)

    def _found(self) -> list[Any]:
        match self.shape:
            case "collection":
                return [[*self.elements, Symbol("...")]]
            case "tuple":
                return [list(self.elements)]
            case "scalar":
                return [*self.elements, Symbol(".")]
            case _:
                return list(self.elements)
