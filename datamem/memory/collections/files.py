"""Files: snapshots of their text, stored when it changed, and what changed between two instants."""

from __future__ import annotations

import builtins
import difflib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from datamem.index.sets import ascending
from datamem.index.words import us_of_instant
from datamem.memory.collections.collection import Collection
from datamem.memory.memories.adding import digest_of
from datamem.memory.records.context import Forms, new_id, present
from datamem.memory.records.kinds import get
from datamem.memory.records.record import Record

if TYPE_CHECKING:
    from datamem.db import Db


class Files(Collection):
    """Snapshots of files, by path."""

    kind = "file-snapshot"
    ordered_by = "timestamp"

    def snapshot(
        self,
        path: str,
        content: str,
        *,
        session: Any = None,
        project: Any = None,
        at: datetime | None = None,
    ) -> Record:
        """Keep the text of a file, unless it is what the newest snapshot of the path has.

        Args:
            session, project: where it was taken.
            at: when it had this text; None: now.

        Returns:
            the snapshot; `is_new` tells whether the file had changed. A text that any snapshot had before
            takes no more space.
        """
        digest = digest_of(content)
        known: builtins.list[int] = []

        def build(db: Db) -> Forms:
            when = self.ctx.now() if at is None else at
            owner = None if project is None else get(db, "project", project)
            newest = newest_snapshot(db, path, us_of_instant(_utc(when)), owner)
            digest_attribute = db.schema.require(":file-snapshot/hash")
            word = db.encode(digest_attribute, digest)
            known[:] = []
            if newest is not None and db.words(newest, digest_attribute.id) == [word]:
                known[:] = [newest]
                return []
            form = {
                ":db/id": "new",
                ":file-snapshot/id": new_id(),
                **self.ctx.owners(self.kind),
                ":file-snapshot/session": None
                if session is None
                else get(db, "session", session),
                ":file-snapshot/project": owner,
                ":file-snapshot/path": path,
                ":file-snapshot/content": content,
                ":file-snapshot/hash": digest,
                ":file-snapshot/timestamp": when,
            }
            return [present(form)]

        report = self.ctx.update(build)
        if known:
            return self._record(report, known[0])
        return self._record(report, report.tempids["new"], is_new=True)

    def at(
        self,
        path: str,
        when: datetime | None = None,
        *,
        project: Any = None,
        db: Db | None = None,
    ) -> Record | None:
        """Return the snapshot of a path that was newest at an instant, or None; None: now."""
        seen = self.ctx.seen(db)
        when_us = self.ctx.now_us() if when is None else us_of_instant(_utc(when))
        owner = None if project is None else get(seen, "project", project)
        found = newest_snapshot(seen, path, when_us, owner)
        return None if found is None else self.ctx.record(seen, found, self.kind)

    def versions(self, path: str, *, db: Db | None = None) -> builtins.list[Record]:
        """Return the snapshots of a path, oldest first."""
        seen = self.ctx.seen(db)
        return [self.ctx.record(seen, e, self.kind) for e, _ in _snapshots(seen, path)]

    def diff(
        self, path: str, since: datetime, until: datetime | None = None, *, project: Any = None
    ) -> str:
        """Return what changed in a file between two instants, as a unified diff; "" for nothing.

        A file that had no snapshot at an instant was empty then.
        """
        before = self.at(path, since, project=project)
        after = self.at(path, until, project=project)
        lines = [
            [] if one is None else one.content.splitlines(keepends=True)
            for one in (before, after)
        ]
        names = [_title(path, one) for one in (before, after)]
        return "".join(_ended(difflib.unified_diff(*lines, *names)))

    def changed(
        self, since: datetime, until: datetime | None = None, *, project: Any = None
    ) -> dict[str, str]:
        """Return the paths that changed between two instants: "added" or "modified" each."""
        seen = self.ctx.view()
        attribute = seen.schema.require(":file-snapshot/timestamp")
        low = us_of_instant(_utc(since)) + 1
        high = None if until is None else us_of_instant(_utc(until))
        found: dict[str, str] = {}
        for e in ascending(seen.value_range(attribute.id, low, high).e).tolist():
            snapshot = self.ctx.record(seen, e, self.kind)
            before = self.at(snapshot.path, since, project=project)
            after = self.at(snapshot.path, until, project=project)
            if after is not None and (before is None or before.hash != after.hash):
                found[snapshot.path] = "added" if before is None else "modified"
        return dict(sorted(found.items()))


def _utc(when: datetime) -> datetime:
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _snapshots(db: Db, path: str) -> list[tuple[int, int]]:
    """Return (entity, instant in µs) of the snapshots of a path, oldest first."""
    attribute = db.schema.require(":file-snapshot/path")
    word = db.encode(attribute, attribute.check(path))
    if word is None:
        return []
    e = ascending(db.rows(a=attribute.id, v=word).e)
    rows = db.lookup_many(db.schema.require(":file-snapshot/timestamp").id, e)
    order = np.lexsort((rows.e, rows.v))
    return list(zip(rows.e[order].tolist(), rows.v[order].tolist(), strict=True))


def newest_snapshot(db: Db, path: str, when_us: int, project: int | None) -> int | None:
    """Return the last snapshot of a path not later than an instant, of one project or of any."""
    of_project = db.schema.require(":file-snapshot/project").id
    for e, at_us in reversed(_snapshots(db, path)):
        if at_us <= when_us and (project is None or db.words(e, of_project) == [project]):
            return e
    return None


def _title(path: str, snapshot: Record | None) -> str:
    return (
        f"{path} {snapshot.timestamp:%Y-%m-%dT%H:%M:%SZ}"
        if snapshot is not None
        else "/dev/null"
    )


def _ended(lines: Any) -> Any:
    """Yield lines that each end, saying so of those that did not."""
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
