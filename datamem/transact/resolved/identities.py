"""Who is who: tempids and lookup refs find their entities, by fixpoint and in any order.

Every assertion of a unique value is a claim. A claim that the database knows binds its tempid to the
entity there (an upsert); two claims of one new identity unite their tempids; a lookup ref follows a
claim. Each of these may complete another claim, whose value is a tempid or a lookup ref, so rounds go
on until one changes nothing. Claims are resolved against the database before the transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from datamem.schema import Attribute, Schema, ValueType
from datamem.transact.forms.forms import Add, LookupRef, PendingTuple, Place, Tempid

if TYPE_CHECKING:
    from datamem.transact.encoder import Encoder
    from datamem.transact.forms.forms import TxForms
    from datamem.transact.ports import DbView

Target: TypeAlias = int | Tempid | None
"""Where a place leads so far: an entity, a new one, or nowhere yet."""

_Slot: TypeAlias = int | Tempid
_Key: TypeAlias = tuple[int, "_Slot | tuple[_Slot, ...]"]


class Identities:
    """Finds the entity of every place of one transaction.

    Attributes:
        bound: entity of each tempid that has one; tempids united with another follow it.
        words: word of each assertion of `forms.adds`, None while its reference has none.
    """

    def __init__(self, forms: TxForms, db: DbView, encoder: Encoder) -> None:
        self._forms = forms
        self._db = db
        self._encoder = encoder
        self._united: dict[Tempid, Tempid] = {}
        self._found: dict[LookupRef, int | Tempid] = {}
        self._owners: dict[_Key, int | Tempid] = {}
        self._existing: dict[tuple[int, int], int | None] = {}
        self.bound: dict[Tempid, int] = dict(forms.bound)
        self.words: list[int | None] = [self._first_word(add) for add in forms.adds]

    def _first_word(self, add: Add) -> int | None:
        value = add.v
        if isinstance(value, Tempid | LookupRef | PendingTuple):
            return None
        if add.a.value_type is ValueType.REF:
            return int(value)
        return self._encoder.word(add.a, value)

    def settle(self) -> None:
        """Run rounds until one changes nothing."""
        unique = [
            (add, word)
            for add, word in zip(self._forms.adds, self.words, strict=True)
            if add.a.unique is not None
        ]
        composites = self._composites()
        if not unique and not composites:
            return
        changed = True
        while changed:
            self._owners = {}
            changed = False
            for add, word in unique:
                value = self.target(add.v) if word is None else word
                if isinstance(add.v, PendingTuple) or value is None:
                    continue
                changed |= self._claim(add.e, add.a, (add.a.id, value))
            for e, attribute, slots in self._composite_claims(composites):
                changed |= self._claim(e, attribute, (attribute.id, slots))

    def target(self, place: Place) -> Target:
        """Return where a place leads so far."""
        if isinstance(place, int):
            return place
        if isinstance(place, LookupRef):
            found = self._found.get(place)
            if found is None:
                found = self._look_up(place)
                if found is None:
                    return None
                self._found[place] = found
            return self.target(found)
        tempid = place
        while (other := self._united.get(tempid)) is not None:
            tempid = other
        return self.bound.get(tempid, tempid)

    def _claim(self, place: Place, attribute: Attribute, key: _Key) -> bool:
        """Follow a claim of a unique value; return whether anything became known by it."""
        claimant = self.target(place)
        if claimant is None:
            return False
        existing = self._entity_with(attribute, key[1])
        if existing is not None:
            return self._claim_existing(place, claimant, attribute, existing)
        owner = self._owners.setdefault(key, claimant)
        owner = self.target(owner) or owner
        if owner == claimant or attribute.unique != "identity":
            return False
        if isinstance(claimant, Tempid):
            self._join(claimant, owner)
        elif isinstance(owner, Tempid):
            self._join(owner, claimant)
        else:
            return False
        return True

    def _claim_existing(
        self, place: Place, claimant: int | Tempid, attribute: Attribute, existing: int
    ) -> bool:
        if attribute.unique != "identity" or claimant == existing:
            return False
        if isinstance(claimant, Tempid):
            self.bound[claimant] = existing
            return True
        if isinstance(place, Tempid):
            one, other = sorted((claimant, existing))
            self._forms.conflicts.add(
                "transact/upsert-conflict",
                f"{place!r} is entity {one} by one identity and entity {other} by another",
                "leave one identity out, or retract it from the entity that has it first",
                tempid=place.key,
                attribute=attribute.ident,
                entities=[one, other],
            )
        return False

    def _join(self, tempid: Tempid, other: int | Tempid) -> None:
        if isinstance(other, Tempid):
            self._united[tempid] = other
        else:
            self.bound[tempid] = other

    def _entity_with(self, attribute: Attribute, value: Any) -> int | None:
        """Return the entity that has a unique value in the database before the transaction."""
        if isinstance(value, tuple):
            return self._entity_with_tuple(attribute, value)
        if isinstance(value, Tempid):
            return None
        key = attribute.id, value
        if key not in self._existing:
            self._existing[key] = self._db.entity_with(attribute.id, value)
        return self._existing[key]

    def _entity_with_tuple(self, attribute: Attribute, slots: tuple[_Slot, ...]) -> int | None:
        if any(isinstance(slot, Tempid) for slot in slots):
            return None
        parts = self._parts(attribute)
        values = tuple(
            self._encoder.value(part, slot)
            for part, slot in zip(parts, slots, strict=True)
            if isinstance(slot, int)
        )
        word = self._encoder.find(attribute, values)
        return None if word is None else self._entity_with(attribute, word)

    def _look_up(self, ref: LookupRef) -> int | Tempid | None:
        attribute, value = ref.attribute, ref.value
        key: _Key | None
        if attribute.tuple_attrs:
            key = self._tuple_key(attribute, value)
        elif (
            isinstance(value, int | Tempid | LookupRef)
            and attribute.value_type is ValueType.REF
        ):
            target = self.target(value)
            key = None if target is None else (attribute.id, target)
        else:
            settled = self.settled_value(value)
            word = None if settled is None else self._encoder.find(attribute, settled)
            key = None if word is None else (attribute.id, word)
        if key is None:
            return None
        existing = self._entity_with(attribute, key[1])
        return existing if existing is not None else self._owners.get(key)

    # Composite tuples: the claim is made by the components

    def _composites(self) -> tuple[Attribute, ...]:
        composites = unique_composites(self._db.schema)
        declared = self._forms.attributes.values()
        return composites + tuple({a for a in declared if a.tuple_attrs and a.unique})

    def _parts(self, attribute: Attribute) -> list[Attribute]:
        schema, declared = self._db.schema, self._forms.attributes
        return [declared.get(name) or schema.require(name) for name in attribute.tuple_attrs]

    def _composite_claims(
        self, composites: tuple[Attribute, ...]
    ) -> list[tuple[Place, Attribute, tuple[_Slot, ...]]]:
        """Return the claims of entities that this transaction gives every component."""
        if not composites:
            return []
        wanted = {part.id for composite in composites for part in self._parts(composite)}
        given: dict[int | Tempid, dict[int, _Slot]] = {}
        for add, word in zip(self._forms.adds, self.words, strict=True):
            if add.a.id not in wanted:
                continue
            e = self.target(add.e)
            value = word if word is not None else self.target(add.v)
            if e is not None and value is not None:
                given.setdefault(e, {})[add.a.id] = value
        claims: list[tuple[Place, Attribute, tuple[_Slot, ...]]] = []
        for e, values in given.items():
            for composite in composites:
                slots = [values.get(part.id) for part in self._parts(composite)]
                whole = tuple(slot for slot in slots if slot is not None)
                if len(whole) == len(slots):
                    claims.append((e, composite, whole))
        return claims

    def _tuple_key(self, attribute: Attribute, value: Any) -> _Key | None:
        values = value.slots if isinstance(value, PendingTuple) else value
        slots: list[_Slot] = []
        for part, item in zip(self._parts(attribute), values, strict=True):
            if item is None:
                return None
            is_ref = part.value_type is ValueType.REF
            slot = self.target(item) if is_ref else self._encoder.find(part, item)
            if slot is None:
                return None
            slots.append(slot)
        return attribute.id, tuple(slots)

    def settled_value(self, value: Any) -> Any:
        """Return a tuple with entity ids for its references, None while one has no id.

        Any other value is returned as it is.
        """
        if not isinstance(value, PendingTuple):
            return value
        slots = [
            self.target(slot) if is_ref else slot
            for slot, is_ref in zip(value.slots, value.is_ref, strict=True)
        ]
        settled = zip(slots, value.is_ref, strict=True)
        return tuple(slots) if all(type(s) is int for s, is_ref in settled if is_ref) else None


def unique_composites(schema: Schema) -> tuple[Attribute, ...]:
    """Return the composite tuples of a schema that are unique."""
    return schema.derive(
        "unique_composites", lambda s: tuple(a for a in s if a.tuple_attrs and a.unique)
    )
