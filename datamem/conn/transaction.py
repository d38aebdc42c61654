"""Optimistic transactions: read a snapshot, write at the end, and only if nothing that was read changed.

Commits happen one after the other. A transaction commits where nothing of its footprint was added or
retracted since its snapshot: its reads would then answer the same at its place in that order, so the order
is a serial history, with predicates and ranges included (backward validation, Kung and Robinson 1981).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from datamem.clock import random_bytes
from datamem.conn.footprint import Fact, Footprint
from datamem.conn.recent import Datoms
from datamem.conn.tracking import TrackedDb
from datamem.db.database import Db
from datamem.db.report import TxReport
from datamem.db.time import instant_of_t
from datamem.errors import ConflictError, TransactError
from datamem.ids import TX_BASE, tx_of_t
from datamem.transact.forms.items import read_items

if TYPE_CHECKING:
    from datamem.conn.connection import Connection

T = TypeVar("T")


class Transaction:
    """A transaction on a snapshot; a context manager that commits it.

    Attributes:
        db: the snapshot; every read of it is tracked. Own writes are not in it.
        reads: what was read.
        report: of the commit; None before it, and if there was nothing to write.
    """

    def __init__(self, conn: Connection, meta: Mapping[Any, Any] | None = None) -> None:
        self._conn = conn
        self._meta = meta
        self._writes: list[Any] = []
        self._required: list[Callable[[Db], Any]] = []
        self._is_over = False
        self.reads = Footprint()
        self.db: Db = TrackedDb(conn.db, self.reads)
        self.report: TxReport | None = None

    @property
    def conn(self) -> Connection:
        """The connection it commits to."""
        return self._conn

    def q(self, query: Any, *inputs: Any, **options: Any) -> Any:
        """Answer a query of the snapshot."""
        return self.db.q(query, *inputs, **options)

    def transact(self, tx_data: Any) -> None:
        """Add tx-data to what is committed at the end.

        Args:
            tx_data: EDN text, a list of forms, or a function of the newest database value that
                returns such, called at the commit.
        """
        self._check_open()
        self._writes.append(tx_data)

    def require(self, condition: Callable[[Db], Any]) -> None:
        """Commit only if `condition(db)`, called with the newest value, neither raises nor is False."""
        self._check_open()
        self._required.append(condition)

    def commit(self) -> TxReport | None:
        """Commit now; once.

        Raises:
            ConflictError: `transact/conflict`, with who changed what; nothing was written.
            TransactError: `transact/precondition-failed`, `transact/over`; and as `Connection.transact`.
        """
        self._check_open()
        self._is_over = True
        if self._writes or self._required:
            self.report = self._conn.update(self._forms, self._meta)
        return self.report

    def _check_open(self) -> None:
        if self._is_over:
            raise TransactError(
                "the transaction is over",
                code="transact/over",
                hint="begin another; a conflict needs new reads",
            )

    def _forms(self, db: Db) -> list[Any]:
        self._check_reads(db)
        for condition in self._required:
            if condition(db) is False:
                name = getattr(condition, "__name__", repr(condition))
                raise TransactError(
                    f"the precondition {name} does not hold",
                    code="transact/precondition-failed",
                    precondition=name,
                )
        forms: list[Any] = []
        for write in self._writes:
            forms += read_items(write(db) if callable(write) else write)
        return forms

    def _check_reads(self, db: Db) -> None:
        since = self.db.basis_t
        if db.basis_t == since:
            return
        if db.schema is not self.db.schema:
            raise _conflict(db, since, db.basis_t, None, is_added=True)
        codes = self.reads.codes_since(db)
        for t, datoms in self._conn.changes_since(since):
            found = _first_read(self.reads, codes, db, datoms)
            if found is not None:
                raise _conflict(db, since, t, found[0], is_added=found[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Commit, unless the block raised or has committed already."""
        if error is None and not self._is_over:
            self.commit()
        self._is_over = True


def _first_read(
    reads: Footprint, codes: frozenset[int], db: Db, datoms: Datoms
) -> tuple[Fact, bool] | None:
    """Return the first datom of a transaction that was read, and whether it was added."""
    for e, a, v, added in zip(*datoms, strict=True):
        fact = int(e), int(a), int(v)
        if reads.has(fact) or (v in codes and _is_coded(db, fact[1])):
            return fact, bool(added)
    return None


def _is_coded(db: Db, a: int) -> bool:
    attribute = db.schema.get(a)
    return attribute is None or attribute.is_heap


def _conflict(
    db: Db, since: int, t: int, fact: Fact | None, *, is_added: bool
) -> ConflictError:
    """Return the error that says who changed what since the snapshot."""
    who = {
        db.ident(a) or str(a): db.decode(db.value_type(a), [word])[0]
        for a, word in db.entity_words(tx_of_t(t))
    }
    what: dict[str, Any] = {}
    if fact is None:
        changed = "changed the schema"
    else:
        e, a, v = fact
        ident = db.ident(a) or str(a)
        value = db.decode(db.value_type(a), [v])[0]
        change = "added" if is_added else "retracted"
        what = {"entity": e, "attribute": ident, "value": value, "added": is_added}
        changed = f"{change} {ident} {value!r} of {e - TX_BASE if e >= TX_BASE else e}"
    return ConflictError(
        f"transaction {t} of {instant_of_t(db, t).isoformat()} {changed}, "
        f"which this one had read at {since}",
        code="transact/conflict",
        hint="read again and retry; conn.in_transaction does both",
        t=t,
        basis_t=since,
        who=who,
        **what,
    )


def in_transaction(
    conn: Connection,
    work: Callable[[Transaction], T],
    *,
    attempts: int = 8,
    meta: Mapping[Any, Any] | None = None,
    wait: Callable[[float], object] = time.sleep,
    jitter: Callable[[], float] | None = None,
) -> T:
    """Call `work(tx)` in a transaction, again in a new one after each conflict, and return its result.

    Between attempts it waits: at random up to 1 ms, then 2, 4, … and at most 100 ms.

    Args:
        work: reads `tx.db` and calls `tx.transact`; what it does besides must bear repeating.
        attempts: how often at most.
        wait: called with seconds.
        jitter: from 0 to 1; None: at random.

    Raises:
        ConflictError: the last attempt's, with `attempts`.
    """
    for delay in _delays(attempts, jitter or _random):
        tx = Transaction(conn, meta)
        try:
            with tx:
                return work(tx)
        except ConflictError as error:
            if delay is None:
                error.data["attempts"] = attempts
                raise
        wait(delay)
    raise AssertionError  # the last attempt returns or raises


def _delays(attempts: int, jitter: Callable[[], float]) -> Iterable[float | None]:
    for attempt in range(attempts - 1):
        yield jitter() * min(0.001 * 2**attempt, 0.1)
    yield None


def _random() -> float:
    return int.from_bytes(random_bytes(4), "big") / 2**32
