"""Hybrid search: words and vectors asked together, fused to one ranking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from datamem.errors import QueryError
from datamem.hooks import hook
from datamem.search.embedders.protocol import embed
from datamem.search.fusion import Fused, Method, bad_option, fuse, fused_columns

if TYPE_CHECKING:
    from datamem.db.database import Db
    from datamem.db.hits import Hits
    from datamem.index.kernels import Int64Array

DEPTH: Final = 100
"""How many hits of each search are fused, where fewer are asked for."""


def hybrid(
    db: Db,
    searches: Mapping[str, Any],
    k: int = 10,
    *,
    among: Int64Array | None = None,
    method: Method = "min-max",
    weights: Mapping[str, float] | None = None,
    depth: int | None = None,
    embedder: Any = None,
) -> Fused:
    """Return the `k` entities that several searches rank best together, with the parts of each score.

    Args:
        db: any database value.
        searches: name to (attribute, what to find): a query for an attribute with `:db/fulltext`, or for
            several, and a vector for a vector attribute, or a text if there is an embedder. A map with
            `attribute`, `query` and options of that search may stand for the pair.
        k: how many, at least 1.
        among: int64[n], the only entities to find.
        method, weights: as `fuse` takes them; weights by name.
        depth: how many hits of each search are fused; 100, or 4 k if that is more.
        embedder: what makes a vector of a text.

    Raises:
        QueryError: `search/bad-option`, and what the searches raise.

    Cost: that of its searches, and 0.1 ms.
    """
    _check(searches, k)
    wanted = depth or max(DEPTH, 4 * k)
    found = {
        str(name).lstrip(":"): _hits(db, spec, wanted, among, embedder)
        for name, spec in searches.items()
    }
    by_name = {str(name).lstrip(":"): weight for name, weight in (weights or {}).items()}
    return fuse(found, method=method, weights=by_name, k=k)


def hybrid_columns(
    db: Db,
    *args: Any,
    k: int = 10,
    among: Int64Array | None = None,
    method: str = "min-max",
    weights: Any = None,
    depth: int | None = None,
    embedder: Any = None,
) -> tuple[Any, ...]:
    """Return `hybrid` as columns (e, score, a score for each search), for the Datalog clause.

    Args:
        db: any database value.
        args: attribute, query, attribute, query, …
        weights: one for each search, in their order.
        k, among, method, depth, embedder: as `hybrid` takes them.
    """
    if not args or len(args) % 2:
        raise bad_option("arguments", args, "an attribute and a query for each search")
    names = [f"part-{i}" for i in range(len(args) // 2)]
    specs = dict(zip(names, zip(args[::2], args[1::2], strict=True), strict=True))
    shares = None
    if weights is not None:
        try:
            shares = dict(zip(names, weights, strict=True))
        except (TypeError, ValueError):
            raise bad_option("weights", weights, "a number for each search") from None
    fused = hybrid(
        db,
        specs,
        k,
        among=among,
        method=str(method).lstrip(":"),  # type: ignore[arg-type]  # checked by fuse
        weights=shares,
        depth=depth,
        embedder=embedder,
    )
    return fused_columns(fused, names)


def _check(searches: Any, k: Any) -> None:
    if not isinstance(searches, Mapping) or not searches:
        raise bad_option("searches", searches, '{"text": (attribute, query), …}')
    if not isinstance(k, int) or isinstance(k, bool) or k < 1:
        raise bad_option("k", k, "1 or more")


def _hits(db: Db, spec: Any, k: int, among: Int64Array | None, embedder: Any) -> Hits:
    attribute, query, options = _parts_of(spec)
    options = {"k": k, "among": among} | options
    if _is_vector(db, attribute):
        if isinstance(query, str) and embedder is not None:
            query = embed(embedder, [query])[0]
        found: Hits = hook("search vector")(db, attribute, query, **options)
    else:
        found = hook("search fulltext")(db, attribute, query, **options)
    return found


def _parts_of(spec: Any) -> tuple[Any, Any, dict[str, Any]]:
    if isinstance(spec, Mapping):
        plain = {str(k).lstrip(":").replace("-", "_"): v for k, v in spec.items()}
        if {"attribute", "query"} <= plain.keys():
            return plain.pop("attribute"), plain.pop("query"), plain
    elif isinstance(spec, Sequence) and not isinstance(spec, str) and len(spec) == 2:
        return spec[0], spec[1], {}
    raise QueryError(
        f"{spec!r} is no search",
        code="search/bad-option",
        hint="use (attribute, query), or a map with both",
        option="searches",
        value=spec,
    )


def _is_vector(db: Db, attribute: Any) -> bool:
    known = db.schema.get(attribute) if isinstance(attribute, str) else None
    return known is not None and known.vector is not None
