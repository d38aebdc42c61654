"""Queries for entities by their attributes: what `query.entities` starts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Self

from datamem.datalog.builder.find import Find, Runnable
from datamem.datalog.builder.forms import Desc, Value, keyword_form
from datamem.datalog.faults import query_error
from datamem.edn import EdnList, Symbol

ENTITY = Symbol("?e")


@dataclass(frozen=True, slots=True)
class Entities(Runnable):
    """A query for entities; in clauses the entity is `?e`. Its methods are its interface.

    An attribute may be a path through references, `"message/sender user/name"`, and a step of it may
    go backwards, `"user/name message/_sender"`.
    """

    required: tuple[str, ...] = ()
    body: Find = field(default_factory=lambda: Find((ENTITY,), "collection"))
    columns: tuple[tuple[str, str], ...] = ()
    pattern: Value | None = None
    order: tuple[tuple[str, bool], ...] = ()

    def where(self, attribute: str, *test: Any) -> Self:
        """Keep the entities that have the attribute, with a value that passes a test.

        Args:
            attribute: an attribute or a path.
            test: nothing; or a test and its other arguments, as for `Find.filter`:
                `.where("user/age", ">", 30)`. `"="` is an index lookup.
        """
        return self._with(self._condition(attribute, test))

    def without(self, attribute: str, *test: Any) -> Self:
        """Keep the entities that `where` would leave out."""
        return self._with([EdnList((Symbol("not"), *self._condition(attribute, test)))])

    def between(self, attribute: str, low: Any = None, high: Any = None) -> Self:
        """Keep the entities with a value of the attribute between two, bounds included."""
        end, number = self._fresh()
        return self._with(
            [*steps(attribute, end, number), *Find(()).between(end.text, low, high).clauses]
        )

    def clauses(self, *clauses: Any) -> Self:
        """Add clauses about `?e`, as `Find.where` takes them."""
        return replace(self, body=self.body.where(*clauses))

    def select(self, *attributes: str, **named: str) -> Self:
        """Return a dict for each entity; None for what it lacks, a dict for each of many values.

        Args:
            attributes: attributes or paths; they are the keys.
            named: the same under a key of your own: `select(sender="message/sender user/name")`.
        """
        added = [*((path, path) for path in attributes), *named.items()]
        return replace(self, columns=(*self.columns, *added))

    def pull(self, pattern: Any) -> Self:
        """Return what a pull pattern names of each entity."""
        return replace(self, pattern=Value(pattern))

    def order_by(self, *attributes: str | Desc) -> Self:
        """Order by attributes or paths, whether selected or not; what is missing comes first."""
        keys = ((k.key, True) if isinstance(k, Desc) else (k, False) for k in attributes)
        return replace(self, order=(*self.order, *keys))

    def limit(self, count: int, offset: int = 0) -> Self:
        """Return at most `count`, from number `offset` on."""
        return replace(self, body=self.body.limit(count, offset=offset))

    def compiled(self) -> tuple[str, tuple[Any, ...]]:
        """Return the query as EDN text, and the inputs that come after the caller's."""
        if not self.required and not self.body.clauses:
            raise query_error(
                "this query would be about every entity",
                code="query/unbound-variable",
                hint='name an attribute that they have: query.entities("user/name")',
            )
        seen = [*(path for _, path in self.columns), *(path for path, _ in self.order)]
        ends: dict[str, Symbol] = {}
        made: list[Any] = []
        for number, path in enumerate(dict.fromkeys([*self.required, *seen])):
            ends[path] = Symbol(f"?{path.split('/')[-1]}-{number}" if path in seen else "_")
            chain = steps(path, ends[path], f"{number}")
            is_certain = path in self.required
            made += chain if is_certain else [EdnList((Symbol("optional"), *chain))]
        keys = (Desc(ends[p].text) if down else ends[p].text for p, down in self.order)
        found = replace(self.body, clauses=(*made, *self.body.clauses)).order_by(*keys)
        if self.pattern is not None:
            pull = EdnList((Symbol("pull"), ENTITY, self.pattern))
            return replace(found, elements=(pull,)).compiled()
        if not self.columns:
            return found.compiled()
        elements = tuple(ends[path] for _, path in self.columns)
        rows = replace(found, elements=elements, shape="relation", kept=(ENTITY,))
        return rows.labels(*(label for label, _ in self.columns)).compiled()

    def _with(self, forms: list[Any]) -> Self:
        body = replace(self.body, clauses=(*self.body.clauses, *forms))
        return replace(self, body=body)

    def _fresh(self) -> tuple[Symbol, str]:
        """Return a variable of a condition's own, and a number that no other one has."""
        number = f"v{len(self.body.clauses)}"
        return Symbol(f"?{number}"), number

    def _condition(self, attribute: str, test: tuple[Any, ...]) -> list[Any]:
        end, number = self._fresh()
        match test:
            case ():
                return steps(attribute, Symbol("_"), number)
            case ("=" | "==", item):
                return steps(attribute, Value.of(item), number)
            case _:
                call = Find(()).filter(end.text, *test).clauses
                return [*steps(attribute, end, number), *call]


def steps(path: Any, end: Any, number: str) -> list[Any]:
    """Return the patterns that lead from the entity to the end of a path.

    Raises:
        QueryError: `query/syntax`, for a path that names no attribute.
    """
    names = path.split() if isinstance(path, str) else []
    if not names:
        raise query_error(
            f"{path!r} is no attribute and no path",
            code="query/syntax",
            hint='"user/name", or through references "message/sender user/name"',
        )
    between = [Symbol(f"?{number}.{i}") for i in range(1, len(names))]
    places = [ENTITY, *between, end]
    return [[places[i], keyword_form(name), places[i + 1]] for i, name in enumerate(names)]
