"""Derived relations while a rule program runs: what is known, and what became known last.

The three parts are datafrog's: *stable* rows were there before the last round, *recent* ones came in
it, *to-add* ones were derived in this one. Known rows are kept as sorted runs of packed keys whose
sizes grow geometrically, so that a round costs its own rows and not all rows so far.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from datamem.datalog.columns import kernels
from datamem.datalog.columns.domains import Domain, Domains
from datamem.datalog.columns.kernels import BoolArray, Int64Array
from datamem.datalog.columns.relation import Relation, common_domain


class SeenRows:
    """A growing set of rows that answers which rows are new."""

    __slots__ = ("_runs", "_wide", "_width")

    def __init__(self, width: int) -> None:
        self._width = width
        self._runs: list[Int64Array] = []
        self._wide: set[tuple[int, ...]] | None = None

    def add(self, columns: Sequence[Int64Array]) -> BoolArray:
        """Add distinct rows; return which of them were new."""
        keys = self._keys(columns) if self._wide is None else None
        if keys is None:
            return self._add_wide(columns)
        known = np.zeros(len(keys), np.bool_)
        for run in self._runs:
            at = np.searchsorted(run, keys)
            at[at == len(run)] = 0
            known |= run[at] == keys
        fresh = keys if not self._runs else keys[~known]
        if len(fresh):
            self._push(np.sort(fresh))
        return ~known

    def _push(self, run: Int64Array) -> None:
        while self._runs and len(self._runs[-1]) <= 2 * len(run):
            run = np.concatenate((self._runs.pop(), run))
            run.sort()
        self._runs.append(run)

    def _keys(self, columns: Sequence[Int64Array]) -> Int64Array | None:
        """Pack a row in 62 bits, by a scheme that never changes; None where it does not fit."""
        if self._width == 1:
            return columns[0]
        bits = 62 // self._width
        keys = np.zeros(len(columns[0]), np.int64)
        for column in columns:
            if len(column) and (int(column.min()) < 0 or int(column.max()) >> bits):
                return None
            keys = (keys << bits) | column
        return keys

    def _add_wide(self, columns: Sequence[Int64Array]) -> BoolArray:
        if self._wide is None:
            self._wide = set()
            for run in self._runs:
                self._wide.update(self._unpacked(run))
            self._runs = []
        wide = self._wide
        fresh = []
        for row in zip(*(column.tolist() for column in columns), strict=True):
            fresh.append(row not in wide)
            wide.add(row)
        return np.array(fresh, np.bool_)

    def _unpacked(self, run: Int64Array) -> list[tuple[int, ...]]:
        bits = 62 // self._width
        if self._width == 1:
            return [(key,) for key in run.tolist()]
        mask = (1 << bits) - 1
        shifts = [bits * (self._width - 1 - i) for i in range(self._width)]
        return [tuple(key >> shift & mask for shift in shifts) for key in run.tolist()]


class Table:
    """One derived relation of a running program."""

    __slots__ = ("_chunks", "_domains", "_full", "_seen", "_to_add", "recent", "size", "width")

    def __init__(self, width: int) -> None:
        self.width = width
        self.size = 0
        self.recent: Relation | None = None
        self._to_add: list[Relation] = []
        self._chunks: list[tuple[Int64Array, ...]] = []
        self._domains: list[Domain] | None = None
        self._seen = SeenRows(width)
        self._full: Relation | None = None

    def derive(self, rows: Relation) -> None:
        """Add derived rows, to be known from the next round on."""
        if rows.size:
            self._to_add.append(rows)

    def advance(self) -> bool:
        """Begin a round: what was derived and is new becomes recent. Tell whether any is."""
        parts, self._to_add = self._to_add, []
        self.recent = None
        if not parts:
            return False
        if self.width == 0:
            grew = self.size == 0
            self.size = 1
            self.recent = Relation((), (), (), 1) if grew else None
            return grew
        domains = self._agree(parts)
        columns = kernels.distinct_rows(
            [
                np.concatenate(
                    [part.domains[i].cast(part.columns[i], domain)[0] for part in parts]
                )
                for i, domain in enumerate(domains)
            ]
        )
        fresh = self._seen.add(columns)
        columns = [column[fresh] for column in columns]
        if not len(columns[0]):
            return False
        self._chunks.append(tuple(columns))
        self._full = None
        self.size += len(columns[0])
        self.recent = Relation(_positions(self.width), columns, domains, len(columns[0]))
        return True

    def _agree(self, parts: Sequence[Relation]) -> list[Domain]:
        """Return the domain of each column, casting what is known where a new one appears."""
        domains = []
        for i in range(self.width):
            met = [part.domains[i] for part in parts]
            known = [self._domains[i]] if self._domains is not None else []
            domains.append(common_domain([*known, *met]))
        if self._domains is not None and any(
            old is not new for old, new in zip(self._domains, domains, strict=True)
        ):
            self._recast(domains)
        self._domains = domains
        return domains

    def _recast(self, domains: list[Domain]) -> None:
        assert self._domains is not None
        seen = SeenRows(self.width)
        chunks = []
        for chunk in self._chunks:
            columns = tuple(
                old.cast(words, new)[0]
                for old, new, words in zip(self._domains, domains, chunk, strict=True)
            )
            seen.add(columns)
            chunks.append(columns)
        self._chunks, self._seen, self._full = chunks, seen, None

    def full(self, domains: Domains) -> Relation:
        """Return all rows known at the start of this round."""
        if self.width == 0:
            return Relation((), (), (), self.size)
        if self._full is None:
            kinds = self._domains or [domains.integer] * self.width
            columns = [
                kernels.concat([chunk[i] for chunk in self._chunks]) for i in range(self.width)
            ]
            self._full = Relation(_positions(self.width), columns, kinds, self.size)
        return self._full


def _positions(width: int) -> tuple[str, ...]:
    return tuple(f"#{i}" for i in range(width))


def named(rows: Relation, names: Sequence[str | None]) -> Relation:
    """Name the columns of a derived relation as a call does: repeated names unify, None is dropped."""
    from datamem.datalog.execute.bind import bind_column  # only for repeated names

    first: dict[str, int] = {}
    for i, name in enumerate(names):
        if name is None:
            continue
        if name in first:
            rows = bind_column(rows, rows.names[first[name]], rows.columns[i], rows.domains[i])
        else:
            first[name] = i
    picked = [rows.names[i] for i in first.values()]
    if len(picked) == len(rows.names):
        return rows.rename(list(first))
    return rows.project(picked).rename(list(first))
