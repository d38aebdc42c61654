"""Reaching: which nodes of a graph paths connect, by the way that its shape allows.

A handful of edges is walked in Python. Where every node has one successor at the most (trees seen from
their leaves, chains, chronologies) the pairs are made by doubling: who is 2, 4, 8 … steps away is a
table looked up in itself, every pair is met once, and a chain of a thousand takes ten rounds. Any other
graph takes a round for each step of its longest path, and a round costs what it derives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import numpy as np

from datamem.datalog.columns import joining, kernels
from datamem.datalog.columns.kernels import BoolArray, Int64Array
from datamem.datalog.rules.tables import SeenRows

Pairs: TypeAlias = tuple[Int64Array, Int64Array]
"""(from, to), int64[n] each."""

Check: TypeAlias = Callable[[int], None]
"""Told how many rows there are so far; raises where they are too many."""

FEW_EDGES: Final = 40
"""Up to this many edges are walked one by one."""

_TABLE_SIZE: Final = 1 << 26
"""Nodes or pairs numbered below this have a flag in an array."""


def reached_pairs(edges: Pairs, starts: Int64Array | None, check: Check) -> Pairs:
    """Return all pairs (start, end) with a path of one edge or more between them, each once.

    Args:
        edges: (from, to), in any order, repeats allowed.
        starts: the nodes to start from, distinct; None for all.
        check: is told how many pairs there are, or will be.

    Cost: a pass over the edges, then about what is returned.
    """
    if len(edges[0]) <= FEW_EDGES:
        lists = walked(edges, None if starts is None else starts.tolist(), check)
        return kernels.array(lists[0]), kernels.array(lists[1])
    tails, heads, width, nodes = _numbered(edges)
    pairs = None
    if starts is None and _are_distinct(heads, width):
        turned = _doubled(heads, tails, heads, width, check)
        pairs = None if turned is None else turned[::-1]
    elif _are_distinct(tails, width):
        chosen = tails if starts is None else tails[joining.member_mask(nodes(tails), starts)]
        pairs = _doubled(tails, heads, chosen, width, check)
    if pairs is None:
        return _in_rounds(edges, starts, check)
    return nodes(pairs[0]), nodes(pairs[1])


def walked(
    edges: Pairs, starts: Sequence[int] | None, check: Check
) -> tuple[list[int], list[int]]:
    """Return `reached_pairs` of a few edges as lists of Python ints."""
    tails, heads = edges[0].tolist(), edges[1].tolist()
    after: dict[int, list[int]] = {}
    for tail, head in zip(tails, heads, strict=True):
        if tail in after:
            after[tail].append(head)
        else:
            after[tail] = [head]
    if starts is None and len(met := set(heads)) == len(heads):
        order = [tail for tail in after if tail not in met]
        count = len(order) + len(heads)
        for node in order:  # grows while it is walked
            order += after.get(node, ())
        if len(order) == count:
            return _below(after, order, check)
    return _walked_from(after, list(after) if starts is None else starts, check)


def _below(
    after: dict[int, list[int]], order: Sequence[int], check: Check
) -> tuple[list[int], list[int]]:
    """Return what is below each node of trees; `order` has every node after those above it."""
    below: dict[int, list[int]] = {}
    begins: list[int] = []
    ends: list[int] = []
    for node in reversed(order):
        if node in after:
            found = below[node] = after[node].copy()
            for child in after[node]:
                if child in below:
                    found += below[child]
            begins += [node] * len(found)
            ends += found
    check(len(ends))
    return begins, ends


def _walked_from(
    after: dict[int, list[int]], starts: Sequence[int], check: Check
) -> tuple[list[int], list[int]]:
    begins: list[int] = []
    ends: list[int] = []
    for start in starts:
        met = set(after.get(start, ()))
        waiting = list(met)
        for node in waiting:  # grows while it is walked
            for head in after.get(node, ()):
                if head not in met:
                    met.add(head)
                    waiting.append(head)
        ends += waiting
        begins += [start] * len(waiting)
        check(len(ends))
    return begins, ends


def _numbered(
    edges: Pairs,
) -> tuple[Int64Array, Int64Array, int, Callable[[Int64Array], Int64Array]]:
    """Return edges between numbers below a width, and what gives back the nodes of numbers."""
    tails, heads = edges
    low = min(int(tails.min()), int(heads.min()))
    high = max(int(tails.max()), int(heads.max()))
    if high - low <= 8 * len(tails) + 1024:
        return tails - low, heads - low, high - low + 1, lambda numbers: numbers + low
    nodes, numbers = kernels.map_distinct(np.concatenate(edges))
    cut = len(tails)
    return numbers[:cut], numbers[cut:], len(nodes), lambda numbers: nodes[numbers]


def _are_distinct(keys: Int64Array, width: int) -> bool:
    places = np.empty(width, np.int64)
    rows = np.arange(len(keys))
    places[keys] = rows
    return bool((places[keys] == rows).all())


def _doubled(
    tails: Int64Array, heads: Int64Array, starts: Int64Array, width: int, check: Check
) -> Pairs | None:
    """Return the pairs of a graph whose nodes have one successor at the most.

    Args:
        tails, heads: its edges; tails are distinct, all are below `width`.
        starts: some of the tails.
        width: stands for no node.
        check: is told how many pairs there are.

    Returns:
        The pairs; None where the edges go round in a cycle.
    """
    step = np.full(width + 1, width)
    step[tails] = heads
    begins, ends = starts, step[starts]
    jumps = [step]
    while True:
        jump = jumps[-1]
        further = jump[jump]
        if int(further.min()) == width:
            break
        if len(jumps) > len(tails).bit_length():
            return None
        jumps.append(further)
    for jump in jumps:
        after = jump[ends]
        there = (after < width).nonzero()[0]
        check(len(ends) + len(there))
        begins = np.concatenate((begins, begins[there]))
        ends = np.concatenate((ends, after[there]))
    return begins, ends


def _in_rounds(edges: Pairs, starts: Int64Array | None, check: Check) -> Pairs:
    """Return the pairs of any graph, those of a longer path in each round."""
    nodes, numbers = kernels.map_distinct(np.concatenate(edges))
    count = len(nodes)
    tails, order = kernels.sort_order(numbers[: len(edges[0])])
    heads = numbers[len(edges[0]) :][order]
    stops = np.cumsum(np.bincount(tails, minlength=count))
    begins = np.concatenate(([0], stops[:-1]))
    if starts is None:
        keys = tails * count + heads
    else:
        chosen = np.flatnonzero(joining.member_mask(nodes, starts))
        rows, places = kernels.expand(begins[chosen], (stops - begins)[chosen])
        keys = chosen[rows] * count + heads[places]
    seen = SeenKeys(count * count)
    found: list[Int64Array] = []
    total = 0
    while len(keys := seen.fresh(keys)):
        found.append(keys)
        total += len(keys)
        check(total)
        origins, ends = np.divmod(keys, count)
        rows, places = kernels.expand(begins[ends], (stops - begins)[ends])
        keys = origins[rows] * count + heads[places]
    pairs = kernels.concat(found)
    return nodes[pairs // count], nodes[pairs % count]


class SeenKeys:
    """Which keys were met: a flag each below a limit, sorted runs above it."""

    __slots__ = ("_flags", "_runs")

    def __init__(self, limit: int | None = None) -> None:
        """Expect keys below `limit`; None where that is not known."""
        known = 0 if limit is None or limit > _TABLE_SIZE else limit
        self._flags = None if limit is not None and not known else np.zeros(known, np.bool_)
        self._runs = SeenRows(1)

    def fresh(self, keys: Int64Array) -> Int64Array:
        """Return the keys met for the first time, ascending and distinct, and note them."""
        keys = kernels.distinct(keys)
        if not len(keys):
            return keys
        flags = self._flags_to(int(keys[-1]))
        if flags is None:
            return keys[self._runs.add([keys])]
        if int(keys[-1]) >= _TABLE_SIZE:
            cut = int(np.searchsorted(keys, _TABLE_SIZE))
            far = keys[cut:]
            return np.concatenate((self.fresh(keys[:cut]), far[self._runs.add([far])]))
        keys = keys[~flags[keys]]
        flags[keys] = True
        return keys

    def _flags_to(self, key: int) -> BoolArray | None:
        """Return flags for keys up to this one, or up to where flags end."""
        flags = self._flags
        if flags is not None and len(flags) <= key < _TABLE_SIZE:
            self._flags = np.zeros(min(max(2 * len(flags), key + 1), _TABLE_SIZE), np.bool_)
            self._flags[: len(flags)] = flags
        return self._flags
