"""Blocks: the core memory that is always in an agent's context, each within its limit."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from datamem.errors import DatamemError
from datamem.memory.collections.agents import AgentCollection
from datamem.memory.records.context import Forms
from datamem.memory.records.kinds import get
from datamem.memory.records.predicates import block_too_long
from datamem.memory.records.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from datamem.db import Db


class Blocks(AgentCollection):
    """Labelled pieces of core memory: "human", "persona" and the like.

    The limit is in characters, and the database itself refuses what is longer.
    """

    kind = "block"

    def create(
        self,
        label: str,
        value: str = "",
        *,
        limit: int = 2000,
        agents: Iterable[Any] = (),
        id: Any = None,  # noqa: A002 - as its attribute
        **options: Any,
    ) -> Record:
        """Add a block.

        Args:
            label: what the agent knows it by.
            value: its text.
            limit: most characters.
            agents: who has it in their context.
            id: a UUID or a name to find it by.
            **options: `user`, `description`, `metadata` (JSON), `template_name`, `is_template`.

        Raises:
            DatamemError: `block/too-long`.
        """
        _check_length(label, value, limit)
        known = {"label": label, "value": value, "limit": limit, "created_at": self.ctx.now()}
        return self._create(id, {**known, "agents": list(agents) or None, **options})

    def from_template(self, template: str, **options: Any) -> Record:
        """Add a block after the template of this name: its label, text, limit and description.

        Raises:
            DatamemError: `block/no-template`.
        """
        found = self.list(template_name=template, is_template=True, limit=1)
        if not found:
            raise DatamemError(
                f"there is no template {template}",
                code="block/no-template",
                hint="create a block with template_name=… and is_template=True",
                template=template,
            )
        model = found[0]
        said = {"value": model.value, "limit": model.limit, "description": model.description}
        return self.create(model.label, **{**said, "template_name": template, **options})

    def append(self, ref: Any, text: str, *, separator: str = "\n") -> Record:
        """Add text at the end of a block, on a line of its own."""
        return self._rewrite(ref, lambda value: f"{value}{separator}{text}" if value else text)

    def replace(self, ref: Any, old: str, new: str) -> Record:
        """Replace a piece of a block's text, every time it occurs.

        Raises:
            DatamemError: `block/no-such-text` if it does not occur.
        """

        def replaced(value: str) -> str:
            if not old or old not in value:
                raise DatamemError(
                    f"the block does not say {old!r}",
                    code="block/no-such-text",
                    hint="read it, or rethink the whole block",
                    text=old,
                )
            return value.replace(old, new)

        return self._rewrite(ref, replaced)

    def rethink(self, ref: Any, value: str) -> Record:
        """Give a block another text; the old one stays in its history."""
        return self._rewrite(ref, lambda _: value)

    def of_agent(self, agent: Any, *, db: Db | None = None) -> builtins.list[Record]:
        """Return the blocks in an agent's context, by label."""
        return sorted(super().of_agent(agent, db=db), key=lambda block: str(block.label))

    def _rewrite(self, ref: Any, change: Callable[[str], str]) -> Record:
        def build(db: Db) -> Forms:
            eid = get(db, "block", ref)
            block = db.entity(eid)
            assert block is not None
            value = change(block[":block/value"])
            _check_length(str(block[":block/label"]), value, block[":block/limit"])
            return [[":db/add", eid, ":block/value", value]]

        return self._after(ref, self.ctx.update(build))


def _check_length(label: str, value: str, limit: int) -> None:
    """Refuse what the database would refuse, with the same code but alone."""
    if len(value) > limit:
        raise block_too_long(label, len(value), limit)
