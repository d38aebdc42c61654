"""From text to tokens: what counts as a word, and what as the same word.

A token is a run of letters and digits, lowercased, brought to its stem by the language, without accents.
Chinese, Japanese and Korean have no spaces between words: there each character is a token, and a query
of several becomes a phrase, so that any part of a sentence is found. Stop words stay in the index, so that phrases
of them are found, and are left out of queries that also have other words.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Final, NamedTuple

from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

from datamem.schema.languages import DEFAULT_LANGUAGE

ANALYSIS_VERSION: Final = 1
"""Counts changes of what a token is; an index of another version is built anew."""

MAX_TOKEN_BYTES: Final = 65_530
"""Longer tokens are in no index (the engine's limit)."""

_CJK: Final = re.compile(
    "[\u3005\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff\ud800-\udfff]"
)
_SURROGATES: Final = frozenset(map(chr, range(0xD800, 0xE000)))
"""Halves of characters, which no encoded text has."""

_CLUSTER: Final = re.compile(r".[\u0300-\u036f\u3099\u309a\u1160-\u11ff]*", re.DOTALL)
_NO_STOP_WORDS: Final = {"none", "arabic", "greek", "romanian", "tamil", "turkish"}


class Span(NamedTuple):
    """A token and the half-open range of characters of the text that it comes from."""

    token: str
    start: int
    stop: int


class Analyzer:
    """Splits texts of one language into tokens.

    Attributes:
        language: full name, of `datamem.schema.languages`.
        engine: the same steps for the text engine, which gets `prepare`d texts.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        words = TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.lowercase())
        self._words = words.filter(Filter.ascii_fold()).build()
        stems = TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.lowercase())
        if (
            language == DEFAULT_LANGUAGE
        ):  # has no accents of its own: naïve and naive are one word
            stems = stems.filter(Filter.ascii_fold())
        if language != "none":
            stems = stems.filter(Filter.stemmer(language))
        self.engine: TextAnalyzer = stems.filter(Filter.ascii_fold()).build()
        self._stops: TextAnalyzer | None = None
        if language not in _NO_STOP_WORDS:
            lower = TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.lowercase())
            self._stops = lower.filter(Filter.stopword(language)).build()

    def tokens(self, text: str) -> list[str]:
        """Return the tokens in order; the i-th has position i. Cost: about 0.3 µs a word."""
        return self.engine.analyze(prepare(text))

    def words(self, text: str) -> list[str]:
        """Return the tokens before stemming, in the same order."""
        return self._words.analyze(prepare(text))

    def is_stop_word(self, text: str) -> bool:
        """Tell whether a text is a word too common to be looked for by itself."""
        return self._stops is not None and not self._stops.analyze(prepare(text))

    def lasting_count(self, text: str) -> int:
        """Return how many words of a text are no stop words."""
        return len((self._stops or self._words).analyze(prepare(text)))

    def spans(self, text: str) -> list[Span]:
        """Return the tokens with the characters that they come from."""
        prepared, origins = (text, None) if text.isascii() else _prepared_with_origins(text)
        found = []
        for token in self.engine.pre_tokenize(prepared).tokens:
            start, stop = token.char_offset_from, token.char_offset_to
            assert stop is not None
            if origins is not None:
                start, stop = origins[start][0], origins[stop - 1][1]
            found.append(Span(token.text, start, stop))
        return found


@cache
def analyzer(language: str) -> Analyzer:
    """Return the analyzer of a language, made once."""
    return Analyzer(language)


def prepare(text: str) -> str:
    """Return a text in the form in which the engine splits it: compatibility forms, CJK apart."""
    if text.isascii():
        return text
    return _CJK.sub(_apart, unicodedata.normalize("NFKC", text))


def _apart(found: re.Match[str]) -> str:
    letter = found.group()
    return " " if letter in _SURROGATES else f" {letter} "


def is_cjk(text: str) -> bool:
    """Tell whether a text has characters that are tokens by themselves."""
    return not text.isascii() and _CJK.search(text) is not None


def _prepared_with_origins(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return `prepare(text)` and, for each of its characters, the range of `text` it comes from."""
    pieces: list[str] = []
    origins: list[tuple[int, int]] = []
    for cluster in _CLUSTER.finditer(text):
        piece = prepare(cluster.group())
        pieces.append(piece)
        origins += [cluster.span()] * len(piece)
    return "".join(pieces), origins
