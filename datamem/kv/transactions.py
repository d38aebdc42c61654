"""Transactions over keys: reads and writes of a store inside a transaction, and `txn` in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from datamem.conn import Connection
from datamem.conn.transaction import Transaction
from datamem.db import Db
from datamem.errors import ConflictError
from datamem.kv.clocks import Ttl, now_of, us_of_ttl
from datamem.kv.jsonvalue import plain_json
from datamem.kv.records import KEYS, TxForms, check_name, deleting, find_entry, unnamed
from datamem.kv.scopes import Scope
from datamem.kv.store import Store


class _Deleted:
    """Stands for a value that a transaction takes away."""

    def __repr__(self) -> str:
        return "DELETED"


DELETED: Final = _Deleted()
"""Written instead of a value, takes the key's value away."""


class TxStore:
    """The keys of a store as one transaction reads and writes them; it sees its own writes.

    Example:
        >>> from datamem import connect
        >>> store = Store(connect(":memory:"))
        >>> with store.conn.transaction() as tx:
        ...     keys = TxStore(tx, store)
        ...     keys.put("count", keys.get("count", 0) + 1)
        >>> store.get("count")
        1
    """

    def __init__(self, tx: Transaction, store: Store) -> None:
        self._tx = tx
        self._store = store
        self._now_us = now_of(store.conn, tx.db)
        self._written: dict[str, Any] = {}

    def get(self, key: str, default: Any = None) -> Any:
        """Return a key's value, own writes included; that it has none is a read as well."""
        if key in self._written:
            value = self._written[key]
            return default if value is DELETED else plain_json(value)
        name = check_name(KEYS, key)
        entry = find_entry(self._tx.db, KEYS, self._store.scope, name, self._now_us)
        return default if entry is None else entry.value

    def put(self, key: str, value: Any, *, ttl: Ttl = None) -> None:
        """Give a key a value when the transaction commits.

        Raises:
            StateError: `json/not-json`, `kv/bad-key`, `kv/bad-ttl`; `kv/schema-mismatch` at the commit.
        """
        store, name, plain = self._store, check_name(KEYS, key), plain_json(value)
        ttl_us = us_of_ttl(ttl)

        def write(db: Db) -> TxForms:
            if self._written[name] is not plain:
                return []  # written over in the same transaction
            return unnamed(store.writing(db, name, plain, ttl_us, now_of(store.conn, db))[0])

        self._written[name] = plain
        self._tx.transact(write)

    def delete(self, key: str) -> None:
        """Take a key's value away when the transaction commits."""
        store, name = self._store, check_name(KEYS, key)

        def write(db: Db) -> TxForms:
            if self._written[name] is not DELETED:
                return []
            entry = find_entry(db, KEYS, store.scope, name, now_of(store.conn, db))
            return [] if entry is None else deleting(db, KEYS, entry.eid)

        if self._written.get(name) is not DELETED:
            self._written[name] = DELETED
            self._tx.transact(write)


@dataclass(frozen=True, slots=True)
class TxnReport:
    """What `txn` did.

    Attributes:
        t: the transaction, or the newest one if nothing was written.
        versions: of the keys that were written; 0 for those deleted.
    """

    t: int
    versions: dict[str, int]


def txn(
    conn: Connection,
    read_set: Mapping[str, int] | None = None,
    write_set: Mapping[str, Any] | None = None,
    preconditions: tuple[Callable[[Db], Any], ...] | list[Callable[[Db], Any]] = (),
    *,
    scope: Scope | str = "",
    tx_data: Any = None,
) -> TxnReport:
    """Write several keys in one transaction, if what was read before is still so.

    Args:
        read_set: key to the version it was read at; 0: it was not there.
        write_set: key to its new JSON value, or to `DELETED`.
        preconditions: called with the newest database value; each raises, or returns False, where the
            transaction must not be: `lease.fence`, or a query.
        scope: of the keys.
        tx_data: more facts for the same transaction.

    Raises:
        ConflictError: `transact/conflict`, naming every key of another version.
        TransactError: `transact/precondition-failed`.
        StateError: as `Store.put`.
    """
    store = Store(conn, scope)
    reads = {check_name(KEYS, key): version for key, version in (read_set or {}).items()}
    tx = conn.transaction()
    keys = TxStore(tx, store)
    tx.require(lambda db: _check_versions(db, store, reads))
    for condition in preconditions:
        tx.require(condition)
    for key, value in (write_set or {}).items():
        if value is DELETED:
            keys.delete(key)
        else:
            keys.put(key, value)
    if tx_data is not None:
        tx.transact(tx_data)
    tx.commit()
    db = tx.report.db_after if tx.report is not None else conn.db
    return TxnReport(db.basis_t, {key: _version(db, store, key, 0) for key in write_set or {}})


def _version(db: Db, store: Store, key: str, now_us: int) -> int:
    entry = find_entry(db, KEYS, store.scope, key, now_us)
    return 0 if entry is None else entry.version


def _check_versions(db: Db, store: Store, reads: Mapping[str, int]) -> None:
    now_us = now_of(store.conn, db)
    found = {key: _version(db, store, key, now_us) for key in reads}
    stale = {key: version for key, version in found.items() if version != reads[key]}
    if stale:
        told = ", ".join(f"{key} is at {n}, read at {reads[key]}" for key, n in stale.items())
        raise ConflictError(
            f"keys have other versions than were read: {told}",
            code="transact/conflict",
            hint="read again, and retry",
            expected=dict(reads),
            actual=found,
        )
