"""Relations: named int64 columns of equal length, each with a domain; rows are distinct."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from datamem.datalog.columns import joining, kernels
from datamem.datalog.columns.domains import Domain, unify
from datamem.datalog.columns.kernels import BoolArray, Int64Array


class Relation:
    """A set of rows. Never changed after it is made; columns are shared freely.

    Attributes:
        names: the variables, one per column.
        columns: int64[size] each.
        domains: what the words of each column mean.
        size: number of rows; a relation without columns has 0 or 1 row (false or true).
        sorted_on: a variable by whose words the rows are sorted, or None if that is not known.
    """

    __slots__ = ("columns", "domains", "names", "size", "sorted_on")

    def __init__(
        self,
        names: Sequence[str],
        columns: Sequence[Int64Array],
        domains: Sequence[Domain],
        size: int,
        sorted_on: str | None = None,
    ) -> None:
        self.names = tuple(names)
        self.columns = tuple(columns)
        self.domains = tuple(domains)
        self.size = size
        self.sorted_on = sorted_on

    def __len__(self) -> int:
        return self.size

    def column(self, name: str) -> Int64Array:
        """Return the words of a variable."""
        return self.columns[self.names.index(name)]

    def domain(self, name: str) -> Domain:
        """Return the domain of a variable."""
        return self.domains[self.names.index(name)]

    def take(self, rows: Int64Array) -> Relation:
        """Return the rows at these positions."""
        columns = [column[rows] for column in self.columns]
        return Relation(self.names, columns, self.domains, len(rows))

    def keep(self, mask: BoolArray) -> Relation:
        """Return the rows where the mask is true; itself where that is all of them."""
        return self if bool(mask.all()) else self.take(np.flatnonzero(mask)).sorted_as(self)

    def sorted_as(self, other: Relation) -> Relation:
        """Say that the rows are in the order of `other`'s."""
        self.sorted_on = other.sorted_on
        return self

    def with_column(self, name: str, words: Int64Array, domain: Domain) -> Relation:
        """Return the rows with one more column."""
        return Relation(
            (*self.names, name),
            (*self.columns, words),
            (*self.domains, domain),
            self.size,
            self.sorted_on,
        )

    def project(self, names: Sequence[str]) -> Relation:
        """Return the distinct rows of these columns, in this order."""
        if set(names) == set(self.names):
            return self.select(names)
        picked = [self.names.index(name) for name in names]
        if not picked:
            return Relation((), (), (), min(self.size, 1))
        columns = kernels.distinct_rows([self.columns[i] for i in picked])
        domains = [self.domains[i] for i in picked]
        return Relation(names, columns, domains, len(columns[0]), None)

    def select(self, names: Sequence[str]) -> Relation:
        """Return these columns without removing duplicates: REQUIRES that there are none."""
        picked = [self.names.index(name) for name in names]
        columns = [self.columns[i] for i in picked]
        sorted_on = self.sorted_on if self.sorted_on in names else None
        domains = [self.domains[i] for i in picked]
        return Relation(names, columns, domains, self.size, sorted_on)

    def rename(self, names: Sequence[str]) -> Relation:
        """Return the same columns under other names."""
        sorted_on = None
        if self.sorted_on is not None:
            sorted_on = names[self.names.index(self.sorted_on)]
        return Relation(names, self.columns, self.domains, self.size, sorted_on)

    def cast(self, name: str, domain: Domain) -> Relation:
        """Return the rows whose `name` has a word in `domain`, with that word."""
        index = self.names.index(name)
        if self.domains[index] is domain:
            return self
        words, mask = self.domains[index].cast(self.columns[index], domain)
        columns = list(self.columns)
        domains = list(self.domains)
        columns[index], domains[index] = words, domain
        return Relation(self.names, columns, domains, self.size).keep(mask)


TRUE = Relation((), (), (), 1)
FALSE = Relation((), (), (), 0)


def empty(names: Sequence[str], domain: Domain) -> Relation:
    """Return a relation with these columns and no row."""
    none = np.empty(0, np.int64)
    return Relation(names, [none] * len(names), [domain] * len(names), 0)


def align(left: Relation, right: Relation, shared: Iterable[str]) -> tuple[Relation, Relation]:
    """Bring the shared variables of two relations into one domain each, dropping what cannot match."""
    for name in shared:
        one, other = left.domain(name), right.domain(name)
        if one is not other:
            common = unify(one, other)
            left, right = left.cast(name, common), right.cast(name, common)
    return left, right


class Join:
    """The natural join of two relations: its size is known before its rows are made."""

    __slots__ = ("_left", "_pairs", "_right", "_shared", "size")

    def __init__(self, left: Relation, right: Relation) -> None:
        shared = [name for name in left.names if name in right.names]
        left, right = align(left, right, shared)
        self._left, self._right, self._shared = left, right, shared
        self._pairs: joining.JoinPlan | None = None
        if not shared:
            self.size = left.size * right.size
            return
        left_keys, right_keys = kernels.joint_keys(
            [left.column(name) for name in shared], [right.column(name) for name in shared]
        )
        single = shared[0] if len(shared) == 1 else None
        self._pairs = joining.JoinPlan(
            left_keys,
            right_keys,
            left_sorted=single is not None and left.sorted_on == single,
            right_sorted=single is not None and right.sorted_on == single,
        )
        self.size = self._pairs.size

    def left_counts(self) -> Int64Array:
        """Return how many rows each row of the left relation gives, int64[left rows].

        REQUIRES: the relations' shared variables have one domain each, so that no row was dropped.
        """
        if self._pairs is None:
            return np.full(self._left.size, self._right.size)
        return self._pairs.left_counts(self._left.size)

    def rows(self) -> Relation:
        """Make the rows: the left relation's columns, then what the right one adds."""
        if self._pairs is None:
            return _product(self._left, self._right)
        left_rows, right_rows = self._pairs.matches()
        added = [i for i, name in enumerate(self._right.names) if name not in self._shared]
        left = self._left
        if left_rows is not None:
            left = left.take(left_rows)
            left.sorted_on = self._left.sorted_on if self._pairs.in_order else None
        columns = [self._right.columns[i] for i in added]
        if right_rows is not None:
            columns = [column[right_rows] for column in columns]
        return Relation(
            (*left.names, *(self._right.names[i] for i in added)),
            (*left.columns, *columns),
            (*left.domains, *(self._right.domains[i] for i in added)),
            self.size,
            left.sorted_on,
        )


def _product(left: Relation, right: Relation) -> Relation:
    left_rows = np.repeat(np.arange(left.size), right.size)
    right_rows = np.tile(np.arange(right.size), left.size)
    return Relation(
        (*left.names, *right.names),
        [column[left_rows] for column in left.columns]
        + [column[right_rows] for column in right.columns],
        (*left.domains, *right.domains),
        left.size * right.size,
        left.sorted_on,
    )


def matching(left: Relation, right: Relation) -> BoolArray:
    """Tell for each row of `left` whether `right` has a row equal on all variables of `right`.

    REQUIRES: every variable of `right` is one of `left`.
    """
    if not right.names:
        return np.full(left.size, bool(right.size))
    rows = left.with_column("\0row", np.arange(left.size), left.domains[0])
    cast_left, right = align(rows, right, right.names)
    left_keys, right_keys = kernels.joint_keys(
        [cast_left.column(name) for name in right.names], list(right.columns)
    )
    found = joining.member_mask(left_keys, right_keys)
    if cast_left.size == left.size:
        return found
    mask = np.zeros(left.size, np.bool_)
    mask[cast_left.column("\0row")[found]] = True
    return mask


def union(parts: Sequence[Relation], *, are_disjoint: bool = False) -> Relation:
    """Return the set union of relations with the same variables, named in the first one's order.

    `are_disjoint` spares the search for rows that several have.
    """
    filled = [part for part in parts if part.size] or list(parts[:1])
    if len(filled) == 1:
        return filled[0]
    names = filled[0].names
    if not names:
        return TRUE
    columns: list[Int64Array] = []
    domains: list[Domain] = []
    for name in names:
        domain = common_domain([part.domain(name) for part in filled])
        domains.append(domain)
        words = [part.domain(name).cast(part.column(name), domain)[0] for part in filled]
        columns.append(np.concatenate(words))
    if not are_disjoint:
        columns = kernels.distinct_rows(columns)
    return Relation(names, columns, domains, len(columns[0]))


def common_domain(domains: Sequence[Domain]) -> Domain:
    """Return a domain that has a word for every value of all of these."""
    first = domains[0]
    if all(domain is first for domain in domains):
        return first
    return first.objects
