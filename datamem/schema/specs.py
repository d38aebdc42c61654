"""Entity specs: which attributes and predicates an entity of a kind must satisfy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datamem.edn import Keyword
    from datamem.schema.facts import Facts


@dataclass(frozen=True, slots=True)
class EntitySpec:
    """What an entity of a kind must have when a transaction is done with it.

    Attributes:
        id: its entity, in the attribute partition.
        ident: its name, for `:db/ensure`.
        attrs: attributes that the entity must have; their defaults are filled in when it is new.
        preds: names of registered functions of (db after, entity id) that must return true.
        kinds: attributes whose presence makes the spec apply by itself.
    """

    id: int
    ident: Keyword
    attrs: tuple[Keyword, ...] = ()
    preds: tuple[Keyword, ...] = ()
    kinds: tuple[Keyword, ...] = ()


def spec_of_facts(entity_id: int, facts: Facts) -> EntitySpec:
    """Return the spec that these facts describe; names are kept in alphabetical order."""
    return EntitySpec(
        id=entity_id,
        ident=facts[":db/ident"],
        attrs=tuple(sorted(facts.get(":db.entity/attrs", ()))),
        preds=tuple(sorted(facts.get(":db.entity/preds", ()))),
        kinds=tuple(sorted(facts.get(":db.entity/kind", ()))),
    )


def facts_of_spec(spec: EntitySpec) -> dict[str, Any]:
    """Return what a schema file says of the spec, without ident."""
    facts = {
        ":db.entity/attrs": list(spec.attrs),
        ":db.entity/preds": list(spec.preds),
        ":db.entity/kind": list(spec.kinds),
    }
    return {name: items for name, items in facts.items() if items}
