"""Which rows of a run tombstones hide: each is looked up once, however often the run is read meanwhile.

A tombstone names a fact of some level. Reads of one entity or value meet a few and look them up themselves;
reads of a whole attribute would look up all of them each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from datamem.index.kernels import EMPTY, Int64Array, sort_order
from datamem.index.orders import Order, arrange

if TYPE_CHECKING:
    from datamem.index.run import Run

_FEW: Final = 32


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the tombstones of one attribute are in one run.

    Attributes:
        run: kept, so that nothing else gets its identity.
        count: how many tombstones, of all attributes, have been looked at.
        rows: int64[n], positions in the run, ascending.
        numbers: int64[n], the tombstone that hides each.
    """

    run: Run
    count: int
    rows: Int64Array
    numbers: Int64Array


class TombPlaces:
    """What is known of the places of one novelty's tombstones; shared by all its readers.

    A thread that reads while another learns at most looks up the same again.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], _Places] = {}

    def rows(
        self, tombs: Sequence[Int64Array], run: Run, order: Order, a: int, upto: int
    ) -> Int64Array:
        """Return the rows of attribute `a` in a run that tombstones hide as of `upto`, ascending.

        Args:
            tombs: (e, a, v, tx), those that the reader may know; tx ascends.

        Cost: a search for each tombstone that nobody has looked up in this run; else 2 µs.
        """
        key = id(run), a
        count = len(tombs[0])
        known = self._known.get(key)
        if known is None or known.count < count:
            known = _extended(known or _Places(run, 0, EMPTY, EMPTY), tombs, order, a)
            self._known[key] = known
        seen = count if tombs[3][-1] <= upto else int(np.searchsorted(tombs[3], upto, "right"))
        return known.rows if seen == known.count else known.rows[known.numbers < seen]


def _extended(known: _Places, tombs: Sequence[Int64Array], order: Order, a: int) -> _Places:
    """Return what is known once the newer tombstones have been looked up as well."""
    count = len(tombs[0])
    numbers = np.flatnonzero(tombs[1][known.count :] == a) + known.count
    at, rows = find_facts(known.run, arrange(order, [column[numbers] for column in tombs[:3]]))
    if not len(rows):
        return _Places(known.run, count, known.rows, known.numbers)
    rows = np.concatenate((known.rows, rows))
    numbers = np.concatenate((known.numbers, numbers[at]))
    by = sort_order((rows,))
    return _Places(known.run, count, rows[by], numbers[by])


def find_facts(run: Run, keys: Sequence[Int64Array]) -> tuple[Int64Array, Int64Array]:
    """Find facts, given in the run's order, that the run has: (which of them, at which row), int64[m] each."""
    if len(keys[0]) <= _FEW:
        facts = zip(*(key.tolist() for key in keys), strict=True)
        found = [(at, *run.range(fact)) for at, fact in enumerate(facts)]
        pairs = [(at, row) for at, start, stop in found for row in range(start, stop)]
        both = np.array(pairs, np.int64).reshape(-1, 2)
        return both[:, 0], both[:, 1]
    by = sort_order(keys)
    ordered = [key[by] for key in keys]
    starts = run.find(ordered)
    is_there = run.find(ordered, after=True) > starts
    return by[is_there], starts[is_there]
