"""Highlights: which words of a text a query found, and the part of it with most of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from datamem.schema.languages import DEFAULT_LANGUAGE
from datamem.text.analysis import Analyzer, Span, analyzer
from datamem.text.fuzzy import within_distance
from datamem.text.parse import parse_query
from datamem.text.search import fulltext_attribute
from datamem.text.syntax import Fuzzy, Phrase, Prefix, Term, wanted_parts

if TYPE_CHECKING:
    from datamem.db.database import Db

_CUT: Final = "…"
_SNIPPET_CHARS: Final = 160


class Highlight(NamedTuple):
    """Characters start:stop of a text, found by the part of the query with this number."""

    start: int
    stop: int
    part: int


def highlights(text: str, query: str, *, language: str = DEFAULT_LANGUAGE) -> list[Highlight]:
    """Return what a query finds in a text, in order; what it must not find says nothing here.

    Example:
        >>> highlights("Foxes jump", "fox")
        [Highlight(start=0, stop=5, part=0)]
    """
    words = analyzer(language)
    spans = words.spans(text)
    found = set()
    for number, part in enumerate(wanted_parts(parse_query(query, words))):
        for first, last in _places(part, spans):
            found.add(Highlight(spans[first].start, spans[last].stop, number))
    return sorted(found)


def highlight(
    text: str,
    query: str,
    *,
    language: str = DEFAULT_LANGUAGE,
    before: str = "<b>",
    after: str = "</b>",
    max_chars: int | None = _SNIPPET_CHARS,
    escape: Callable[[str], str] | None = None,
) -> str:
    """Return the part of a text that a query fits best, with the words found marked.

    Args:
        text: a text that a search found, or any other.
        query: as `search` takes it.
        language: of the text's attribute.
        before, after: marks around each place that was found.
        max_chars: how long the part is, marks not counted; None: all of the text.
        escape: applied to everything but the marks; `html.escape` for pages.

    Example:
        >>> highlight("The quick brown fox jumps over the lazy dog", "foxes", max_chars=20)
        '…brown <b>fox</b> jumps…'
    """
    found = highlights(text, query, language=language)
    start, stop = 0, len(text)
    if max_chars is not None and len(text) > max_chars:
        start, stop = _window(text, found, max_chars, analyzer(language))
    quoted = escape or str
    pieces, at = [_CUT if start else ""], start
    for mark in found:
        if mark.start < at or mark.stop > stop:
            continue
        pieces += [quoted(text[at : mark.start]), before, quoted(text[mark.start : mark.stop])]
        pieces.append(after)
        at = mark.stop
    pieces += [quoted(text[at:stop]), _CUT if stop < len(text) else ""]
    return "".join(pieces)


def highlight_value(
    db: Db, attribute: str, text: str, query: str, max_chars: int = _SNIPPET_CHARS
) -> str:
    """Return `highlight` in the language of an attribute: `(text/highlight :a/b ?text ?query)`."""
    language = fulltext_attribute(db, attribute).language
    return highlight(text, query, language=language, max_chars=max_chars)


def _places(
    part: Term | Phrase | Prefix | Fuzzy, spans: Sequence[Span]
) -> list[tuple[int, int]]:
    """Return the first and last span of every place where a part of a query is."""
    if isinstance(part, Phrase):
        size = len(part.tokens)
        tokens = [span.token for span in spans]
        starts = range(len(tokens) - size + 1)
        return [(i, i + size - 1) for i in starts if tuple(tokens[i : i + size]) == part.tokens]
    return [(i, i) for i, span in enumerate(spans) if _is_found(part, span.token)]


def _is_found(part: Term | Prefix | Fuzzy, token: str) -> bool:
    match part:
        case Term(wanted):
            return token == wanted
        case Prefix(start, stem):
            return token.startswith(start) or token == stem
        case Fuzzy(wanted, distance, near):
            return token in near or within_distance(token, wanted, distance)


def _window(
    text: str, found: Sequence[Highlight], size: int, words: Analyzer
) -> tuple[int, int]:
    """Return the characters start:stop with most parts of the query, between words."""
    best, start, stop = (-1, -1), 0, 0
    for i, mark in enumerate(found):
        inside = [m for m in found[i:] if m.stop <= mark.start + size]
        rank = len({m.part for m in inside}), len(inside)
        if rank > best:
            best, start, stop = rank, mark.start, max((m.stop for m in inside), default=0)
    start = max(0, min(start - (size - (stop - start)) // 2, len(text) - size))
    stop = start + size
    bounds = words.spans(text)
    if start:
        starts = [span.start for span in bounds]
        i = bisect_right(starts, start - 1)
        start = starts[i] if i < len(starts) and starts[i] < stop else start
    if stop < len(text):
        ends = [span.stop for span in bounds if start < span.stop <= stop]
        stop = ends[-1] if ends else stop
    return start, stop
