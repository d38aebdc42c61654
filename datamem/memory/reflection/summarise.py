"""A summariser that needs no model: the sentences that say most of what the others say."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from datamem.memory.reflection.terms import content_words, sentences_of

Summariser = Callable[[Sequence[str]], str]
"""From the texts of what is summed up, in their order, to one text; a model's or `extractive`."""

_REPEATED: Final = 0.3
"""What a word still counts that the summary already has."""


def extractive(texts: Sequence[str], *, max_words: int = 40) -> str:
    """Return the most telling sentences of some texts, in their order; the same for the same texts.

    A sentence counts the words it shares with the rest, rarer ones no less than frequent ones
    (logarithm of the count), divided by the root of its length; words that are already said count little.

    Example:
        >>> extractive(["I adopted a dog.", "The dog is called Rex.", "Nice."], max_words=6)
        'The dog is called Rex.'
    """
    sentences = [sentence for text in texts for sentence in sentences_of(text)]
    words = [content_words(sentence) for sentence in sentences]
    counts = Counter(word for of in words for word in set(of))
    weights = {word: math.log1p(count) for word, count in counts.items()}
    chosen: list[int] = []
    said: set[str] = set()
    left = max_words
    waiting = [i for i, of in enumerate(words) if of]
    while waiting:
        scores = {i: _score(words[i], weights, said) for i in waiting}
        best = max(waiting, key=lambda i: (scores[i], -i))
        waiting.remove(best)
        length = len(sentences[best].split())
        if length > left and chosen:
            break
        chosen.append(best)
        said |= set(words[best])
        left -= length
    return " ".join(sentences[i] for i in sorted(chosen))


def _score(words: Sequence[str], weights: dict[str, float], said: set[str]) -> float:
    total = sum(weights[w] * (_REPEATED if w in said else 1.0) for w in set(words))
    return total / math.sqrt(len(words) + 1)
