"""Tools: functions that agents may call, and which agent may call which."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from datamem.memory.collections.agents import AgentCollection
from datamem.memory.records.record import Record

if TYPE_CHECKING:
    from datamem.db import Db


class Tools(AgentCollection):
    """Definitions of tools."""

    kind = "tool"

    def create(
        self,
        name: str,
        *,
        agents: Iterable[Any] = (),
        id: Any = None,  # noqa: A002 - as its attribute
        **options: Any,
    ) -> Record:
        """Add a tool.

        Args:
            name: what an agent calls it by.
            agents: who may call it.
            id: a UUID or a name to find it by.
            **options: `description`, `json_schema` (of its parameters), `source_type`, `source_code`,
                `tags`, `metadata` (JSON).
        """
        known = {"name": name, "agents": list(agents) or None, "created_at": self.ctx.now()}
        return self._create(id, {**known, **options})

    def of_agent(self, agent: Any, *, db: Db | None = None) -> builtins.list[Record]:
        """Return the tools that an agent may call, by name."""
        return sorted(super().of_agent(agent, db=db), key=lambda tool: str(tool.name))
