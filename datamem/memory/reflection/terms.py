"""Words that say what a text is about: split, folded, without those that every text has."""

from __future__ import annotations

import re
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+(?:['\u2019][^\W\d_]+)?")
_SENTENCE: Final = re.compile(r"(?<=[.!?…。\uff01\uff1f])\s+|\n+")

_STOP_WORDS: Final = """
    a about above after again against all also am an and any are aren't as at be because
    been before being below between both but by can can't cannot could couldn't did didn't
    do does doesn't doing don't down during each even ever few for from further get gets got
    had hadn't has hasn't have haven't having he he's her here hers herself him himself his
    how how's i i'd i'll i'm i've if in into is isn't it it's its itself just let let's like
    may me might more most much must my myself no nor not now of off oh on once only or
    other our ours ourselves out over own really same shall she she's should shouldn't so
    some such than that that's the their theirs them themselves then there there's these
    they they're this those through to too under until up upon us very was wasn't we we're
    we've well were weren't what what's when when's where where's which while who who's whom
    whose why will with won't would wouldn't yeah yes you you'd you'll you're you've your
    yours yourself yourselves
"""
STOP_WORDS: Final = frozenset(_STOP_WORDS.split())
"""English function and question words: "what did Ann do" asks about Ann, not about "did"."""


def words_of(text: str) -> list[str]:
    """Return the words of a text in order, case folded.

    Example:
        >>> words_of("Ann's cat, “Tom”")
        ["ann's", 'cat', 'tom']
    """
    return [match.replace("\u2019", "'") for match in _WORD.findall(text.casefold())]


def content_words(text: str) -> list[str]:
    """Return the words that are no stop words, without a possessive's ending.

    Example:
        >>> content_words("When did Ann's cat come home?")
        ['ann', 'cat', 'come', 'home']
    """
    return [word.removesuffix("'s") for word in words_of(text) if word not in STOP_WORDS]


def sentences_of(text: str) -> list[str]:
    """Return the sentences of a text, in order.

    Example:
        >>> sentences_of("I moved. It rained!  Why?")
        ['I moved.', 'It rained!', 'Why?']
    """
    return [part.strip() for part in _SENTENCE.split(text) if part.strip()]
