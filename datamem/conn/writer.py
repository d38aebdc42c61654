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
from datamem.conn.turns import Request, Turns
from datamem.db.advance import advance, with_index
from datamem.db.database import Db
from datamem.db.report import TxReport
from datamem.errors import StorageError
from datamem.index.compaction import Compactor
from datamem.index.heap import Heap
from datamem.index.record import encode_transaction
from datamem.schema.schema import Schema
from datamem.txlog.chain import SEED_BYTES
from datamem.txlog.store import Store

GROUP_MOST = 256
CLOSE_ROWS = 4_096
Resolve = Callable[[Db], Any]
"""From the newest value to a plan (`datamem.transact`), or an error that refuses the transaction."""

_NOTHING: tuple[tuple[int, ...], ...] = ((), (), (), ())
_logger = logging.getLogger("datamem")


@dataclass(slots=True)
class State:
    """What is committed and where the log stands.

    Attributes:
        db: the value that readers get.
        digest: the chain's digest after it.
        entry_count: entries in the log.
        unrooted_rows: datoms that no published index root holds.
    """

    db: Db
    digest: bytes
    entry_count: int
    unrooted_rows: int = 0


class Commit(Request):
    """One transaction to be, and what came of it; `is_alone` work is no transaction."""

    __slots__ = ("error", "is_alone", "report", "work")

    def __init__(self, work: Callable[..., Any], *, is_alone: bool = False) -> None:
        super().__init__()
        self.work = work
        self.is_alone = is_alone
        self.report: Any = None
        self.error: BaseException | None = None

    def fail(self, error: BaseException) -> None:
        """Record why there is no report."""
        self.report, self.error = None, error


@dataclass(slots=True)
class _Group:
    """What a group has become so far, not visible to anybody."""

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
        self._heap = heap
        self._turns: Turns[Commit] = Turns(self._work, most=GROUP_MOST)
        self._note_schema(state.db.schema)

    def commit(self, resolve: Resolve) -> TxReport:
        """Commit one transaction; returns when the log has it, synced as the policy says.

        Raises:
            DatamemError: what `resolve` or the store refuses; nothing has changed then.
        """
        report: TxReport = self._submit(Commit(resolve))
        return report

    def alone(self, work: Callable[[], Any]) -> Any:
        """Call `work()` while nobody commits, and return what it returns."""
        return self._submit(Commit(work, is_alone=True))

    def _submit(self, request: Commit) -> Any:
        self._turns.submit(request)
        if request.error is not None:
            raise request.error
        return request.report

    def _work(self, requests: list[Commit]) -> None:
        """Do what a group asks for; work to be done alone cuts the group in two."""
        run: list[Commit] = []
        for request in requests:
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
        before = self.state
        group = _Group(before.db, before.digest)
        try:
            for request in requests:
                self._resolve(request, group)
            self._append(before.entry_count + 1, group.entries)
        except BaseException as error:
            if self.store.head() == before.entry_count:
                self._take_back(before, group, error)
            else:
                self._publish(before, group)
            if not isinstance(error, Exception):
                raise
        else:
            self._publish(before, group)
        for request in requests:
            request.is_done = True
        if group.entries and self.state is not before:
            self._maintain(group.row_count)

    def _resolve(self, request: Commit, group: _Group) -> None:
        """Resolve a request against the group's value so far and advance it."""
        db = group.db
        try:
            plan = request.work(db)
        except Exception as error:  # noqa: BLE001 - handed to the thread that asked
            request.fail(error)
            return
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
        group.entries.append(entry)
        group.members.append(request)
        after = advance(db, plan)
        request.report = TxReport(db, after, plan.tempids, plan.t, datoms)
        group.db, group.digest = after, digest
        group.row_count += len(plan.e)

    def _append(self, n: int, entries: list[bytes]) -> None:
        if len(entries) == 1:
            self.store.append(n, entries[0])
        elif entries:
            self.store.append_many(n, entries)

    def _publish(self, before: State, group: _Group) -> None:
        """Make the group's value the one that readers get."""
        if group.db is before.db:
            return
        self.state = State(
            group.db,
            group.digest,
            before.entry_count + len(group.entries),
            before.unrooted_rows + group.row_count,
        )
        if group.db.schema is not before.db.schema:
            self._note_schema(group.db.schema)

    def _take_back(self, before: State, group: _Group, error: BaseException) -> None:
        """Undo a group that is not in the log."""
        for request in group.members:
            request.fail(error)
        db = before.db
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
        try:
            self.set_index(self.compactor.after_commit(self.state.db.index, row_count))
            if self.publisher is not None and self.publisher.is_due(self.state.unrooted_rows):
                self.publish_root()
            self.maintenance_error = None
        except Exception as error:  # noqa: BLE001 - told by `stats` and `check`
            self.maintenance_error = error
            _logger.warning("index maintenance failed, commits go on: %s", error)

    def set_index(self, index: Any) -> None:
        """Put another index with the same datoms under the newest value; only alone."""
        db = self.state.db
        if index is not db.index:
            self.state = replace(self.state, db=with_index(db, index))

    def publish_root(self) -> None:
        """Write an index root, so that opening replays only what comes after; only alone."""
        assert self.publisher is not None
        state = self.state
        index = self.publisher.publish(
            state.db, state.digest, state.entry_count, self.compactor
        )
        self.set_index(index)
        self.state = replace(self.state, entry_count=state.entry_count + 1, unrooted_rows=0)

    def close(self) -> None:
        """Publish a root if opening would have much to replay; a failure only costs that time."""
        if self.is_closed:
            return
        self.is_closed = True
        if self.publisher is not None and self.state.unrooted_rows >= CLOSE_ROWS:
            try:
                self.alone(self.publish_root)
            except StorageError as error:
                _logger.warning("no index root at close: %s", error)
