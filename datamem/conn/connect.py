"""Opening a database: in memory or in a directory, new or there already."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from datamem.clock import now_us
from datamem.conn.connection import Connection
from datamem.conn.publish import Publisher
from datamem.conn.recover import Recovered, recover
from datamem.conn.state import State
from datamem.conn.writer import Writer
from datamem.db.database import Db
from datamem.errors import StorageError
from datamem.index.compaction import Compactor
from datamem.index.heap import RootHeap
from datamem.index.index import Index
from datamem.index.pack import Packs
from datamem.index.root import packs_of
from datamem.schema.bootstrap import FIRST_USER_ATTRIBUTE
from datamem.schema.schema import Schema
from datamem.txlog.chain import FIRST_DIGEST
from datamem.txlog.directory import DirectoryStore
from datamem.txlog.store import Store


def connect(
    path: str | Path = ":memory:",
    schema: Any = None,
    *,
    fsync: str = "always",
    read_only: bool = False,
    clock: Callable[[], int] = now_us,
    embedders: Mapping[str, Any] | None = None,
) -> Connection:
    """Open a database, making it if there is none.

    Args:
        path: a directory, or ":memory:" for a database that ends with its connection.
        schema: a path to an EDN file, EDN text, or data: the map of maps of Datalevin and
            DataScript, or Datomic's vector of maps. Given to a database that exists, it is
            transacted, and must be a change that the data allows.
        fsync: "always" (a commit returns when it is on the disk), "interval:<ms>" or "off".
        read_only: open without the writer's lock, beside the process that writes.
        clock: µs since 1970; for tests and replays.
        embedders: by name, what embeds the strings of attributes with `:db/embed`: a callable from
            n texts to float32[n, d], or the name of one of `datamem.search.embedders`.

    Raises:
        StorageError: `storage/not-a-database`, `storage/locked`, `storage/newer-format`,
            `storage/corrupt-log`, …
        SchemaError: a schema that cannot be.
    """
    if str(path) == ":memory:":
        conn = _new_in_memory(clock)
    else:
        conn = _open_directory(
            _directory_of(path), fsync=fsync, read_only=read_only, clock=clock
        )
    try:
        for name, embedder in (embedders or {}).items():
            conn.embedder(name, embedder)
        if schema is not None:
            _install_schema(conn, schema)
    except BaseException:
        conn.close()
        raise
    return conn


def _empty_db(heap: RootHeap) -> Db:
    """Return the value before the first transaction; it only knows the system attributes."""
    return Db(
        Index(),
        heap,
        Schema.bootstrap(),
        basis_t=0,
        counters=(1, FIRST_USER_ATTRIBUTE),
        last_instant_us=-1,
    )


def _directory_of(path: str | Path) -> Path:
    text = str(path)
    if "://" in text and not text.startswith("file://"):
        message = f"{text} is not a place that this version can open"
        raise StorageError(
            message, code="storage/unknown-url", hint='use a directory or ":memory:"', url=text
        )
    return Path(text.removeprefix("file://")).expanduser()


def _new_in_memory(clock: Callable[[], int]) -> Connection:
    from datamem.txlog.memory import MemoryStore

    heap = RootHeap()
    state = State(_empty_db(heap), FIRST_DIGEST, 0)
    return _connection(MemoryStore(), heap, state, path=None, clock=clock)


def open_branch(path: Path, clock: Callable[[], int]) -> Connection:
    """Open a directory whose log was cut off: its newest root may have been of a later time's blobs."""
    return _open_directory(
        path, fsync="always", read_only=False, clock=clock, fault_level=logging.DEBUG
    )


def _open_directory(
    path: Path,
    *,
    fsync: str,
    read_only: bool,
    clock: Callable[[], int],
    fault_level: int = logging.WARNING,
) -> Connection:
    store = DirectoryStore(path, fsync=fsync, read_only=read_only, create=not read_only)
    try:
        packs = Packs(store, read_only=read_only)
        found = recover(store, packs, fault_level=fault_level)
        publisher = None
        if read_only:
            found.heap.companions.saved = path / "search"
            packs.map_all()  # the writer deletes what its newest two roots do not need
        else:
            publisher = Publisher(store, packs, found.heap, found.root)
            found.heap.companions.directory = path / "search"
            if found.root_error is None:
                packs.sweep(_needed(found))
        conn = _connection(
            store,
            found.heap,
            found.state,
            path=path,
            clock=clock,
            packs=packs,
            publisher=publisher,
        )
        conn.root_error = found.root_error
    except BaseException:
        store.close()
        raise
    return conn


def _needed(found: Recovered) -> set[str]:
    """Return the blobs to keep: the newest root's, and what replaying has merged since."""
    of_root = set() if found.root is None else found.root.packs() | {found.root_blob}
    return of_root | packs_of(found.state.db.index)


def _connection(
    store: Store,
    heap: RootHeap,
    state: State,
    *,
    path: Path | None,
    clock: Callable[[], int],
    packs: Packs | None = None,
    publisher: Publisher | None = None,
) -> Connection:
    compactor = Compactor(packs or Packs())
    writer = Writer(store, heap, state, compactor, publisher)
    conn = Connection(store, writer, path=path, clock=clock)
    if state.db.basis_t == 0 and not (path is not None and publisher is None):
        from datamem.transact import bootstrap_plan

        writer.commit(bootstrap_plan)
    return conn


def _install_schema(conn: Connection, schema: Any) -> None:
    """Transact a schema; in a database without data of its own, at its beginning of time."""
    from datamem.schema.reader import read_schema
    from datamem.transact import resolve

    tx_data = read_schema(schema)
    is_new = conn.db.basis_t == 1

    def plan(db: Any) -> Any:
        return resolve(db, tx_data, now_us=1 if is_new else conn.now_us())

    conn.commit(plan)


def restore(source: str | Path, target: str | Path) -> Path:
    """Write a backup (a copied database directory) to a new place, after verifying its log.

    Raises:
        StorageError: `storage/corrupt-log` for a damaged backup, `storage/exists` if something
            is at the target.
    """
    with DirectoryStore(source, read_only=True, create=False) as store:
        damage = store.verify()
        if damage:
            first = damage[0]
            raise StorageError(
                f"the backup is damaged: {first.file}, entry {first.entry}: {first.reason}",
                code="storage/corrupt-log",
                hint="restore an older backup",
                damage=[repr(one) for one in damage],
            )
        store.copy_to(Path(target))
    return Path(target)
