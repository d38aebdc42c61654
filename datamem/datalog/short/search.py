"""Running a query that is one search: a call of its engine, and lookups of what is asked of the hits.

Clauses that narrow the search are answered first, and the search looks among what they allow. Where they
allow most of what there is, the hits of a search of everything are looked up instead, and if too few of
them are allowed, those of a wider one. Both give the answer that the engine gives (`execute/search_steps.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from datamem.datalog.columns.column import Column, ObjectColumn, WordColumn
from datamem.datalog.columns.domains import Domains, HeapCodes
from datamem.datalog.columns.kernels import Int64Array, distinct
from datamem.datalog.result import Result
from datamem.datalog.short.simple import ENGINE
from datamem.datalog.short.star import Selected
from datamem.datalog.short.star_plan import StarScope
from datamem.db.hits import Hits
from datamem.errors import DatamemError
from datamem.hooks import hook
from datamem.schema.types import ValueType

Given: TypeAlias = tuple[int, Any]
"""An argument: the place of its input, or -1 and a constant."""

_Found: TypeAlias = tuple[Hits, Mapping[str, Int64Array]]
"""Hits, and what is asked of each: a word for each hit by variable."""

_FEW: Final = 512
"""Clauses that select no more than this are answered before the search."""

_WIDEST: Final = 512
"""No search of everything fetches more than this in the hope that enough of it is allowed."""

_PART: Final = 2
"""Clauses that select one in so many, or more, are asked about the hits of a search of everything."""

_DOMAINS: Final = Domains()


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """A query as one call of a search engine.

    Attributes:
        engine: the search's name.
        args: the attribute, what is searched for, and perhaps how many.
        options: by name, `k` among them.
        columns: for each find element its name and the column of the hits; "" for one of the star.
        shape: of `:find`.
        entity: the variable of what is found.
        is_keyed: it is asked for, so that no two rows are equal.
        star: the clauses that narrow the search, and what is asked of each entity.
        among: they where they are no star: asks which entities may be found; None for all.
        places: of the inputs of either.
    """

    engine: str
    args: tuple[Given, ...]
    options: tuple[tuple[str, Given], ...]
    columns: tuple[tuple[str, str], ...]
    shape: str
    entity: str
    is_keyed: bool
    star: StarScope | None = None
    among: Callable[..., Any] | None = None
    places: tuple[int, ...] = ()

    def run(self, db: Any, inputs: Sequence[Any]) -> Any:
        """Answer the query; `ENGINE` where it is refused, so that the engine says where."""
        args = [inputs[at] if at >= 0 else value for at, value in self.args]
        options = {name: inputs[at] if at >= 0 else value for name, (at, value) in self.options}
        k = options["k"]
        if type(k) is not int or k < 1 or type(args[-1]) is dict:
            return ENGINE
        try:
            found = self._found(db, inputs, args, options)
        except (DatamemError, TypeError):
            return ENGINE
        if found is None:
            return ENGINE
        hits, words = found
        es = hits.e.tolist()
        if len(set(es)) < len(es):
            return ENGINE
        at = None if self.is_keyed else self._distinct_at(hits, words)
        if at is not None:
            hits = Hits(hits.e[at], hits.v[at], hits.tx[at], hits.score[at])
            words = {name: column[at] for name, column in words.items()}
            es = hits.e.tolist()
        made: list[Column] = [
            ObjectColumn(name, es) if kind == "e" else self._column(db, kind, name, hits, words)
            for kind, name in self.columns
        ]
        match self.shape:
            case "scalar":
                return made[0].values()[0] if es else None
            case "collection":
                return list(made[0].values())
            case "tuple":
                return tuple(column.values()[0] for column in made) if es else None
            case _:
                pass
        return Result(made, len(es))

    def _distinct_at(self, hits: Hits, words: Mapping[str, Int64Array]) -> list[int] | None:
        """Return the place of each row that is not there before; None where all differ."""
        columns = [
            (getattr(hits, kind) if kind else words[name]).tolist()
            for kind, name in self.columns
        ]
        rows = columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))
        if len(set(rows)) == len(rows):
            return None
        first: dict[Any, int] = {}
        for at, row in enumerate(rows):
            first.setdefault(row, at)
        return list(first.values())

    def _column(
        self, db: Any, kind: str, name: str, hits: Hits, words: Mapping[str, Int64Array]
    ) -> Column:
        if kind == "v":
            return ObjectColumn(name, db.decode(ValueType.EDN, hits.v))
        if kind:
            return ObjectColumn(name, getattr(hits, kind).tolist())
        assert self.star is not None
        value_type = self.star.types[self.star.names.index(name)]
        return WordColumn(name, words[name], _DOMAINS.inline(value_type) or HeapCodes(db))

    def _found(
        self, db: Any, inputs: Sequence[Any], args: Sequence[Any], options: dict[str, Any]
    ) -> _Found | None:
        engine: Callable[..., Hits] = hook(self.engine)
        if self.star is None and self.among is None:
            return engine(db, *args, **options), {}
        given = (db, *[inputs[at] for at in self.places])
        if self.among is not None:
            (column,) = self.among(*given).columns.values()
            return engine(db, *args, among=_ascending(column), **options), {}
        assert self.star is not None
        rows = self.star.rows
        selected = rows.selected(db, given) or rows.probed(db, given)
        if selected is None:
            return None
        fetch, k = self._first_fetch(db, selected, args, options["k"]), options["k"]
        while 0 < fetch <= _WIDEST:
            hits = engine(db, *args, **options | {"k": fetch})
            kept = self._kept(selected, hits, k)
            if kept is None or len(kept[0].e) == k or len(hits.e) < fetch:
                return kept
            fetch = max(2 * fetch, 3 * fetch * k // (2 * max(len(kept[0].e), 1)))
        columns = rows.columns_of(selected)
        if columns is None:
            return None
        words = dict(zip(self.star.names, columns, strict=True))
        es = words.pop(self.entity)
        among = _ascending(es)
        if len(among) < len(es):
            return None
        hits = engine(db, *args, among=among, **options)
        return hits, _at(words, es, hits.e) if words else words

    def _first_fetch(self, db: Any, selected: Selected, args: Sequence[Any], k: int) -> int:
        """Return how many hits of a search of everything to look at; 0 to answer the clauses first."""
        assert self.star is not None
        count = selected.fewest
        if count <= _FEW:
            return 0
        attribute = db.schema.get(args[0]) if isinstance(args[0], str) else None
        searched = None if attribute is None else db.count(a=attribute.id)
        if searched is None or count * _PART < searched:
            return 0
        is_any_value = all(
            leaf.equals < 0 and not leaf.bounds for leaf in self.star.rows.leaves
        )
        return k if is_any_value and count >= searched else 2 * _PART * k

    def _kept(self, selected: Selected, hits: Hits, k: int) -> _Found | None:
        """Return the first `k` hits that the clauses allow; None where lookups do not tell."""
        assert self.star is not None
        if len(set(hits.e.tolist())) < len(hits.e):
            return None
        columns = self.star.rows.of_entities(selected, hits.e)
        if columns is None:
            return None
        words = dict(zip(self.star.names, columns, strict=True))
        es = words.pop(self.entity)
        if len(es) < len(hits.e):
            at = np.flatnonzero(np.isin(hits.e, es))
            hits = Hits(hits.e[at], hits.v[at], hits.tx[at], hits.score[at])
        return hits.top(k), {name: column[:k] for name, column in words.items()}


def _at(
    words: Mapping[str, Int64Array], es: Int64Array, wanted: Int64Array
) -> dict[str, Int64Array]:
    """Return what is known of some entities; `es` are distinct, in any order."""
    order = np.argsort(es)
    at = order[np.searchsorted(es[order], wanted)]
    return {name: column[at] for name, column in words.items()}


def _ascending(es: Int64Array) -> Int64Array:
    """Return entities ascending and distinct; most come so."""
    return es if bool((es[1:] > es[:-1]).all()) else distinct(es)
