"""Collections whose things stand in agents' contexts: blocks and tools."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

from datamem.memory.collections.collection import Collection
from datamem.memory.records.kinds import get
from datamem.memory.records.record import Record

if TYPE_CHECKING:
    from datamem.db import Db


class AgentCollection(Collection):
    """Entities of one kind that agents have."""

    def attach(self, ref: Any, agent: Any) -> Record:
        """Give one to an agent."""
        return self._linked(":db/add", ref, agent)

    def detach(self, ref: Any, agent: Any) -> Record:
        """Take one from an agent."""
        return self._linked(":db/retract", ref, agent)

    def of_agent(self, agent: Any, *, db: Db | None = None) -> builtins.list[Record]:
        """Return those that an agent has, newest first."""
        return self.list(agents=[agent], db=db)

    def _linked(self, operation: str, ref: Any, agent: Any) -> Record:
        def build(db: Db) -> builtins.list[Any]:
            agents = f":{self.kind}/agents"
            return [[operation, get(db, self.kind, ref), agents, get(db, "agent", agent)]]

        return self._after(ref, self.ctx.update(build))
