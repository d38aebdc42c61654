"""Whom and what a question names: users, agents and entities whose names stand in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from datamem.index.companions import Companions
from datamem.index.kernels import EMPTY, Int64Array
from datamem.index.sets import ascending
from datamem.memory.records.columns import words_by_entity
from datamem.memory.reflection.terms import STOP_WORDS, words_of
from datamem.schema.types import ValueType

if TYPE_CHECKING:
    from datamem.db.database import Db

PEOPLE: Final = (":user/name", ":agent/name")
THINGS: Final = (":entity/name", ":entity/aliases")
_FEWEST_LETTERS: Final = 2


class Named(NamedTuple):
    """Entities that a question names.

    Attributes:
        people: int64[n], users and agents, ascending.
        things: int64[n], entities of the knowledge graph, ascending.
        words: the words of the question that are names of people.
    """

    people: Int64Array
    things: Int64Array
    words: frozenset[str]


class Names:
    """Names by their words, beside a value heap: a name is read once, however many values have it.

    A name of people is found by any of its words ("Ann" finds "Ann Lee"), another by all of them.
    """

    def __init__(self) -> None:
        self._known = EMPTY
        self._by_word: dict[str, list[tuple[int, frozenset[str]]]] = {}

    def truncate(self, size: int) -> None:
        """Forget names whose commit failed."""
        self._known = self._known[self._known < size]
        for word, entries in self._by_word.items():
            self._by_word[word] = [entry for entry in entries if entry[0] < size]

    def close(self) -> None:
        """Nothing is kept."""

    def read(self, db: Db, codes: Int64Array) -> None:
        """Take in names by the codes of their texts, ascending and distinct."""
        new = np.setdiff1d(codes, self._known, assume_unique=True)
        if not len(new):
            return
        for code, name in zip(new.tolist(), db.decode(ValueType.STRING, new), strict=True):
            words = frozenset(words_of(name))
            for word in words - STOP_WORDS:
                self._by_word.setdefault(word, []).append((code, words))
        self._known = np.union1d(self._known, new)

    def codes(self, words: frozenset[str], *, whole: bool) -> tuple[list[int], set[str]]:
        """Return the codes of names that some words name, and which words did.

        Args:
            whole: whether all words of a name must be there.
        """
        found: list[int] = []
        used: set[str] = set()
        for word in words - STOP_WORDS:
            for code, needed in self._by_word.get(word, ()):
                if not whole or needed <= words:
                    found.append(code)
                    used.add(word)
        return found, used


def _make(_: Companions) -> Names:
    return Names()


def named_in(db: Db, text: str) -> Named:
    """Return whom and what a text names. Cost: one column of names, and their new ones read."""
    words = frozenset(
        word.removesuffix("'s") for word in words_of(text) if len(word) >= _FEWEST_LETTERS
    )
    people, used = _find(db, PEOPLE, words, whole=False)
    things, _ = _find(db, THINGS, words, whole=True)
    return Named(people, things, frozenset(used))


def _find(
    db: Db, attributes: Sequence[str], words: frozenset[str], *, whole: bool
) -> tuple[Int64Array, set[str]]:
    found, used = [EMPTY], set()
    for name in attributes:
        column = words_by_entity(db, name)
        if not len(column.v) or not words:
            continue
        names = db.heap.companions.get(("names of entities", name), _make)
        names.read(db, ascending(column.v))
        codes, by = names.codes(words, whole=whole)
        hit = np.isin(column.v, codes)
        if hit.any():
            found.append(column.e[hit])
            used |= by
    return ascending(np.concatenate(found)), used
