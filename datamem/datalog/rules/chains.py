"""Chains: the closure of edges that never part or meet, which is what the chains' nodes are, taken two by two.

Threads of messages, chronologies and versions are such edges. n nodes in a row have n (n - 1) / 2 pairs, so
the pairs are not made before somebody looks: as tuples or as columns, whichever is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, combinations, pairwise
from typing import Final

import numpy as np

from datamem.datalog.columns import kernels
from datamem.datalog.columns.kernels import Int64Array

MANY_EDGES: Final = 4096
"""With more edges than this they are not followed."""

_RUN_EDGES: Final = 4
"""With fewer edges in a row than this, on the average, other ways are quicker."""


def chains(tails: Int64Array, heads: Int64Array) -> list[list[int]] | None:
    """Return the chains that edges form, each from its first node to its last.

    Args:
        tails, heads: int64[n] each, from and to. Most edges stand beside the next of their chain, as those of an
            index do where nodes are numbered as they come.

    Returns:
        None where an edge is repeated, where edges part, meet or go round, and where following them does not pay.
    """
    count = len(tails)
    if not count:
        return []
    if count > MANY_EDGES:
        return None
    if count > 1 and heads[1] == tails[0]:  # numbered backward
        tails, heads = tails[::-1], heads[::-1]
    cuts = (tails[1:] != heads[:-1]).nonzero()[0] + 1
    if len(cuts) * _RUN_EDGES > count:
        return None
    froms, tos = tails.tolist(), heads.tolist()
    places = pairwise([0, *cuts.tolist(), count])
    found = _joined([[*froms[start:stop], tos[stop - 1]] for start, stop in places])
    return found if len(set().union(*found)) == count + len(found) else None


def _joined(runs: list[list[int]]) -> list[list[int]]:
    """Return the paths of runs that begin where others end; what shares more nodes may be missing or met twice."""
    begun = {run[0]: run for run in runs}
    ended = {run[-1] for run in runs}
    if not len(begun) == len(ended) == len(runs):
        return []
    found = []
    for start in begun.keys() - ended:
        nodes = begun[start]
        while nodes[-1] in begun:
            nodes += begun[nodes[-1]][1:]
        found.append(nodes)
    return found


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
