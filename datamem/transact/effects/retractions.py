"""Retracting entities: their components go with them, and what refers to them follows its policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datamem.transact.conflicts import Conflicts, shown

if TYPE_CHECKING:
    from datamem.transact.effects.changes import Changes
    from datamem.transact.resolved.resolved import ResolvedForms


def retract_entities(resolved: ResolvedForms, changes: Changes) -> set[int]:
    """Retract each entity with its components and with the references to it.

    A reference whose attribute says cascade takes the entity that refers along; restrict leaves the
    reference, for `check_restricted` to find; any other reference is retracted.

    Returns:
        the entities retracted, whether or not something new is asserted of them.

    Cost: one lookup a ref attribute of the schema for each entity.
    """
    schema = changes.db.schema
    retracted: set[int] = set()
    waiting = list(resolved.retract_entities)
    while waiting:
        e = waiting.pop()
        if e in retracted:
            continue
        retracted.add(e)
        for a, word in changes.db.entity_words(e):
            changes.retract_known(e, a, word)
            attribute = schema.get(a)
            if attribute is not None and attribute.component:
                waiting.append(word)
        for attribute in schema.refs:
            referrers = changes.db.referrers(e, attribute.id)
            if attribute.on_delete == "cascade":
                waiting.extend(referrers)
            elif attribute.on_delete != "restrict":
                for referrer in referrers:
                    changes.retract_known(referrer, attribute.id, e)
    return retracted


def check_references(changes: Changes, conflicts: Conflicts) -> None:
    """Note references that would be left to entities that are gone."""
    for (e, a), words in changes.asserted.items():
        attribute = changes.attribute(a)
        if attribute.value_type.name != "REF":
            continue
        for word in words:
            if word in changes.gone:
                conflicts.add(
                    "transact/refers-to-retracted",
                    f"{attribute.ident} of {e} is to be {word}, which the transaction retracts",
                    "retract the entity, or refer to it",
                    entity=e,
                    attribute=attribute.ident,
                    target=word,
                )
    if changes.gone:
        _check_restricted(changes, conflicts)


def _check_restricted(changes: Changes, conflicts: Conflicts) -> None:
    for attribute in changes.db.schema.refs:
        if attribute.on_delete != "restrict":
            continue
        for e in sorted(changes.gone):
            referrers = [
                referrer
                for referrer in changes.db.referrers(e, attribute.id)
                if e not in changes.retracted.get((referrer, attribute.id), ())
            ]
            if referrers:
                conflicts.add(
                    "transact/restricted",
                    f"entity {e} cannot be retracted: {attribute.ident} of "
                    f"{shown(referrers)} refers to it and says restrict",
                    "retract those references or entities first, or in the same transaction",
                    entity=e,
                    attribute=attribute.ident,
                    referrers=referrers,
                )
