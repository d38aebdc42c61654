"""Searching: from a query to the best datoms that a view shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from datamem.db.hits import Hits, no_hits
from datamem.errors import QueryError
from datamem.text.analysis import analyzer
from datamem.text.companion import TextIndex, text_index
from datamem.text.engine import is_engine_fault
from datamem.text.parse import parse_query
from datamem.text.statistics import Part, Statistics
from datamem.text.syntax import NOTHING, Node
from datamem.text.visible import Visible

if TYPE_CHECKING:
    from datamem.db.database import Db
    from datamem.index.kernels import Int64Array
    from datamem.schema.attribute import Attribute

_GROWTH: Final = 8
_FIRST_LIMIT: Final = 32

_WIDE: Final = 3_000
"""Fetching so many texts costs some 2 ms; where more would be needed, other ways are tried."""

_ONLY: Final = 20_000
"""So many texts can be named to the engine as the only ones to find, for some 10 ms."""


def search(
    db: Db,
    attributes: str | Sequence[str] | None,
    query: str,
    k: int = 10,
    *,
    among: Int64Array | None = None,
    weights: Mapping[str, float] | Sequence[float] | None = None,
    operator: Literal["or", "and"] = "or",
    strict: bool = False,
    min_score: float | None = None,
) -> Hits:
    """Return the `k` datoms whose texts answer a query best, and that the view shows, best first.

    Equal scores are in the order of entities. Scores are BM25 over all texts that the attribute was ever given, so
    that of one text does not depend on the view.

    Args:
        db: any database value; a past one finds what held then, a history every assertion.
        attributes: one or several attributes with `:db/fulltext true`; None: all of them.
        query: words, "phrases", prefix*, fuzzy~, +must, -not, AND, OR, NOT, ( ), boost^2.
        k: how many, at least 1; fewer come back when there are fewer.
        among: int64[n], the only entities to find; the answer is the best k of these.
        weights: what the scores of each attribute are multiplied with; 1 where it says nothing.
        operator: what several words without an operator between them mean: any or all.
        strict: refuse a query that is not in the language, instead of making the best of it.
        min_score: leave out what scores less.

    Raises:
        QueryError: `text/not-fulltext`, `text/bad-k`, `text/bad-query`, `text/bad-option`.

    Cost: 0.1 to 1 ms; the first search after a transaction also indexes its texts, some 20 µs each.
    """
    _check(query, k, operator)
    parts = []
    for attribute, weight in _weighted(db, attributes, weights):
        words = analyzer(attribute.language)
        node = parse_query(query, words, strict=strict, operator=operator)
        if node != NOTHING:
            found = _search_attribute(db, attribute, node, k, among)
            parts.append(found if weight == 1.0 else _weighed(found, weight))
    hits = best(parts, k)
    if min_score is not None:
        hits = hits.top(int(np.count_nonzero(hits.score >= min_score)))
    return hits


def best(parts: Sequence[Hits], k: int) -> Hits:
    """Return the best `k` of several answers; equal scores by entity, value and transaction.

    Each answer is in that order already.
    """
    if not parts:
        return no_hits()
    if len(parts) == 1:
        return parts[0].top(k)
    e, v, tx, score = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _ordered(Hits(e, v, tx, score)).top(k)


def _weighed(hits: Hits, weight: float) -> Hits:
    """Return hits with scores that count so many times; some of them may have become equal."""
    return _ordered(hits._replace(score=hits.score * weight))


def _ordered(hits: Hits) -> Hits:
    e, v, tx, score = hits
    order = np.lexsort((tx, v, e, -score))
    return Hits(e[order], v[order], tx[order], score[order])


def _check(query: Any, k: Any, operator: Any) -> None:
    if not isinstance(query, str):
        raise QueryError(
            f"{query!r} is no text to search for",
            code="text/bad-query",
            hint="a string of words",
            query=query,
            position=0,
        )
    if not isinstance(k, int) or isinstance(k, bool) or k < 1:
        raise QueryError(f"k is {k!r}, and must be at least 1", code="text/bad-k", k=k)
    if operator not in {"or", "and"}:
        raise _bad_option("operator", operator, '"or" or "and"')


def _bad_option(name: str, value: Any, allowed: str) -> QueryError:
    return QueryError(
        f"{name} of a text search cannot be {value!r}",
        code="text/bad-option",
        hint=f"use {allowed}",
        option=name,
        value=value,
    )


def fulltext_attribute(db: Db, name: str) -> Attribute:
    """Return an attribute whose texts are indexed.

    Raises:
        QueryError: `text/not-fulltext`.
    """
    attribute = db.schema.get(str(name))
    if attribute is None or not attribute.fulltext:
        known = sorted(str(a.ident) for a in db.schema if a.fulltext)
        raise QueryError(
            f"{name} is not an attribute whose words are indexed",
            code="text/not-fulltext",
            hint=f"these are: {', '.join(known)}" if known else "declare it :db/fulltext true",
            attribute=name,
            known=known,
        )
    return attribute


def _weighted(
    db: Db,
    names: str | Sequence[str] | None,
    weights: Mapping[str, float] | Sequence[float] | None,
) -> list[tuple[Attribute, float]]:
    """Return the attributes to be searched, each once, with the weights of their scores."""
    if names is None:
        attributes = [a for a in db.schema if a.fulltext]
    else:
        given = [names] if isinstance(names, str) else list(names)
        attributes = [fulltext_attribute(db, name) for name in given]
    if isinstance(weights, Mapping):
        by_id = {fulltext_attribute(db, name).id: w for name, w in weights.items()}
        factors = [by_id.get(attribute.id, 1.0) for attribute in attributes]
    else:
        factors = [1.0] * len(attributes) if weights is None else list(weights)
    try:
        pairs = {
            a.id: (a, float(factor)) for a, factor in zip(attributes, factors, strict=True)
        }
    except (TypeError, ValueError):
        raise _bad_option("weights", weights, "one number an attribute") from None
    if not all(0.0 <= factor < float("inf") for _, factor in pairs.values()):
        raise _bad_option("weights", weights, "numbers of at least 0")
    return list(pairs.values())


def _search_attribute(
    db: Db, attribute: Attribute, node: Node, k: int, among: Int64Array | None
) -> Hits:
    index = text_index(db, attribute)
    visible = Visible(db, attribute.id, among)
    try:
        return _search_index(db, index, visible, node, k)
    except BaseException as error:
        if not is_engine_fault(error):
            raise
        index.reset()  # its files are not as it left them
    return _search_index(db, index, visible, node, k)


def _search_index(db: Db, index: TextIndex, visible: Visible, node: Node, k: int) -> Hits:
    parts = index.parts(db)
    statistics = Statistics(parts)
    found = []
    for part in parts:
        if part.tail_count:
            codes, scores = part.tail.search(node, part.tail_count, statistics)
            found.append(visible.hits(*of_branch(part, codes, scores)))
        if part.searcher is not None:
            found.append(_search_engine(part, statistics, visible, node, k))
    return best(found, k)


def of_branch(part: Part, codes: Int64Array, scores: Any) -> tuple[Int64Array, Any]:
    """Return those of some texts that a branch shares with the heap that the part is of."""
    if part.upto is None:
        return codes, scores
    keep = codes < part.upto
    return codes[keep], scores[keep]


def _search_engine(
    part: Part, statistics: Statistics, visible: Visible, node: Node, k: int
) -> Hits:
    """Return the best visible texts of the engine, fetching more until `k` of them are visible.

    Where few texts are visible at all, these are named to the engine instead.
    """
    searcher = part.searcher
    assert searcher is not None
    weights = None if statistics.text_count == searcher.text_count else statistics
    expected = visible.expected_limit(k, searcher.text_count)
    is_most_visible = 4 * expected <= 5 * k
    limit = max(_FIRST_LIMIT, 3 * k // 2 if is_most_visible else 2 * min(expected, _WIDE))
    only = visible.few(_ONLY) if expected > _WIDE else None
    while only is None:
        codes, scores = searcher.search(node, limit, weights)
        hits = visible.hits(*of_branch(part, codes, scores))
        if len(hits.e) >= k or len(codes) < limit:
            return hits
        only = visible.few(_ONLY) if limit >= _WIDE else None
        limit *= _GROWTH
    mine = only if part.upto is None else only[only < part.upto]
    if not len(mine):
        return no_hits()
    codes, scores = searcher.search(node, len(mine), weights, mine.tolist())
    return visible.hits(codes, scores)
