"""Phrases: how often tokens stand one after another."""

from __future__ import annotations

from collections.abc import Sequence


def count_phrases(positions: Sequence[Sequence[int]]) -> int:
    """Return how often tokens at these positions form a phrase.

    Args:
        positions: for each token of the phrase, where it stands.

    Example:
        >>> count_phrases([[0, 5], [1, 6]]), count_phrases([[0, 5], [7]])
        (2, 0)
    """
    starts = set(positions[0])
    for i, places in enumerate(positions[1:], 1):
        starts &= {place - i for place in places}
    return len(starts)
