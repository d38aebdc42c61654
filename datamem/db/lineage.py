"""What two database values have in common: the same connection, or branches of one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from datamem.index.heap import Cut, Heap, LayerHeap
from datamem.schema.bootstrap import FIRST_USER_ATTRIBUTE

if TYPE_CHECKING:
    from datamem.db.database import Db

NOTHING = Cut(0, 1, FIRST_USER_ATTRIBUTE, 0)
"""What databases share that were made apart: the system attributes."""


@dataclass(frozen=True, slots=True)
class Shared:
    """The history that two values have in common.

    Attributes:
        cut: where they part; ids and codes below it mean the same in both.
        is_linear: whether one of them lies wholly within it, so that every id of that one means the
            same in the other.
    """

    cut: Cut
    is_linear: bool


def shared_history(a: Db, b: Db) -> Shared:
    """Return what two values share: all of the older, up to where they parted, or nothing."""
    for heap_a, cut_a in _ancestors(a):
        for heap_b, cut_b in _ancestors(b):
            if heap_a is heap_b:
                cut = _lower(cut_a, cut_b)
                return Shared(cut, is_linear=cut.t in {a.t, b.t})
    return Shared(NOTHING, is_linear=False)


def shared_up_to(a: Db, b: Db, cut: Cut) -> Shared:
    """Return what two values share whose databases part at a cut, or earlier if one is older."""
    t = min(cut.t, a.t, b.t)
    return Shared(Cut(t, cut.entity, cut.attribute, cut.code), is_linear=t in {a.t, b.t})


def _ancestors(db: Db) -> Iterator[tuple[Heap, Cut]]:
    """Yield the heaps that a value is built on, its own first, and how much of each it sees."""
    heap, cut = db.heap, Cut(db.t, db.next_entity, db.next_attribute, db.heap_size)
    yield heap, cut
    while isinstance(heap, LayerHeap):
        cut = _lower(cut, heap.cut)
        heap = heap.parent
        yield heap, cut


def _lower(one: Cut, two: Cut) -> Cut:
    return Cut(
        min(one.t, two.t),
        min(one.entity, two.entity),
        min(one.attribute, two.attribute),
        min(one.code, two.code),
    )
