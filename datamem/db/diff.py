"""What differs between two database values: facts that one has and the other has not.

    diff(a, b)
        share = shared_history(a, b)        # one connection, branches of one, or nothing in common
        candidates = facts touched since    # read from the segments that only one of them has
        only in a, only in b                # the candidates, looked up on both sides and matched

So the cost follows what was touched since the values parted, whatever the size of the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from datamem.db.difference import Difference, Side
from datamem.db.lineage import Shared, shared_history, shared_up_to
from datamem.db.translate import Same, Translation, Translator
from datamem.errors import DatamemError
from datamem.ids import ATTR_BASE, TX_BASE, tx_of_t
from datamem.index.changes import changed_facts
from datamem.index.heap import Cut
from datamem.index.kernels import BoolArray, Int64Array, match_rows, sort_order

if TYPE_CHECKING:
    from datamem.db.database import Db

Pairs = tuple[Int64Array, Int64Array]
"""Columns e, a: whose which attribute may differ; int64[n] each."""


def diff(a: Db, b: Db, *, transactions: bool = False, shared: Cut | None = None) -> Difference:
    """Return the facts of `b` that `a` has not (added), and of `a` that `b` has not (removed).

    A fact is entity, attribute and value: who asserted it does not count. The values may be points in
    time of one database, its forks, speculative values, or databases made apart. Where ids were given out
    apart, attributes correspond by ident and entities by a unique value they share.

    Args:
        a, b: database values; `as_of`, `since` and `filter` views are compared as they look.
        transactions: also compare what is said about the transaction entities themselves.
        shared: how much history two databases share that live apart (`datamem.conn.shared_cut`); None: what
            the values themselves know of it.

    Raises:
        DatamemError: `diff/history-view` for a history, in which a fact may both hold and not.

    Cost: what was touched since the values parted; for databases made apart, both as a whole.

    Example:
        >>> import datamem
        >>> conn = datamem.connect(":memory:")
        >>> before = conn.transact(
        ...     [{":db/id": "a", ":user/name": "Ada", ":user/likes": "tea"}]
        ... ).db_after
        >>> after = conn.transact([{":db/id": 1, ":user/likes": "coffee"}]).db_after
        >>> print(diff(before, after))
        1 entity differs: 1 fact added, 1 removed
        1
          :user/likes "tea" -> "coffee"
        >>> conn.close()
    """
    for db in (a, b):
        if db.is_history:
            message = (
                f"{db!r} shows every assertion and retraction, so no fact of it just holds"
            )
            raise DatamemError(
                message, code="diff/history-view", hint="compare two as_of(…) values instead"
            )
    common = shared_history(a, b) if shared is None else shared_up_to(a, b, shared)
    to_a: Translation = Same() if common.is_linear else Translator(b, a, common.cut)
    to_b: Translation = Same() if common.is_linear else Translator(a, b, common.cut)
    if a.view.is_plain and b.view.is_plain:
        sides = _candidate_sides(a, b, common, to_a, to_b)
    else:
        sides = (_whole_side(a), _whole_side(b))
    if not transactions:
        sides = (sides[0].where(_no_tx(sides[0].e)), sides[1].where(_no_tx(sides[1].e)))
    return _unmatched(sides[0], sides[1], to_a, to_b)


def _no_tx(e: Int64Array) -> BoolArray:
    return (e < TX_BASE) | (e >= ATTR_BASE)


def _whole_side(db: Db) -> Side:
    rows = db.rows()
    return Side(db, rows.e, rows.a, rows.v, rows.tx)


def _candidate_sides(
    a: Db, b: Db, shared: Shared, to_a: Translation, to_b: Translation
) -> tuple[Side, Side]:
    """Return what each value says now of every entity and attribute that either has touched."""
    after = tx_of_t(shared.cut.t)
    touched_a, touched_b = _touched(a, after), _touched(b, after)
    in_a = _joined(touched_a, (to_a.entities(touched_b[0]), to_a.attributes(touched_b[1])))
    in_b = _joined(touched_b, (to_b.entities(touched_a[0]), to_b.attributes(touched_a[1])))
    return _side(a, in_a), _side(b, in_b)


def _touched(db: Db, after: int) -> Pairs:
    """Return the pairs touched after a transaction; of forgetful attributes, all there are."""
    e, a, _ = changed_facts(db.index, after, db.newest_tx)
    for attribute in db.schema:
        if attribute.no_history:
            whose = db.rows(a=attribute.id).e
            e = np.concatenate((e, whose))
            a = np.concatenate((a, np.full(len(whose), attribute.id, np.int64)))
    return e, a


def _joined(one: Pairs, two: Pairs) -> Pairs:
    return np.concatenate((one[0], two[0])), np.concatenate((one[1], two[1]))


def _side(db: Db, pairs: Pairs) -> Side:
    """Return the rows of `db` that have one of the pairs."""
    parts = []
    for attribute, es in _by_attribute(pairs):
        rows = db.lookup_many(attribute, es)
        parts.append((rows.e, rows.a, rows.v, rows.tx))
    if not parts:
        return Side(db, *(np.empty(0, np.int64) for _ in range(4)))
    return Side(db, *(np.concatenate(column) for column in zip(*parts, strict=True)))


def _by_attribute(pairs: Pairs) -> Iterator[tuple[int, Int64Array]]:
    """Yield each attribute that exists with its entities, ascending and distinct."""
    e, a = pairs
    real = (e >= 0) & (a >= 0)
    e, a = e[real], a[real]
    for attribute in np.unique(a).tolist():
        yield attribute, np.unique(e[a == attribute])


def _unmatched(a: Side, b: Side, to_a: Translation, to_b: Translation) -> Difference:
    """Return the rows of each side that the other has not."""
    facts_a = (a.e, a.a, a.v)
    facts_b = (to_a.entities(b.e), to_a.attributes(b.a), to_a.words(b.a, b.v))
    removed = _missing(facts_a, facts_b)
    added = _missing(facts_b, facts_a)
    gone, come = a.where(removed), b.where(added)
    return Difference(gone, come, to_b.entities(gone.e), to_a.entities(come.e))


def _missing(facts: tuple[Int64Array, ...], others: tuple[Int64Array, ...]) -> BoolArray:
    """Tell which facts are not among others."""
    if not len(others[0]):
        return np.ones(len(facts[0]), np.bool_)
    by = sort_order(others)
    found = match_rows([column[by] for column in others], facts)
    missing: BoolArray = found < 0
    return missing
