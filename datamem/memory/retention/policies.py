"""Retention: policies, kept as data, of what is purged, archived and evicted, and their execution."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from datamem.errors import DatamemError
from datamem.memory.records.context import Context, Forms, keyword, keywords, present
from datamem.memory.records.record import Record
from datamem.memory.retention.archive import Archive
from datamem.memory.retention.selecting import archivable, evictable, purgeable

if TYPE_CHECKING:
    from datamem.db import Db
    from datamem.index.kernels import Int64Array


_NUMBERS: Final = (
    ":retention/older-than-hours",
    ":retention/max-memories",
    ":retention/max-bytes",
    ":retention/keep-priority",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What applying a policy did.

    Attributes:
        policy: its name; `action` is what it does.
        count: memories, or attributes of a policy about history, that it touched.
    """

    policy: str
    action: str
    count: int


class Retention:
    """Policies about memories, applied when asked: `apply()` from a timer of your own."""

    def __init__(self, context: Context) -> None:
        self.ctx = context

    def set(
        self,
        name: str,
        action: str,
        *,
        types: Iterable[str] = (),
        older_than: timedelta | None = None,
        max_memories: int | None = None,
        max_bytes: int | None = None,
        keep_priority: int | None = None,
        target: str | None = None,
        attributes: Iterable[str] = (),
        enabled: bool = True,
    ) -> Record:
        """Add or replace a policy.

        Args:
            name: which policy it is, in the scope.
            action: "purge" retracts what has expired, or was forgotten; "archive" moves the memories of
                archived sessions, and with `older_than` old ones, to another database; "evict" forgets (with
                a target, archives) what has the least priority and strength while there is too much;
                "no-history" lets attributes forget their past values.
            types: of the memories it is about; none: all.
            older_than: purge only what expired or was forgotten so long ago; archive what is so old.
            max_memories, max_bytes: of "evict": how many, and how long in UTF-8, may be remembered.
            keep_priority: of "evict": memories of this priority and above always stay.
            target: of "archive" and "evict": directory of the other database.
            attributes: of "no-history".
            enabled: whether `apply` does anything.

        Raises:
            DatamemError: `retention/incomplete` where the action needs more than is said.
        """
        if action == "archive" and target is None:
            raise _incomplete(action, "target")
        if action == "evict" and max_memories is None and max_bytes is None:
            raise _incomplete(action, "max_memories or max_bytes")
        hours = None if older_than is None else older_than / timedelta(hours=1)
        numbers = (hours, max_memories, max_bytes, keep_priority)
        facts = {
            ":retention/action": keyword(action),
            ":retention/types": keywords(types) or None,
            ":retention/attributes": keywords(attributes) or None,
            **dict(zip(_NUMBERS, numbers, strict=True)),
            ":retention/target": target,
            ":retention/enabled?": enabled,
        }
        return self._replace(name, present(facts))

    def _replace(self, name: str, facts: dict[str, Any]) -> Record:
        def build(db: Db) -> Forms:
            known = find_policy(db, name)
            gone: Forms = [] if known is None else [[":db/retractEntity", known]]
            owner = self.ctx.owners("retention", ("organization",))
            return [
                *gone,
                {":db/id": "new", ":retention/name": name, **owner, **present(facts)},
            ]

        report = self.ctx.update(build)
        db = self.ctx.within(report.db_after)
        return self.ctx.record(db, report.tempids["new"], "retention", is_new=True)

    def list(self) -> builtins.list[Record]:
        """Return the policies, by name."""
        db = self.ctx.view()
        found = db.rows(a=db.schema.require(":retention/name").id).e.tolist()
        return sorted(
            (self.ctx.record(db, e, "retention") for e in found), key=lambda one: str(one.name)
        )

    def remove(self, name: str) -> bool:
        """Remove a policy; return whether there was one."""
        found: builtins.list[int] = []

        def build(db: Db) -> Forms:
            known = find_policy(db, name)
            found[:] = [] if known is None else [known]
            return [[":db/retractEntity", e] for e in found]

        self.ctx.update(build)
        return bool(found)

    def apply(self, *names: str, dry_run: bool = False) -> builtins.list[Outcome]:
        """Do what the policies say, by name, one transaction each.

        Args:
            names: only these policies; none: all that are enabled.
            dry_run: only count.
        """
        return [
            self._apply(policy, dry_run=dry_run)
            for policy in self.list()
            if policy.is_enabled and (not names or policy.name in names)
        ]

    def _apply(self, policy: Record, *, dry_run: bool) -> Outcome:
        match policy.action:
            case ":purge":
                count = self._purge(policy, dry_run=dry_run)
            case ":archive":
                count = self._archive(policy, dry_run=dry_run)
            case ":evict":
                count = self._evict(policy, dry_run=dry_run)
            case _:
                count = self._forget_history(policy, dry_run=dry_run)
        return Outcome(policy.name, policy.action.lstrip(":"), count)

    def _purge(self, policy: Record, *, dry_run: bool) -> int:
        found: builtins.list[int] = []

        def build(db: Db) -> Forms:
            found[:] = purgeable(db, policy, self.ctx.now_us()).tolist()
            return [] if dry_run else [[":db/retractEntity", e] for e in found]

        self.ctx.update(build, why=_why(policy))
        return len(found)

    def _archive(self, policy: Record, *, dry_run: bool) -> int:
        found = archivable(self.ctx.view(), policy, self.ctx.now_us())
        return self._move(policy, found, dry_run=dry_run)

    def _evict(self, policy: Record, *, dry_run: bool) -> int:
        if policy.target is not None:
            found = evictable(self.ctx.view(), policy, self.ctx.now_us())
            return self._move(policy, found, dry_run=dry_run)
        forgotten: builtins.list[int] = []

        def build(db: Db) -> Forms:
            forgotten[:] = evictable(
                self.ctx.remembered(db), policy, self.ctx.now_us()
            ).tolist()
            now = self.ctx.now()
            marks = [[":db/add", e, ":memory/forgotten-at", now] for e in forgotten]
            return [] if dry_run else marks

        self.ctx.update(build, why=_why(policy))
        return len(forgotten)

    def _move(self, policy: Record, found: Int64Array, *, dry_run: bool) -> int:
        if len(found) and not dry_run:
            with Archive.at(self.ctx, policy.target) as archive:
                archive.put(found.tolist(), why=_why(policy))
        return len(found)

    def _forget_history(self, policy: Record, *, dry_run: bool) -> int:
        schema = self.ctx.conn.db.schema
        names = [n for n in policy.attributes if not schema.require(n).no_history]
        if names and not dry_run:
            self.ctx.transact([[":db/add", name, ":db/noHistory", True] for name in names])
        return len(names)


def find_policy(db: Db, name: str) -> int | None:
    """Return the policy of this name, or None."""
    attribute = db.schema.require(":retention/name")
    word = db.encode(attribute, attribute.check(name))
    found = np.empty(0) if word is None else db.rows(a=attribute.id, v=word).e
    return int(found[0]) if len(found) else None


def _why(policy: Record) -> str:
    return f"retention policy {policy.name}"


def _incomplete(action: str, missing: str) -> DatamemError:
    return DatamemError(
        f"a policy that is to {action} needs {missing}",
        code="retention/incomplete",
        hint=f"give {missing}",
        action=action,
    )
