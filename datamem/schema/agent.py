"""The schema of an agent's memory that ships with the package, as text and as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from datamem.edn import Keyword, read
from datamem.schema.schema import Schema

_PACKAGE: Final = Path(__file__).resolve().parents[1]
_ONE: Final = {Keyword(":db/cardinality"): Keyword(":db.cardinality/one")}


@cache
def agent_schema_text() -> str:
    """Return `schemas/agent_schema.edn`, from the wheel or from the checkout."""
    shipped = _PACKAGE / "_schemas" / "agent_schema.edn"
    checkout = _PACKAGE.parent / "schemas" / "agent_schema.edn"
    return (shipped if shipped.exists() else checkout).read_text(encoding="utf-8")


@cache
def agent_schema() -> dict[Keyword, dict[Keyword, Any]]:
    """Return the agent schema as data: attribute or spec to description; not to be changed."""
    schema: dict[Keyword, dict[Keyword, Any]] = read(agent_schema_text())
    return schema


def missing_definitions(
    known: Schema, names: Iterable[Keyword] | None = None
) -> list[dict[Keyword, Any]]:
    """Return tx-data that declares what the agent schema names and `known` lacks.

    Args:
        names: only these attributes and specs, as far as the agent schema has them; None: all.
    """
    shipped = agent_schema()
    return [
        {Keyword(":db/ident"): name, **_definition(shipped[name])}
        for name in (shipped if names is None else names)
        if name in shipped and known.entity_id(name) is None
    ]


def _definition(description: Mapping[Keyword, Any]) -> dict[Keyword, Any]:
    is_spec = any(name.startswith(":db.entity/") for name in description)
    return dict(description) if is_spec else {**_ONE, **description}
