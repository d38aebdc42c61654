"""Phrases: how often tokens stand one after another."""

from __future__ import annotations

from collections.abc import Sequence


def count_phrases(positions: Sequence[Sequence[int]], slop: int = 0) -> int:
    """Return how often tokens at these positions form a phrase.

    Args:
        positions: for each token of the phrase, where it stands, ascending.
        slop: how many places the tokens may stand further apart, all gaps together.

    Example:
        >>> count_phrases([[0, 5], [1, 7]]), count_phrases([[0, 5], [1, 7]], slop=1)
        (1, 2)
    """
    reached = dict.fromkeys(positions[0], 0)
    for following in positions[1:]:
        reached = _step(reached, following, slop)
    return len(reached)


def _step(reached: dict[int, int], following: Sequence[int], slop: int) -> dict[int, int]:
    """Return where the next token may end the phrase so far, each with the least slop used."""
    after: dict[int, int] = {}
    for position in following:
        costs = (
            used + position - 1 - last
            for last, used in reached.items()
            if last < position and used + position - 1 - last <= slop
        )
        least = min(costs, default=None)
        if least is not None:
            after[position] = least
    return after
