"""What tx-data says, form by form, before tempids and lookup refs have ids."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from datamem.transact.conflicts import Conflicts

if TYPE_CHECKING:
    from collections.abc import Callable

    from datamem.schema import Attribute


class Tempid:
    """An entity that gets its id while the transaction is resolved; one object per tempid.

    Attributes:
        key: as written, a negative integer or a string; None for a map without `:db/id`.
    """

    __slots__ = ("key",)

    def __init__(self, key: int | str | None = None) -> None:
        self.key = key

    def __repr__(self) -> str:
        return "a new entity" if self.key is None else f"tempid {self.key!r}"


@dataclass(frozen=True, slots=True, eq=False)
class LookupRef:
    """An entity named by a unique attribute; an ident is a lookup ref of `:db/ident`.

    Attributes:
        value: canonical, or a place where the attribute is a ref, or a PendingTuple.
    """

    attribute: Attribute
    value: Any

    def __repr__(self) -> str:
        if self.attribute.ident == ":db/ident":
            return str(self.value)
        return f"[{self.attribute.ident} {self.value!r}]"


Place: TypeAlias = int | Tempid | LookupRef
"""Where an entity is named: its id, a tempid, or a lookup ref."""


@dataclass(slots=True, eq=False)
class PendingTuple:
    """A tuple some of whose slots name entities.

    Attributes:
        slots: a place, a canonical value or None each.
        is_ref: whether each slot is a place.
    """

    slots: tuple[Any, ...]
    is_ref: tuple[bool, ...]

    def __repr__(self) -> str:
        return repr(list(self.slots))


class AnyValue:
    """The value of a retraction that names none: all values."""

    def __repr__(self) -> str:
        return "any value"


ANY: Final = AnyValue()


@dataclass(slots=True, eq=False)
class Add:
    """Assert a value: canonical, or a place where the attribute is a ref."""

    e: Place
    a: Attribute
    v: Any


@dataclass(slots=True, eq=False)
class Retract:
    """Retract a value, or every value of the attribute where `v` is ANY."""

    e: Place
    a: Attribute
    v: Any


@dataclass(slots=True, eq=False)
class Cas:
    """Assert `new` if the value before this transaction is `old`; None is no value."""

    e: Place
    a: Attribute
    old: Any
    new: Any


@dataclass(slots=True, eq=False)
class Call:
    """Replace the form by what a function of the database returns."""

    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]


@dataclass(slots=True)
class TxForms:
    """A transaction's forms by kind; a transaction is a set, so their order says nothing.

    Attributes:
        adds, retracts, cas, calls: see their types; `retract_entities` are places.
        ensures: entity and name of the spec of each `:db/ensure`.
        entities: tempids that something is asserted of, in order of appearance: the order in which
            they get their ids.
        tempids: every tempid that has a key, by it.
        bound: tempids whose entity is known already.
        attributes: attributes that this transaction declares or alters, by ident.
        declared_facts: what the declarations say so far, by id.
        declared: ids of the attributes and specs it declares.
        next_attribute: counter of the attribute partition after them.
        faulty: (place, attribute id) of values that were refused, which are not missing besides.
        conflicts: what could not be read.
    """

    adds: list[Add] = field(default_factory=list)
    retracts: list[Retract] = field(default_factory=list)
    retract_entities: list[Place] = field(default_factory=list)
    cas: list[Cas] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    ensures: list[tuple[Place, str]] = field(default_factory=list)
    entities: dict[Tempid, None] = field(default_factory=dict)
    tempids: dict[int | str, Tempid] = field(default_factory=dict)
    bound: dict[Tempid, int] = field(default_factory=dict)
    attributes: dict[str, Attribute] = field(default_factory=dict)
    declared_facts: dict[int, dict[str, Any]] = field(default_factory=dict)
    declared: set[int] = field(default_factory=set)
    next_attribute: int = 0
    faulty: set[tuple[Place, int]] = field(default_factory=set)
    conflicts: Conflicts = field(default_factory=Conflicts)

    def add(self, e: Place, a: Attribute, v: Any) -> None:
        """Assert a value."""
        if type(e) is Tempid:
            self.entities.setdefault(e)
        self.adds.append(Add(e, a, v))
