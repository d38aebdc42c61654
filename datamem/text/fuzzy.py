"""Words a few letters apart: insertions, deletions, changes and swaps of neighbours."""

from __future__ import annotations


def within_distance(one: str, other: str, most: int) -> bool:
    """Tell whether two words are at most `most` edits apart (optimal string alignment).

    Example:
        >>> within_distance("memroy", "memory", 1), within_distance("mem", "memory", 2)
        (True, False)
    """
    if abs(len(one) - len(other)) > most:
        return False
    if one == other:
        return True
    one, other = _without_ends(one, other)
    if max(len(one), len(other)) <= 1:
        return True
    return _distance(one, other) <= most


def _without_ends(one: str, other: str) -> tuple[str, str]:
    """Return two words without the letters that they begin and end with alike."""
    least = min(len(one), len(other))
    start = 0
    while start < least and one[start] == other[start]:
        start += 1
    end = 0
    while end < least - start and one[-1 - end] == other[-1 - end]:
        end += 1
    return one[start : len(one) - end], other[start : len(other) - end]


def _distance(one: str, other: str) -> int:
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        after = [i]
        for j, wanted in enumerate(other, 1):
            cost = min(row[j] + 1, after[j - 1] + 1, row[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, before[j - 2] + 1)
            after.append(cost)
        before, row = row, after
    return row[-1]
