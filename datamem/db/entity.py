"""Entities: one entity as a lazy, read-only mapping, in which references lead on to other entities.

ada = db.entity([":user/email", "ada@example.org"])
ada["user/name"]; ada["user/friends"][0]["user/name"]; ada["message/_sender"]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Self

from datamem.db.pull.fetch import decoded, values_of, words_of
from datamem.db.pull.shape import ID, Step, WildcardSteps, forward_name
from datamem.db.pull.syntax import AttributeSpec
from datamem.db.pull.values import own_copy
from datamem.edn import Keyword
from datamem.errors import QueryError
from datamem.schema.names import near_names
from datamem.schema.types import ValueType

if TYPE_CHECKING:
    from datamem.db.database import Db

_MISSING: Final = object()


class NoValueError(QueryError, KeyError):
    """An entity has no value of an attribute; a KeyError, as mappings raise."""


class Entity(Mapping[str, Any]):
    """What one database value says of one entity; read when asked for, then kept.

    Keys are keywords or their text, with or without colon; `:ns/_name` reads a reference
    backwards and is never among the keys that iteration gives. `:db/id` is the entity's id.

    Values are what `pull` gives, but references are entities. Cardinality many, and reverse
    references, give a list in the order of values, a new one each time; an attribute without values
    is no key at all. The other end of a component is one entity, not a list.

    Two entities are equal if they are the same entity of the same database value.

    Attributes:
        db: the database value it was made of.
        eid: the entity id.
    """

    __slots__ = ("_is_loaded", "_known", "_steps", "db", "eid")

    def __init__(self, db: Db, eid: int) -> None:
        self.db = db
        self.eid = eid
        self._steps = db.schema.derive("pull-wildcard", WildcardSteps)
        self._known: dict[str, Any] = {}
        self._is_loaded = False

    def __getitem__(self, name: str) -> Any:
        value = self.get(name, _MISSING)
        if value is _MISSING:
            raise self._no_value(name)
        return value

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of an attribute, `default` if the entity has none.

        Cost: one index lookup the first time, about 6 µs; then a dict lookup.
        """
        value = self._known.get(name, _MISSING)
        if value is _MISSING:
            value = self._read(name)
        if value is _MISSING:
            return default
        return value if type(value) not in _CHANGEABLE else _copied(value)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name, _MISSING) is not _MISSING

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter([key for key in self._known if key == ID or self._is_forward(key)])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def touch(self) -> Self:
        """Read all attributes, and those of components, theirs too; return the entity itself."""
        entities: list[Entity] = [self]
        seen = {self.eid}
        while entities:
            entity = entities.pop()
            entity._load()  # noqa: SLF001 - of this class
            for part in entity._parts():  # noqa: SLF001 - of this class
                if part.eid not in seen:
                    seen.add(part.eid)
                    entities.append(part)
        return self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Entity):
            return NotImplemented
        return self.eid == other.eid and _is_same_value(self.db, other.db)

    def __hash__(self) -> int:
        return hash((self.eid, self.db.basis_t, self.db.newest_tx))

    def __repr__(self) -> str:
        read = {":db/id": repr(self.eid)}
        for key, value in self._known.items():
            if key != ID:
                attribute = self.db.schema.get(key)
                whole = attribute is not None and attribute.component
                read[key] = _shown(value, whole=whole)
        return f"{{{', '.join([f'{str(key)!r}: {text}' for key, text in read.items()])}}}"

    # Reading

    def _read(self, name: object) -> Any:
        """Return the value of an attribute and keep it; _MISSING if there is none."""
        if not isinstance(name, str):
            return _MISSING
        step, key = self._step(name)
        if step is None:
            return self.eid if key == ID else _MISSING
        value = self._known.get(key, _MISSING)
        if value is not _MISSING or (self._is_loaded and not step.is_reverse):
            return value
        values = values_of(self.db, step, self.eid, None)
        return self._keep(key, step, values) if values else _MISSING

    def _step(self, name: str) -> tuple[Step | None, str]:
        """Return the step that reads a name, and the name as it is kept."""
        key = name if name.startswith(":") else f":{name}"
        attribute = self.db.schema.get(key)
        if attribute is not None:
            return self._steps[attribute.id], attribute.ident
        forward = forward_name(key)
        attribute = None if forward is None else self.db.schema.get(forward)
        if attribute is None or attribute.value_type is not ValueType.REF:
            return None, key
        spec = AttributeSpec(Keyword(key), (), key)
        return Step(spec, attribute, is_reverse=True), key

    def _keep(self, key: str, step: Step, values: list[Any]) -> Any:
        if step.is_ref:
            values = [Entity(self.db, e) for e in values]
        value = self._known[key] = _Many(values) if step.many else values[-1]
        return value

    def _load(self) -> None:
        if self._is_loaded:
            return
        known = self._known
        read, self._known = dict(known), {ID: self.eid}
        words = words_of(self.db, self._steps.expanding, self.eid) or {}
        for a, found in words.items():
            step = self._steps[a]
            if step is not None:
                key = str(step.key)
                if key in read:
                    self._known[key] = read.pop(key)
                else:
                    self._keep(key, step, decoded(self.db, step, found))
        self._known.update(read)
        self._is_loaded = True

    def _is_forward(self, key: str) -> bool:
        return self.db.schema.get(key) is not None

    def _parts(self) -> Iterator[Entity]:
        for key, value in self._known.items():
            attribute = self.db.schema.get(key)
            if attribute is not None and attribute.component:
                yield from value if type(value) is _Many else (value,)

    def _no_value(self, name: object) -> NoValueError:
        hint = None
        if isinstance(name, str) and self.db.schema.get(name) is None:
            near = near_names(name, self.db.schema.idents())
            hint = f"did you mean {' or '.join(near)}?" if near else None
        return NoValueError(
            f"entity {self.eid} has no value of {name}",
            code="entity/no-value",
            hint=hint or "ask with entity.get(name), which gives None",
            entity=self.eid,
            attribute=name,
        )


class _Many(tuple[Any, ...]):
    """Values of one attribute of cardinality many; a tuple may also be one value."""

    __slots__ = ()


_CHANGEABLE: Final = {_Many, list, dict}


def _copied(value: Any) -> Any:
    """Return a list or document that its caller may change."""
    if type(value) is _Many:
        return [own_copy(item) if type(item) in _CHANGEABLE else item for item in value]
    return own_copy(value)


def entity(db: Db, eid: Any) -> Entity | None:
    """Return an entity of a database value; None if a lookup ref or an ident names none.

    Nothing is read yet, so an id that nobody uses gives an entity without attributes.

    Raises:
        QueryError: `entity/history` on a history view.
        SchemaError, DatamemError: for an `eid` that cannot name an entity.
    """
    if db.is_history:
        raise QueryError(
            "a mapping cannot say when each of its values was true, so a history has no entities",
            code="entity/history",
            hint="take the entity of db.as_of(t), or ask the history with [?e ?a ?v ?tx ?added]",
        )
    e = eid if type(eid) is int else db.resolve(eid)
    return None if e is None else Entity(db, e)


def _is_same_value(a: Db, b: Db) -> bool:
    """Tell whether two database values are the same view of the same database."""
    return a is b or (
        a.heap is b.heap
        and a.basis_t == b.basis_t
        and a.newest_tx == b.newest_tx
        and (a.view.since, a.view.keep, a.view.shows)
        == (b.view.since, b.view.keep, b.view.shows)
    )


def _shown(value: Any, *, whole: bool) -> str:
    """Return a value as text: components with what was read of them, other entities as their ids."""
    if type(value) is _Many:
        return f"[{', '.join([_shown(item, whole=whole) for item in value])}]"
    if isinstance(value, Entity) and not whole:
        return f"{{'{ID!s}': {value.eid}}}"
    return repr(value)
