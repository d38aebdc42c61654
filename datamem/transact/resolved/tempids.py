"""From forms to resolved forms: every place gets its id, every value its word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datamem.ids import TX_BASE
from datamem.schema import ValueType
from datamem.schema.bootstrap import SCHEMA_PROPERTIES
from datamem.transact.forms.forms import ANY, Cas, LookupRef, PendingTuple, Retract, Tempid
from datamem.transact.resolved.identities import Identities
from datamem.transact.resolved.resolved import ResolvedForms

if TYPE_CHECKING:
    from datamem.schema import Attribute
    from datamem.transact.encoder import Encoder
    from datamem.transact.forms.forms import Add, Place, TxForms
    from datamem.transact.ports import DbView


def resolve_tempids(forms: TxForms, db: DbView, encoder: Encoder) -> ResolvedForms:
    """Return the forms with ids and words; places that lead nowhere become conflicts.

    New entities get their ids in the order in which the forms first assert something of them.
    """
    identities = Identities(forms, db, encoder)
    identities.settle()
    resolved = ResolvedForms(next_entity=db.next_entity, next_attribute=forms.next_attribute)
    _allocate(forms, identities, resolved)
    reader = _Reader(forms, identities, encoder)
    for add, word in zip(forms.adds, identities.words, strict=True):
        e = reader.entity(add.e, add)
        settled = reader.word(add.a, add.v, add) if word is None else word
        if e is not None and settled is not None:
            resolved.adds.append((e, add.a, settled))
    _resolve_rest(forms, reader, resolved)
    return resolved


def _allocate(forms: TxForms, identities: Identities, resolved: ResolvedForms) -> None:
    """Give every new entity an id, beyond all ids that the forms name themselves."""
    ids = [add.e for add in forms.adds if type(add.e) is int]
    ids += [cas.e for cas in forms.cas if type(cas.e) is int]
    is_ref = ValueType.REF
    ids += [add.v for add in forms.adds if add.a.value_type is is_ref and type(add.v) is int]
    ids = [entity_id for entity_id in ids if entity_id < TX_BASE]
    resolved.next_entity = max(resolved.next_entity, max(ids, default=0) + 1)
    in_schema = {
        identities.target(add.e) for add in forms.adds if add.a.id in SCHEMA_PROPERTIES
    }
    for tempid in forms.entities:
        root = identities.target(tempid)
        if not isinstance(root, Tempid):
            continue
        if root in in_schema:
            identities.bound[root] = resolved.next_attribute
            resolved.next_attribute += 1
        else:
            identities.bound[root] = resolved.next_entity
            resolved.next_entity += 1
    for key, tempid in forms.tempids.items():
        target = identities.target(tempid)
        if isinstance(target, int):
            resolved.tempids[key] = target


def _resolve_rest(forms: TxForms, reader: _Reader, resolved: ResolvedForms) -> None:
    for place in forms.retract_entities:
        if (e := reader.entity(place)) is not None:
            resolved.retract_entities.append(e)
    for place, spec in forms.ensures:
        if (e := reader.entity(place)) is not None:
            resolved.ensures.append((e, spec))
    for place, attribute_id in forms.faulty:
        target = reader.identities.target(place)
        if isinstance(target, int):
            resolved.faulty.add((target, attribute_id))
    for cas in forms.cas:
        _resolve_cas(cas, reader, resolved)
    for retract in forms.retracts:
        _resolve_retract(retract, reader, resolved)


def _resolve_cas(cas: Cas, reader: _Reader, resolved: ResolvedForms) -> None:
    e = reader.entity(cas.e)
    new = reader.word(cas.a, cas.new)
    if e is None or new is None:
        return
    old = None if cas.old is None else reader.word(cas.a, cas.old, None, new=False)
    resolved.cas.append((e, old, cas, cas.old is not None and old is None))
    resolved.adds.append((e, cas.a, new))


def _resolve_retract(retract: Retract, reader: _Reader, resolved: ResolvedForms) -> None:
    """Resolve a retraction, after all assertions: it may be of a value that one of them brings."""
    e = reader.entity(retract.e)
    if e is None:
        return
    if retract.v is ANY:
        resolved.retracts.append((e, retract.a, None))
    elif (word := reader.word(retract.a, retract.v, None, new=False)) is not None:
        resolved.retracts.append((e, retract.a, word))


class _Reader:
    """Reads places and values once identities are settled, noting those that lead nowhere."""

    def __init__(self, forms: TxForms, identities: Identities, encoder: Encoder) -> None:
        self._forms = forms
        self.identities = identities
        self._encoder = encoder

    def entity(self, place: Place, of: Add | None = None) -> int | None:
        target = self.identities.target(place)
        if isinstance(target, int):
            return target
        if target is None:
            self._note_missing(place, of)
        else:
            self._forms.conflicts.add(
                "transact/tempid-not-an-entity",
                f"{target!r} is referred to, and nothing is asserted of it",
                "assert something of it; an ident starts with a colon",
                tempid=target.key,
            )
        return None

    def word(
        self, attribute: Attribute, value: Any, of: Add | None = None, *, new: bool = True
    ) -> int | None:
        """Return the word of a value; None where a reference leads nowhere.

        Args:
            attribute: whose value it is.
            value: as in the forms.
            of: the assertion it is part of, for the error.
            new: give it a code if it has none; else None for a value that nobody has.
        """
        if attribute.value_type is ValueType.REF:
            return self.entity(value, of)
        if isinstance(value, PendingTuple):
            refs = [
                slot for slot, is_ref in zip(value.slots, value.is_ref, strict=True) if is_ref
            ]
            if any(self.entity(slot, of) is None for slot in refs):
                return None
            value = self.identities.settled_value(value)
        if new:
            return self._encoder.word(attribute, value)
        return self._encoder.find(attribute, value)

    def _note_missing(self, place: Place, of: Add | None) -> None:
        if not isinstance(place, LookupRef):
            return
        if place.attribute.ident == ":db/ident":
            self._forms.conflicts.add(
                "transact/unknown-ident",
                f"no entity has the ident {place.value}",
                "assert its :db/ident in the same transaction, or leave the colon out of a tempid",
                ident=place.value,
            )
            return
        itself = of is not None and of.e is place and of.a.id == place.attribute.id
        self._forms.conflicts.add(
            "lookup-ref/missing",
            f"no entity has {place!r}",
            "leave :db/id out: a map with the identity makes the entity or finds it"
            if itself
            else "transact the entity first, or in the same transaction",
            attribute=place.attribute.ident,
            value=place.value,
        )
