"""Words a few letters apart: insertions, deletions, changes and swaps of neighbours."""

from __future__ import annotations

from typing import Final

_ALPHABETS: Final = ((0x61, 0x7A), (0x3B1, 0x3C9), (0x430, 0x44F))
"""First and last letters, Latin, Greek and Cyrillic: of scripts whose words have stems."""


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


def words_nearby(word: str) -> set[str]:
    """Return the words one edit away, with the letters of the word's script.

    Example:
        >>> "morning" in words_nearby("mornnig"), len(words_nearby("tea"))
        (True, 181)
    """
    letters = set(word)
    for first, last in _ALPHABETS:
        if word and first <= ord(word[0]) <= last:
            letters |= {chr(code) for code in range(first, last + 1)}
    splits = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    found = {a + c + b for a, b in splits for c in letters}
    for a, b in splits[:-1]:
        found |= {a + c + b[1:] for c in letters}
        found.add(a + b[1:])
        found.add(a + b[1:2] + b[0] + b[2:])
    return found - {word, ""}


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
