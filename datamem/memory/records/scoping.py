"""Narrowing a scope: from names of owners to the entities that they are."""

from __future__ import annotations

from typing import Any

from datamem.errors import DatamemError
from datamem.memory.records.context import Context
from datamem.memory.records.kinds import find, get
from datamem.memory.scope.owners import DIMENSIONS


def narrowed(context: Context, *, make: bool = False, **owners: Any) -> Context:
    """Return a context that sees and writes only what belongs to the owners.

    Args:
        make: make an organisation that does not exist.
        **owners: `organization`, `app`, `user`, `agent`, `session`; None says nothing.

    Raises:
        DatamemError: `scope/wider` where the scope has another owner already, `memory/unknown`.
    """
    scope = context.scope
    for dimension in DIMENSIONS:
        owner = owners.get(dimension)
        if owner is None:
            continue
        if make and dimension == "organization" and find(context.db, dimension, owner) is None:
            form = {":organization/id": owner, ":organization/name": owner}
            context.transact([{**form, ":organization/created-at": context.now()}])
        wanted = owner if dimension == "app" else get(context.db, dimension, owner)
        if getattr(scope, dimension) not in {None, wanted}:
            raise DatamemError(
                f"the scope has another {dimension} already",
                code="scope/wider",
                hint="a scope can be narrowed, never widened: start from the whole memory",
                dimension=dimension,
            )
        scope = scope.with_owner(dimension, wanted)
    return Context(context.conn, scope, context.embedder)
