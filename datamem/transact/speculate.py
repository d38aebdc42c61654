"""Speculative transactions: what transacting would give, seen by nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datamem.clock import now_us
from datamem.db.advance import advance, branch
from datamem.db.report import TxReport
from datamem.errors import TransactError
from datamem.transact.effects.embeddings import EMBED, without_vectors
from datamem.transact.resolution import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from datamem.db.database import Db
    from datamem.transact.ports import Functions


def with_tx(
    db: Db,
    tx_data: Any,
    meta: Mapping[Any, Any] | None = None,
    functions: Functions | None = None,
) -> TxReport:
    """Return the report that transacting on the present of `db` would give.

    Args:
        functions: transaction functions and predicates by name, as `Connection.register` has them.

    Raises:
        TransactError: as `Connection.transact`; `transact/past-view` on a view of the past.
    """
    if not db.view.is_plain or db.t != db.basis_t:
        raise TransactError(
            f"{db!r} is a view, and a transaction continues a whole database",
            code="transact/past-view",
            hint="use conn.fork(as_of=…) to go on from a past instant",
        )
    base = branch(db)
    functions = {
        EMBED: without_vectors,
        **(functions or {}),
    }  # what nobody keeps calls no model
    plan = resolve(base, tx_data, now_us=now_us(), meta=meta, functions=functions)
    if plan.empty:
        return TxReport(db, db, plan.tempids, db.basis_t, ((), (), (), ()))
    after = advance(base, plan)
    return TxReport(db, after, plan.tempids, plan.t, (plan.e, plan.a, plan.v, plan.added))
