"""The writing side of a connection: resolve, log, apply, publish; one thread at a time.

A group of requests becomes one write to the log and one sync. Every request is resolved against the
value that the one before it left; nothing of it is visible until the log has the whole group, and a
group that the log refuses is taken back from novelty and heap.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from datamem.clock import random_bytes
from datamem.conn.publish import Publisher
from datamem.conn.recent import Recent
from datamem.conn.recover import catch_up
from datamem.conn.state import State
from datamem.conn.turns import Request, Turns
from datamem.db.advance import advance, with_index
from datamem.db.database import Db
from datamem.db.report import TxReport
from datamem.errors import StorageError
from datamem.index.compaction import Compactor
from datamem.index.freeze import freeze
from datamem.index.heap import Heap
from datamem.index.record import encode_transaction
from datamem.schema.schema import Schema
from datamem.txlog.chain import SEED_BYTES
from datamem.txlog.store import Store, check_entry_size, closed_error

GROUP_MOST = 256
CLOSE_ROWS = 4_096
Resolve = Callable[[Db], Any]
"""From the newest value to a plan (`datamem.transact`), or an error that refuses the transaction."""

_NOTHING: tuple[tuple[int, ...], ...] = ((), (), (), ())
_logger = logging.getLogger("datamem")


class Commit(Request):
    """One transaction to be, and what came of it; `is_alone` work is no transaction."""

    __slots__ = ("error", "is_alone", "is_synced", "report", "work")

    def __init__(
        self, work: Callable[..., Any], *, is_alone: bool = False, is_synced: bool = True
    ) -> None:
        super().__init__()
        self.work = work
        self.is_alone = is_alone
        self.is_synced = is_synced
        self.report: Any = None
        self.error: BaseException | None = None

    def fail(self, error: BaseException) -> None:
        """Record why there is no report."""
        self.report, self.error = None, error


@dataclass(slots=True)
class _Group:
    """What a group has become so far, not visible to anybody.

    Attributes:
        before: the state it started from.
        head: the log's newest entry then.
        requests: all of them; `members` are those with an entry, in its order.
    """

    before: State
    head: int
    requests: list[Commit]
    db: Db
    digest: bytes
    entries: list[bytes] = field(default_factory=list)
    members: list[Commit] = field(default_factory=list)
    row_count: int = 0


class Writer:
    """Commits transactions in groups and keeps the index in shape; owns novelty and heap."""

    def __init__(
        self,
        store: Store,
        heap: Heap,
        state: State,
        compactor: Compactor,
        publisher: Publisher | None,
    ) -> None:
        self.state = state
        self.store = store
        self.compactor = compactor
        self.publisher = publisher
        self.maintenance_error: Exception | None = None
        """Why the last merge or index root failed, if it did; commits go on without."""
        self.is_closed = False
        self.on_commit: Callable[[list[TxReport]], None] | None = None
        """Called with the reports of each group as it becomes visible; perhaps twice, if interrupted."""
        self.recent = Recent()
        """What the newest transactions changed; those of a group that is not visible yet included."""
        self._heap = heap
        self._group: _Group | None = None
        self._turns: Turns[Commit] = Turns(self._work, most=GROUP_MOST)
        self._note_schema(state.db.schema)

    def commit(self, resolve: Resolve, *, is_synced: bool = True) -> TxReport:
        """Commit one transaction; returns when the log has it, synced as the policy says.

        A group is synced if any of its members is to be.

        Raises:
            DatamemError: what `resolve` or the store refuses; nothing has changed then.
        """
        report: TxReport = self._submit(Commit(resolve, is_synced=is_synced))
        return report

    def alone(self, work: Callable[[], Any]) -> Any:
        """Call `work()` while nobody commits, and return what it returns."""
        return self._submit(Commit(work, is_alone=True))

    def _submit(self, request: Commit) -> Any:
        if self.is_closed:
            raise closed_error()
        self._turns.submit(request)
        if request.error is not None:
            raise request.error
        return request.report

    def _work(self, requests: list[Commit]) -> None:
        """Do what a group asks for; work to be done alone cuts the group in two."""
        self._settle(None)
        run: list[Commit] = []
        for request in requests:
            if request.is_done:
                continue
            if not request.is_alone:
                run.append(request)
                continue
            self._commit_group(run)
            run = []
            try:
                request.report = request.work()
            except Exception as error:  # noqa: BLE001 - handed to the thread that asked
                request.fail(error)
            request.is_done = True
        self._commit_group(run)

    def _commit_group(self, requests: list[Commit]) -> None:
        if not requests:
            return
        state = self.state
        group = _Group(state, self.store.head(), requests, state.db, state.digest)
        try:
            self._group = group
            for request in requests:
                self._resolve(request, group)
            self._append(group)
            self._publish(group)
        except BaseException as error:
            self._settle(error)
            if not isinstance(error, Exception):
                raise
        if group.entries and self.state is not state:
            self._maintain(group.row_count)

    def _resolve(self, request: Commit, group: _Group) -> None:
        """Resolve a request against the group's value so far and advance it."""
        request.error, db = None, group.db
        try:
            plan = request.work(db)
            if plan.empty:
                request.report = TxReport(db, db, plan.tempids, db.basis_t, _NOTHING)  # type: ignore[arg-type]
                return
            datoms = (plan.e, plan.a, plan.v, plan.added)
            counters = (plan.next_entity, plan.next_attribute, db.heap_size)
            entry, digest = encode_transaction(
                group.digest,
                (plan.t, plan.instant_us, *counters),
                random_bytes(SEED_BYTES),
                plan.new_values,
                datoms,
            )
            check_entry_size(entry)
        except Exception as error:  # noqa: BLE001 - handed to the thread that asked
            request.fail(error)
            return
        group.entries.append(entry)
        group.members.append(request)
        after = advance(db, plan)
        self.recent.add(plan.t, datoms)
        request.report = TxReport(db, after, plan.tempids, plan.t, datoms)
        group.db, group.digest = after, digest
        group.row_count += len(plan.e)

    def _append(self, group: _Group) -> None:
        n, entries = group.head + 1, group.entries
        if not entries:
            return
        if not any(request.is_synced for request in group.members):
            self.store.append_many(n, entries, is_synced=False)
        elif len(entries) == 1:
            self.store.append(n, entries[0])
        else:
            self.store.append_many(n, entries)

    def _publish(self, group: _Group) -> None:
        """Make the group's value the one that readers get, and its requests done."""
        before = group.before
        if group.entries and self.state is before:
            if group.db.schema is not before.db.schema:
                self._note_schema(group.db.schema)
            self.state = State(
                group.db,
                group.digest,
                group.head + len(group.entries),
                before.unrooted_rows + group.row_count,
            )
            self.recent.forget()
        if self.on_commit is not None and group.members:
            self.on_commit([request.report for request in group.members])
        for request in group.requests:
            request.is_done = True
        self._group = None

    def _settle(self, error: BaseException | None) -> None:
        """End a group that did not come to its end: it is in the log, whole, or it never was.

        After an interrupt the requests that are not in the log are open again; after any other
        error they are refused with it.
        """
        group = self._group
        if group is None:
            return
        if group.entries and self.store.head() > group.head:
            self._publish(group)
            return
        self._take_back(group.before.db)
        if isinstance(error, Exception):
            for request in group.requests:
                if request.error is None:
                    request.fail(error)
                request.is_done = True
        self._group = None

    def _take_back(self, db: Db) -> None:
        """Undo in memory everything after `db`."""
        self.recent.take_back(db.basis_t)
        if db.index.layers:
            layer = db.index.layers[-1]
            layer.novelty.undo(layer.row_count, layer.tomb_count, db.newest_tx)
        self._heap.truncate(db.heap_size)

    def _note_schema(self, schema: Schema) -> None:
        forgetful = [attribute.id for attribute in schema if attribute.no_history]
        self.compactor.forgetful = np.array(forgetful, np.int64)

    def _maintain(self, row_count: int) -> None:
        """Do the merging that the commit pays for, and publish an index root when one is due.

        The commit is done whatever happens here: a full disk only puts the work off.
        """
        publisher, rows = self.publisher, self.state.unrooted_rows
        try:
            self.set_index(self.compactor.after_commit(self.state.db.index, row_count))
            if publisher is not None and publisher.is_due(rows):
                self.publish_root()
            self.maintenance_error = None
        except Exception as error:  # noqa: BLE001 - told by `stats` and `check`
            self.maintenance_error = error
            if publisher is not None:
                publisher.put_off(rows)
            _logger.warning("index maintenance failed, commits go on: %s", error)

    def set_index(self, index: Any) -> None:
        """Put another index with the same datoms under the newest value; only alone."""
        db = self.state.db
        if index is not db.index:
            self.state = replace(self.state, db=with_index(db, index))

    def publish_root(self) -> None:
        """Write an index root, so that opening replays only what comes after; only alone."""
        assert self.publisher is not None
        self.set_index(self.compactor.store(freeze(self.state.db.index)))
        self.publisher.publish(self.state.db, self.state.digest)
        self.state = replace(self.state, entry_count=self.store.head(), unrooted_rows=0)

    def catch_up(self) -> None:
        """Take in what another process has appended to the log; only alone."""
        db = self.state.db
        try:
            self.state = catch_up(self.store, self.state, self.compactor)
        except BaseException:
            self._take_back(db)
            raise

    def close(self, *, needs_root: bool = False) -> None:
        """Publish a root if opening would have much to replay; a failure only costs that time.

        Args:
            needs_root: publish one however little is new, since the log's newest cannot be used.
        """
        if not self.is_closed:
            self.alone(lambda: self._close(needs_root=needs_root))

    def _close(self, *, needs_root: bool) -> None:
        is_due = needs_root or self.state.unrooted_rows >= CLOSE_ROWS
        try:
            if self.publisher is not None and is_due:
                self.publish_root()
        except StorageError as error:
            _logger.warning("no index root at close: %s", error)
        self.compactor.packs.map_all()
        self._heap.companions.close()
        self.is_closed = True
