"""The one place that knows pyrsistent: immutable maps that share what they do not change."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pyrsistent import PMap, pmap

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

K = TypeVar("K")
V = TypeVar("V")

PersistentMap = PMap


def persistent_map(entries: Mapping[K, V] | None = None) -> PMap[K, V]:
    """Return an immutable map with these entries."""
    return pmap(dict(entries or {}))


def with_entries(
    base: PMap[K, V], changed: Mapping[K, V], removed: Iterable[K] = ()
) -> PMap[K, V]:
    """Return `base` with entries set and removed; keys that are not there may be removed.

    Cost: O(log n) for each entry; `base` keeps its own view.
    """
    evolver = base.evolver()
    for key in removed:
        if key in base:
            evolver.remove(key)
    for key, value in changed.items():
        evolver[key] = value
    return evolver.persistent()
