"""Uniqueness, checked on the final state: values may be handed over and swapped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datamem.transact.conflicts import Conflicts, shown

if TYPE_CHECKING:
    from datamem.schema import Attribute
    from datamem.transact.effects.changes import Changes


def check_unique(changes: Changes, conflicts: Conflicts) -> None:
    """Note every unique value that two entities would have; a tuple with nil in it is nobody's."""
    owners: dict[tuple[int, int], int] = {}
    for (e, a), words in changes.asserted.items():
        attribute = changes.attribute(a)
        if attribute.unique is None:
            continue
        for word in words:
            owner = owners.setdefault((a, word), e)
            if owner == e:
                owner = _owner_before(attribute, word, e, changes)
            if owner != e:
                _note(attribute, word, (owner, e), changes, conflicts)


def _owner_before(attribute: Attribute, word: int, e: int, changes: Changes) -> int:
    """Return the other entity that has and keeps the word, or `e`."""
    if attribute.is_heap and word >= changes.db.heap_size:
        return e
    owner = changes.db.entity_with(attribute.id, word)
    if owner is None or word in changes.retracted.get((owner, attribute.id), ()):
        return e
    return owner


def _note(
    attribute: Attribute,
    word: int,
    entities: tuple[int, int],
    changes: Changes,
    conflicts: Conflicts,
) -> None:
    value = changes.value(attribute.id, word)
    if attribute.tuple_attrs and None in value:
        return
    one, other = sorted(entities)
    conflicts.add(
        "transact/unique-conflict",
        f"{attribute.ident} is unique, and {shown(value)} would belong to {one} and {other}",
        "retract it from the one in the same transaction, or leave out :db/id to upsert"
        if attribute.unique == "identity"
        else "retract it from the one in the same transaction",
        attribute=attribute.ident,
        value=value,
        entities=[one, other],
    )
