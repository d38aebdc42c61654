"""The result of comparing two database values: datoms, entities, text, EDN and JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from datamem.db.datom import Datom
from datamem.edn import Keyword, Symbol, print_edn
from datamem.ids import is_tx
from datamem.index.kernels import BoolArray, Int64Array

if TYPE_CHECKING:
    from datamem.db.database import Db

SHOWN_ENTITIES: Final = 50
"""How many entities the text of a difference lists."""
_VALUE_CHARS: Final = 72


@dataclass(frozen=True, slots=True)
class Side:
    """Rows of one value: columns of words, int64[n] each."""

    db: Db
    e: Int64Array
    a: Int64Array
    v: Int64Array
    tx: Int64Array

    def where(self, keep: BoolArray) -> Side:
        """Return the rows where `keep` is true."""
        return Side(self.db, self.e[keep], self.a[keep], self.v[keep], self.tx[keep])

    def datoms(self, *, added: bool) -> list[Datom]:
        """Return the rows as datoms, in no order."""
        found = self.db.datoms_of(self.e, self.a, self.v, self.tx)
        return found if added else [datom._replace(added=False) for datom in found]


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one attribute of one entity: the values that went and those that came."""

    attribute: Keyword
    removed: tuple[Any, ...]
    added: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class EntityDifference:
    """The facts that differ of one entity.

    Attributes:
        entity: its id: in the second value where that has it, else in the first.
        name: a unique value or ident that names it, as `[:user/email "a@b.c"]`; None if it has none.
        changes: by attribute.
        kind: "added" and "removed" where the other value says nothing at all of it, else "changed".
    """

    entity: int
    name: Any
    changes: tuple[Change, ...]
    kind: str


@dataclass(slots=True)
class Difference:
    """The facts that only one of two database values has. False where they are equal.

    Attributes:
        a, b: the rows that only the first, and only the second value has.
        a_in_b, b_in_a: the entities of those rows by their ids in the other value, int64[n]; negative
            where that has no counterpart.
    """

    a: Side
    b: Side
    a_in_b: Int64Array
    b_in_a: Int64Array
    _grouped: list[EntityDifference] | None = field(default=None)

    def __len__(self) -> int:
        return len(self.a.e) + len(self.b.e)

    def __repr__(self) -> str:
        return f"<Difference +{len(self.b.e)} -{len(self.a.e)}>"

    @property
    def added(self) -> list[Datom]:
        """The datoms that only the second value has, with its ids, by entity and attribute."""
        return sorted(self.b.datoms(added=True), key=_place)

    @property
    def removed(self) -> list[Datom]:
        """The datoms that only the first value has, with its ids and `added` False."""
        return sorted(self.a.datoms(added=False), key=_place)

    def select(self, keep: Callable[[str], bool]) -> Difference:
        """Return the difference in the attributes whose ident `keep` accepts."""
        a, b = (_kept(side, keep) for side in (self.a, self.b))
        return Difference(self.a.where(a), self.b.where(b), self.a_in_b[a], self.b_in_a[b])

    def by_entity(self) -> list[EntityDifference]:
        """Return the differing facts entity by entity, in the order of their ids."""
        if self._grouped is None:
            self._grouped = _grouped(self)
        return self._grouped

    def tx_data(self) -> list[list[Any]]:
        """Return what makes the first value into the second, where both gave out the same ids."""
        retracted = [[Keyword(":db/retract"), d.e, d.a, d.v] for d in self.removed]
        asserted = [[Keyword(":db/add"), d.e, d.a, d.v] for d in self.added]
        return retracted + asserted

    def to_data(self) -> dict[str, Any]:
        """Return counts and, by entity, the values that were removed and added."""
        return {
            "added": len(self.b.e),
            "removed": len(self.a.e),
            "entities": [
                {
                    "entity": one.entity,
                    "name": one.name,
                    "kind": one.kind,
                    "changes": [
                        {
                            "attribute": change.attribute,
                            "removed": list(change.removed),
                            "added": list(change.added),
                        }
                        for change in one.changes
                    ],
                }
                for one in self.by_entity()
            ],
        }

    def to_json(self) -> dict[str, Any]:
        """Return `to_data()` with nothing in it but what JSON knows."""
        found: dict[str, Any] = _json(self.to_data())
        return found

    def to_edn(self) -> str:
        """Return the differing datoms as EDN: `[[:- e a v] [:+ e a v] …]`."""
        rows = [[Keyword(":-"), d.e, self.a.db.ident(d.a), d.v] for d in self.removed]
        rows += [[Keyword(":+"), d.e, self.b.db.ident(d.a), d.v] for d in self.added]
        return print_edn(rows, pretty=True)

    def __str__(self) -> str:
        entities = self.by_entity()
        if not entities:
            return "no difference"
        verb = "entity differs" if len(entities) == 1 else "entities differ"
        noun = "fact" if len(self.b.e) == 1 else "facts"
        head = f"{len(entities)} {verb}: {len(self.b.e)} {noun} added, {len(self.a.e)} removed"
        lines = [head]
        for one in entities[:SHOWN_ENTITIES]:
            lines += _lines(one)
        if len(entities) > SHOWN_ENTITIES:
            lines.append(f"… and {len(entities) - SHOWN_ENTITIES} more")
        return "\n".join(lines)


def _kept(side: Side, keep: Callable[[str], bool]) -> BoolArray:
    """Tell which rows have an attribute that `keep` accepts."""
    idents = {a: side.db.ident(a) or f":{a}" for a in np.unique(side.a).tolist()}
    accepted = [a for a, ident in idents.items() if keep(ident)]
    found: BoolArray = np.isin(side.a, accepted)
    return found


def _place(datom: Datom) -> tuple[int, int, str]:
    return datom.e, datom.a, repr(datom.v)


def _grouped(found: Difference) -> list[EntityDifference]:
    """Gather both sides' datoms by entity; the second's entities are known by their ids in the first."""
    values: dict[int, dict[Keyword, tuple[list[Any], list[Any]]]] = {}
    in_b: dict[int, int] = {}
    in_b.update(zip(found.a.e.tolist(), found.a_in_b.tolist(), strict=True))
    in_b.update(zip(found.b_in_a.tolist(), found.b.e.tolist(), strict=True))
    for which, (side, keys) in enumerate(((found.a, found.a.e), (found.b, found.b_in_a))):
        rows = zip(keys.tolist(), side.datoms(added=True), strict=True)
        for key, datom in sorted(rows, key=lambda row: _place(row[1])):
            ident = Keyword(side.db.ident(datom.a) or f":{datom.a}")
            pair = values.setdefault(key, {}).setdefault(ident, ([], []))
            pair[which].append(datom.v)
    return [
        _entity_difference(found, (key, in_b[key]), values[key])
        for key in sorted(values, key=lambda key: (abs(in_b[key]), key))
    ]


def _entity_difference(
    found: Difference,
    ids: tuple[int, int],
    values: dict[Keyword, tuple[list[Any], list[Any]]],
) -> EntityDifference:
    """Describe one entity; `ids` are its ids in the first and the second value, negative for none."""
    changes = tuple(Change(a, tuple(old), tuple(new)) for a, (old, new) in values.items())
    a, b = found.a.db, found.b.db
    in_a = ids[0] >= 0 and bool(a.entity_words(ids[0]))
    in_b = ids[1] >= 0 and bool(b.entity_words(ids[1]))
    db, entity = (b, ids[1]) if in_b else (a, ids[0])
    kind = "changed" if in_a and in_b else ("added" if in_b else "removed")
    return EntityDifference(entity, entity_name(db, entity), changes, kind)


def entity_name(db: Db, e: int) -> Any:
    """Return an ident or lookup ref that names an entity in `db`, or None."""
    if is_tx(e):
        return None
    ident = db.ident(e)
    if ident is not None:
        return Keyword(ident)
    for a, word in db.entity_words(e):
        attribute = db.schema.get(a)
        if attribute is not None and attribute.unique:
            return [attribute.ident, db.decode(attribute.value_type, [word])[0]]
    return None


def _lines(one: EntityDifference) -> list[str]:
    """Return the entity's name and, indented, its changes."""
    sign = {"added": "+ ", "removed": "- ", "changed": ""}[one.kind]
    name = "" if one.name is None else f" {print_edn(one.name)}"
    lines = [f"{sign}{one.entity}{name}"]
    for change in one.changes:
        old, new = (list(map(_short, side)) for side in (change.removed, change.added))
        if len(old) == 1 and len(new) == 1:
            lines.append(f"  {change.attribute} {old[0]} -> {new[0]}")
            continue
        lines += [f"  - {change.attribute} {value}" for value in old]
        lines += [f"  + {change.attribute} {value}" for value in new]
    return lines


def _short(value: Any) -> str:
    text = print_edn(value)
    return text if len(text) <= _VALUE_CHARS else f"{text[: _VALUE_CHARS - 1]}…"


def _json(value: Any) -> Any:
    """Return a value with lists, strings and numbers only."""
    match value:
        case None | bool() | int() | float():
            return value
        case Keyword() | Symbol() | str():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat()
        case dict():
            return {str(key): _json(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_json(item) for item in value]
        case _:
            return print_edn(value)
