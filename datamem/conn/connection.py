"""`Connection`: one live database, in memory or in a directory."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

from datamem.clock import now_us
from datamem.conn.recent import Datoms
from datamem.conn.writer import Writer
from datamem.db.database import Db
from datamem.db.report import TxReport
from datamem.db.time import t_of_point
from datamem.errors import StorageError, TransactError
from datamem.index.compaction import Compactor
from datamem.index.freeze import freeze
from datamem.index.pack import Packs
from datamem.transact.effects.embeddings import EMBED
from datamem.txlog.store import Recovery, Store

if TYPE_CHECKING:
    from datamem.conn.history import LogEntry
    from datamem.conn.load import LoadReport
    from datamem.conn.transaction import Transaction
    from datamem.schema.attribute import Attribute
    from datamem.transact import TxPlan

_logger = logging.getLogger("datamem")
T = TypeVar("T")

Guard: TypeAlias = Callable[[], "Callable[[Db, TxPlan], TxPlan] | None"]
"""What looks at each transaction before it is logged; see `Connection.guard`."""


class Connection:
    """A live database; `datamem.connect` makes one. A context manager that closes itself.

    Any number of threads may use it. Reading takes no lock: `conn.db` is an immutable value.
    Writing is serialized, and commits of several threads share one sync of the log.
    """

    def __init__(
        self,
        store: Store,
        writer: Writer,
        *,
        path: Path | None,
        clock: Callable[[], int] = now_us,
    ) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self._functions: dict[str, Callable[..., Any]] = {}
        self._listeners: list[Callable[[TxReport], Any]] = []
        self._guards: list[Guard] = []
        self._reports: deque[TxReport] = deque()
        self._delivery = threading.Lock()
        self._delivered_t = 0
        self.path = path
        """Directory of the database; None in memory."""
        self.root_error: StorageError | None = None
        """Why opening had to replay the whole log, if it had to."""

    def __repr__(self) -> str:
        where = ":memory:" if self.path is None else str(self.path)
        return f"<Connection {where} basis_t={self.db.basis_t}>"

    # Reading

    @property
    def db(self) -> Db:
        """The database value now."""
        return self._writer.state.db

    def log(
        self, start: int | datetime | None = None, end: int | datetime | None = None
    ) -> Iterator[LogEntry]:
        """Yield the transactions from `start` to before `end`, in order.

        Args:
            start, end: a t, a transaction's entity id or an instant; None for no bound.
        """
        from datamem.conn.history import read_log

        return read_log(self._store, self.db, start, end)

    @property
    def recovery(self) -> Recovery | None:
        """What opening had to mend (a torn last record), or None."""
        return self._store.recovery

    # Writing

    def transact(
        self,
        tx_data: Any,
        meta: Mapping[Any, Any] | None = None,
        *,
        basis_t: int | None = None,
        sync: bool = True,
    ) -> TxReport:
        """Commit a transaction: all of it or, with an error, nothing.

        Args:
            tx_data: EDN text, or a list of maps and of `[op …]` vectors.
            meta: attributes of the transaction entity: who, which run, why.
            basis_t: refuse with `transact/stale-basis` if the database has moved past this t.
            sync: False returns before the disk has it, whatever the policy; the next commit that is
                synced, or `sync()`, sees to that. A crash before loses the newest such transactions,
                each whole. For many at once that can be done again, as imports can.

        Returns:
            the report; the transaction is in the log, and synced as the connection's policy says.

        Raises:
            TransactError: with every conflict found in `data["conflicts"]`.
            StorageError: if the log cannot take it (`storage/disk-full`, …).
        """
        from datamem.transact.resolution import resolve

        embed: Any = self._functions.get(EMBED)
        if embed is not None:
            from datamem.transact.forms.items import read_items

            tx_data = read_items(tx_data)
            embed.ahead(self.db, tx_data, self._note_model)

        def plan(db: Db) -> Any:
            return resolve(
                db,
                tx_data,
                now_us=self._clock(),
                meta=meta,
                functions=self._functions,
                basis_t=basis_t,
            )

        return self.commit(plan, sync=sync)

    def update(
        self,
        build: Callable[[Db], Any],
        meta: Mapping[Any, Any] | None = None,
        *,
        check: Callable[[Db, TxPlan], None] | None = None,
    ) -> TxReport:
        """Commit the tx-data that `build(db)` gives for the newest value, while nobody else writes.

        Args:
            build: reads the value that the transaction continues, and returns tx-data; no tx-data is no
                transaction. It may not transact, and what it raises refuses the transaction.
            meta: attributes of the transaction entity.
            check: called with that value and the plan; raises to refuse what it would do.

        Raises:
            TransactError, StorageError: as `transact`.

        Example:
            >>> from datamem import connect
            >>> conn = connect()
            >>> count = "[:find (count ?n) . :where [_ :n ?n]]"
            >>> for _ in range(3):
            ...     report = conn.update(lambda db: [{"n": (db.q(count) or 0) + 1}])
            >>> conn.db.q("[:find (max ?n) . :where [_ :n ?n]]")
            3
        """
        from datamem.transact.resolution import resolve

        def plan(db: Db) -> TxPlan:
            tx_data = build(db)
            found = resolve(
                db,
                tx_data,
                now_us=self._clock(),
                meta=meta if tx_data else None,
                functions=self._functions,
            )
            if check is not None:
                check(db, found)
            return found

        return self.commit(plan)

    def transaction(self, meta: Mapping[Any, Any] | None = None) -> Transaction:
        """Return a transaction on a snapshot, to be used in a `with` block.

        It commits at the end of the block if nothing that was read through `tx.db` has changed since,
        which makes it serializable; `transact/conflict` otherwise.

        Example:
            >>> from datamem import connect
            >>> conn = connect()
            >>> with conn.transaction() as tx:
            ...     if tx.q('[:find ?e . :where [?e :name "Ada"]]') is None:
            ...         tx.transact([{"name": "Ada"}])
            >>> conn.db.q("[:find (count ?e) . :where [?e :name]]")
            1
        """
        from datamem.conn.transaction import Transaction

        return Transaction(self, meta)

    def in_transaction(self, work: Callable[[Transaction], T], **options: Any) -> T:
        """Call `work(tx)` in a transaction, again after each conflict; see `in_transaction` there."""
        from datamem.conn.transaction import in_transaction

        return in_transaction(self, work, **options)

    def changes_since(self, t: int) -> Iterator[tuple[int, Datoms]]:
        """Yield the transactions after `t` with their datoms; only for a plan, while it commits."""
        from datamem.conn.history import read_log

        first, recent = self._writer.recent.since(t)
        if first != t + 1:
            for entry in read_log(self._store, self.db, t + 1, first or None):
                yield entry.t, entry.columns
        yield from recent

    def commit(self, plan: Callable[[Db], Any], *, sync: bool = True) -> TxReport:
        """Commit what `plan(db)` resolves the newest value to; for layers that make their own plans.

        Args:
            sync: see `transact`.

        Raises:
            TransactError: `transact/nested` when called by a transaction function.
            StorageError: `storage/closed`, `storage/read-only`, …
        """
        self._check_writable()
        if self._guards:
            plan = _guarded(plan, [check for guard in self._guards if (check := guard())])
        try:
            return self._writer.commit(plan, is_synced=sync)
        finally:
            if self._reports:
                self._deliver()

    def now_us(self) -> int:
        """Return the connection's clock, µs since 1970."""
        return self._clock()

    def register(self, name: str, function: Callable[..., Any]) -> None:
        """Make `[name arg …]` in tx-data, or a predicate of the schema, call a Python function.

        A transaction function gets `(db, *args)` and returns tx-data. The log holds what it returned, never
        the function.
        """
        self._functions[name if name.startswith(":") else f":{name}"] = function

    def guard(self, guard: Guard) -> Callable[[], None]:
        """Let `guard` see every transaction before it is logged; return how to stop it.

        Args:
            guard: called in the thread that commits; returns what is called with the newest value and
                the plan, which returns the plan, perhaps with more facts, or raises to refuse it;
                None where it has nothing to say. It may raise as well.
        """
        self._guards.append(guard)

        def stop() -> None:
            if guard in self._guards:
                self._guards.remove(guard)

        return stop

    @property
    def functions(self) -> Mapping[str, Callable[..., Any]]:
        """The registered functions by name; read-only."""
        return MappingProxyType(self._functions)

    def embedder(self, name: str, embedder: Any = None) -> None:
        """Name what embeds the strings of attributes with `:db/embed`.

        Args:
            name: as `:db/embed {:to … :with name}` has it.
            embedder: a callable from n texts to float32[n, d], or the name of one of
                `datamem.search.embedders`; None: the one of the same name.

        Raises:
            DatamemError: `embed/unknown-embedder`, `embed/not-installed`.
        """
        from datamem.search.commit import CommitEmbedder
        from datamem.search.embedders import embedder as embedder_named

        if embedder is None or isinstance(embedder, str):
            embedder = embedder_named(embedder or name)
        by_name: Any = self._functions.setdefault(EMBED, CommitEmbedder())
        by_name.add(name, embedder)

    def _note_model(self, attribute: Attribute, model: str) -> None:
        """Remember, on a vector attribute, the model that makes its vectors."""
        self.transact([{":db/ident": attribute.ident, ":db.embed/model": model}])

    def listen(self, callback: Callable[[TxReport], Any]) -> Callable[[], None]:
        """Call `callback(report)` after every commit of this connection; return how to stop it.

        Each report comes once, in the order of t, in one of the threads that commit; a callback may
        transact. An exception in a callback is logged (logger "datamem") and harms nobody.
        """
        self._listeners.append(callback)
        self._writer.on_commit = self._reports.extend

        def stop() -> None:
            if callback in self._listeners:
                self._listeners.remove(callback)

        return stop

    def _deliver(self) -> None:
        while self._reports and self._delivery.acquire(blocking=False):
            try:
                while self._reports:
                    report = self._reports.popleft()
                    if report.t > self._delivered_t:
                        self._delivered_t = report.t
                        self._call_listeners(report)
            finally:
                self._delivery.release()

    def _call_listeners(self, report: TxReport) -> None:
        for callback in tuple(self._listeners):
            try:
                callback(report)
            except Exception:
                _logger.exception("a listener failed on transaction %s", report.t)

    # The database as a whole

    def refresh(self) -> Db:
        """Take in what the writing process has committed since; return the value now.

        For a database that is open read-only; one that writes is always up to date.

        Raises:
            StorageError: `storage/log-rewound` if the writer crashed and lost what was read.
        """
        if self._is_read_only:
            self._writer.alone(self._writer.catch_up)
        return self.db

    def compact(self) -> None:
        """Merge the whole index into one level and publish it; queries then read least."""
        self._check_writable()

        def work() -> None:
            writer = self._writer
            index = writer.compactor.compact(freeze(writer.state.db.index))
            writer.set_index(index)
            if writer.publisher is not None:
                writer.publish_root()

        self._writer.alone(work)

    @property
    def _is_read_only(self) -> bool:
        return self._writer.publisher is None and self.path is not None

    def _check_writable(self) -> None:
        if self._is_read_only:
            raise StorageError(
                "the database is open for reading",
                code="storage/read-only",
                hint="connect without read_only, where no other process writes",
            )

    def sync(self) -> None:
        """Make every commit so far durable, whatever the fsync policy."""
        self._store.sync()

    def copy(self, path: str | Path) -> Path:
        """Write a consistent copy of the database into a new directory, while it stays open.

        Raises:
            StorageError: `storage/exists` if something is at `path`.
        """
        target = Path(path)
        state = self._writer.state
        self._store.copy_to(target, state.entry_count)
        return target

    def fork(
        self, path: str | Path | None = None, as_of: int | datetime | None = None
    ) -> Connection:
        """Return a writable branch that shares what came before; this database does not change.

        A branch in memory reads the shared part of its log from here: `log` and `copy` of the branch
        need this connection open, all else does not. Registered functions go with it.

        Args:
            path: a new directory for it; None keeps the branch in memory.
            as_of: branch off after this t, transaction or instant; None: now.

        Cost: microseconds in memory for the present; a copy of the log in a directory.
        """
        from datamem.conn.connect import open_branch
        from datamem.conn.fork import fork_state
        from datamem.conn.history import entry_at

        state = self._writer.state
        t = state.db.basis_t
        if as_of is not None:
            t = max(min(t_of_point(state.db, as_of), t), 1)
        if path is None:
            store, forked = fork_state(self._store, state, t)
            writer = Writer(store, forked.db.heap, forked, Compactor(Packs()), None)
            branch = Connection(store, writer, path=None, clock=self._clock)
        else:
            self._store.copy_to(Path(path), entry_at(self._store, t)[0])
            branch = open_branch(Path(path), self._clock)
        branch._functions.update(self._functions)  # noqa: SLF001 - of the same class
        return branch

    def load(self, columns: Mapping[str, Any]) -> LoadReport:
        """Add one new entity per row from columns: numpy, Arrow, pandas, polars or lists.

        Args:
            columns: attribute to its values, all of one length; None, NaN and NaT are no datom. The
                attributes must be declared.

        Returns:
            which entities the rows became. A large load takes several transactions, each whole or not at
            all; a failure leaves the earlier ones.
        """
        from datamem.conn.load import LoadReport, plans

        embed: Any = self._functions.get(EMBED)
        if embed is not None:
            columns = embed.columns(self.db, columns, self._note_model)
        first: TxReport | None = None
        report, datom_count = None, 0
        for plan in plans(columns, self._clock):
            report = self.commit(plan)
            first = first or report
            datom_count += report.datom_count
        if first is None or report is None:
            return LoadReport(self.db.next_entity, 0, 0, self.db.basis_t, self.db.basis_t)
        entity = first.db_before.next_entity
        rows = first.db_after.next_entity - entity
        return LoadReport(entity, rows, datom_count, first.t, report.t)

    def stats(self) -> dict[str, Any]:
        """Return counts and sizes of the database, for people and monitoring."""
        from datamem.conn.stats import stats_of

        return stats_of(self, self._writer)

    def close(self) -> None:
        """Publish what a quick reopening needs and release the directory; twice is no harm.

        Database values that were taken before can still be read.
        """
        try:
            self._writer.close(needs_root=self.root_error is not None)
        except TransactError:  # by a transaction function, which goes on
            raise
        except BaseException:
            self._store.close()
            raise
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _guarded(
    plan: Callable[[Db], Any], checks: Sequence[Callable[[Db, TxPlan], TxPlan]]
) -> Callable[[Db], Any]:
    """Return a planning function whose plan the checks have seen, in turn."""

    def guarded(db: Db) -> Any:
        found = plan(db)
        for check in checks:
            found = check(db, found)
        return found

    return guarded
