"""Chains: the closure of edges that never part or meet, which is what the chains' nodes are, taken two by two.

Threads of messages, chronologies and versions are such edges. n nodes in a row have n (n - 1) / 2 pairs, so
the pairs are not made before somebody looks: as tuples or as columns, whichever is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, combinations
from typing import Final

import numpy as np

from datamem.datalog.columns import kernels
from datamem.datalog.columns.kernels import Int64Array

MANY_EDGES: Final = 4096
"""With more edges than this they are not followed one by one."""


def chains(tails: Int64Array, heads: Int64Array) -> list[list[int]] | None:
    """Return the chains that edges form, each from its first node to its last.

    Args:
        tails, heads: int64[n] each, from and to, in any order.

    Returns:
        None where an edge is repeated, where edges part, meet or go round, and where there are many.
    """
    if (
        len(tails) > MANY_EDGES or (tails[1:] == tails[:-1]).any()
    ):  # most that part are sorted so
        return None
    after = dict(zip(tails.tolist(), heads.tolist(), strict=True))
    met = set(after.values())
    if not len(after) == len(met) == len(tails):
        return None
    found = []
    for node in after.keys() - met:
        nodes = [node]
        while node in after:
            nodes.append(node := after[node])
        found.append(nodes)
    return found if sum(map(len, found)) == len(tails) + len(found) else None


def pair_count(found: Sequence[Sequence[int]]) -> int:
    """Return how many pairs chains have."""
    return sum(len(nodes) * (len(nodes) - 1) for nodes in found) // 2


def pairs(found: Sequence[Sequence[int]]) -> Iterator[tuple[int, int]]:
    """Yield (earlier, later) for every two nodes of a chain."""
    return chain.from_iterable(combinations(nodes, 2) for nodes in found)


def pair_columns(found: Sequence[Sequence[int]]) -> tuple[Int64Array, Int64Array]:
    """Return `pairs` as (earlier, later), int64 each, in the same order."""
    nodes = kernels.array(list(chain.from_iterable(found)))
    lengths = kernels.array([len(nodes) for nodes in found])
    places = np.arange(len(nodes))
    later = np.repeat(np.cumsum(lengths), lengths) - places - 1
    rows, others = kernels.expand(places + 1, later)
    return nodes[rows], nodes[others]
