"""Organisations, users, agents and projects: whose the memory is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from datamem.errors import DatamemError
from datamem.memory.collections.collection import Collection, exists_error
from datamem.memory.records.kinds import find
from datamem.memory.records.record import Record

if TYPE_CHECKING:
    from datetime import datetime

    from datamem.db import Db


class Organizations(Collection):
    """Tenants: what belongs to one is not seen by another."""

    kind = "organization"
    spec = ":table/organizations"

    def create(self, id: str, *, name: str | None = None) -> Record:  # noqa: A002 - as its attribute
        """Add an organisation; `id` names it everywhere."""

        def build(db: Db) -> list[Any]:
            if find(db, "organization", id) is not None:
                raise exists_error("organization", id)
            form = {":organization/id": id, ":organization/name": name or id}
            return [{":db/id": "new", **form, ":db/ensure": self.spec}]

        report = self.ctx.update(build)
        return self._record(report, report.tempids["new"], is_new=True)


class Users(Collection):
    """People that agents talk with."""

    kind = "user"

    def create(self, name: str, *, id: Any = None, **options: Any) -> Record:  # noqa: A002
        """Add a user.

        Args:
            name: what they are called.
            id: a UUID or a name to find them by; None makes a UUID.
            **options: `email`, `timezone` (an IANA name), `status`, `profile` and `preferences_doc` (JSON),
                `auth_subject`: who they are to whoever authenticates them. There is no password.

        Raises:
            DatamemError: `memory/exists`, `user/bad-timezone`.
        """
        _check_timezone(options.get("timezone"))
        known = {"timezone": "UTC", "status": "active", "created_at": self.ctx.now(), **options}
        return self._create(id, {"name": name, **known})

    def update(self, ref: Any, *, why: str | None = None, **changes: Any) -> Record:
        """Change what is known of a user; None takes it away."""
        _check_timezone(changes.get("timezone"))
        return super().update(ref, why=why, **changes)

    def local_time(self, ref: Any, instant: datetime) -> datetime:
        """Return an instant as the user's clock on the wall shows it."""
        user = self.get(ref)
        zone = (user.timezone if user is not None else None) or "UTC"
        return instant.astimezone(ZoneInfo(zone))


def _check_timezone(name: str | None) -> None:
    if name is None:
        return
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise DatamemError(
            f"{name!r} is not the name of a time zone",
            code="user/bad-timezone",
            hint="give an IANA name such as Asia/Bangkok",
            timezone=name,
        ) from error


class Agents(Collection):
    """AI systems and their configuration."""

    kind = "agent"

    def create(self, name: str, *, id: Any = None, **options: Any) -> Record:  # noqa: A002
        """Add an agent.

        Args:
            name: what it is called.
            id: a UUID or a name to find it by; None makes a UUID.
            **options: `system_prompt`, `description`, `type`, `topic`, `config` (EDN text), and JSON:
                `llm_config`, `embedding_config`, `tool_rules`, `mcp_tools`, `metadata`.
        """
        return self._create(id, {"name": name, "created_at": self.ctx.now(), **options})


class Projects(Collection):
    """Boundaries of work."""

    kind = "project"

    def create(self, name: str, *, user: Any = None, id: Any = None, **options: Any) -> Record:  # noqa: A002
        """Add a project.

        Args:
            name: what it is called.
            user: whose it is.
            id: a UUID or a name to find it by; None makes a UUID.
            **options: `description`, `path`, `root_files`, `config` (EDN text).
        """
        known = {"name": name, "user": user, "created_at": self.ctx.now()}
        return self._create(id, {**known, **options})
