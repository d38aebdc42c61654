"""Changing memories: what they said stays in the history, with who changed it, when and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from datamem.db.time import instant_of_t
from datamem.errors import DatamemError
from datamem.ids import t_of_tx, tx_of_t
from datamem.memory.memories.adding import INSTANTS, OPTIONS, digest_of, facts_of
from datamem.memory.memories.embeddings import embedded
from datamem.memory.records.context import Context, Forms, keyword
from datamem.memory.records.kinds import get
from datamem.memory.records.record import Record
from datamem.schema.types import ValueType

if TYPE_CHECKING:
    from datamem.db import Db, TxReport


@dataclass(frozen=True, slots=True)
class Version:
    """What one transaction changed of an entity.

    Attributes:
        t: the transaction; `instant` is when it was.
        added, retracted: attribute to value, or to a list of values; what was replaced is in both.
        why: the reason its author gave.
        user, agent: entity ids of its authors.
    """

    t: int
    instant: datetime
    added: dict[str, Any]
    retracted: dict[str, Any]
    why: str | None
    user: int | None
    agent: int | None


def revise(
    context: Context,
    ref: Any,
    content: str | None,
    options: Mapping[str, Any],
    *,
    why: str | None,
) -> Record:
    """Assert the new values, and retract what is set to None.

    Raises:
        DatamemError: `memory/bad-option`, `memory/no-content` for an empty text.
    """
    _check_options(content, options)
    text = content if content is not None else _text_of(options.get("data"))
    vector = {} if text is None else embedded(context.conn, context.embedder, text)

    def build(db: Db) -> Forms:
        eid = get(db, "memory", ref)
        facts = facts_of(options, context.now_us(), lambda kind, name: get(db, kind, name))
        if options.get("type"):
            facts[":memory/type"] = keyword(options["type"])
        if text is not None:
            facts |= {":memory/content": text, ":memory/hash": digest_of(text), **vector}
        forms: Forms = _replaced(db, eid, facts)
        forms += [] if text is None else _stale_vectors(db, eid, vector)
        gone = [_attribute_of(name) for name, value in options.items() if value is None]
        forms += [[":db/retract", eid, name] for name in gone if _has(db, eid, name)]
        return [*forms, {":db/id": eid, **facts}] if facts else forms

    return _changed(context, ref, context.update(build, why=why))


def _check_options(content: str | None, options: Mapping[str, Any]) -> None:
    unknown = sorted(set(options) - (OPTIONS - {"content", "id", "embedding"}))
    if unknown or content == "":
        raise DatamemError(
            f"a memory has no option {unknown[0]} to revise"
            if unknown
            else "the text is empty",
            code="memory/bad-option" if unknown else "memory/no-content",
            hint="forget it instead"
            if content == ""
            else f"options: {', '.join(sorted(OPTIONS))}",
            options=unknown,
        )


def _text_of(data: Any) -> str | None:
    text = data.get("text") if isinstance(data, Mapping) else None
    return text if isinstance(text, str) else None


def _attribute_of(option: str) -> str:
    return INSTANTS.get(option) or f":memory/{option.replace('_', '-')}"


def _has(db: Db, eid: int, name: str) -> bool:
    return bool(db.words(eid, db.schema.require(name).id))


def _replaced(db: Db, eid: int, facts: Mapping[str, Any]) -> Forms:
    """Return retractions of the values that new lists of values do not have any more."""
    entity = db.entity(eid)
    assert entity is not None
    forms: Forms = []
    for name, values in facts.items():
        if db.schema.require(name).many:
            before = [getattr(value, "eid", value) for value in entity.get(name, [])]
            forms += [
                [":db/retract", eid, name, value] for value in before if value not in values
            ]
    return forms


def _stale_vectors(db: Db, eid: int, vector: Mapping[str, Any]) -> Forms:
    """Return retractions of the vectors of an old text, by models that have not seen the new one."""
    attributes = (db.schema.require(a) for a in {a for a, _ in db.entity_words(eid)})
    return [
        [":db/retract", eid, attribute.ident]
        for attribute in attributes
        if attribute.value_type is ValueType.VECTOR and attribute.ident not in vector
    ]


def tag(context: Context, ref: Any, tags: Sequence[str]) -> Record:
    """Add tags to a memory."""
    report = context.update(
        lambda db: [[":db/add", get(db, "memory", ref), ":memory/tags", name] for name in tags]
    )
    return _changed(context, ref, report)


def untag(context: Context, ref: Any, tags: Sequence[str]) -> Record:
    """Take tags from a memory."""

    def build(db: Db) -> Forms:
        eid = get(db, "memory", ref)
        entity = db.entity(eid)
        known = entity.get(":memory/tags", []) if entity is not None else []
        return [[":db/retract", eid, ":memory/tags", name] for name in tags if name in known]

    return _changed(context, ref, context.update(build))


def _changed(context: Context, ref: Any, report: TxReport) -> Record:
    db = context.within(report.db_after)
    return context.record(db, get(db, "memory", ref), "memory")


def versions(context: Context, ref: Any, kind: str = "memory") -> list[Version]:
    """Return what each transaction changed of an entity, oldest first.

    Raises:
        DatamemError: `memory/unknown` if there never was such an entity.
    """
    db = context.db
    eid = get(db, kind, ref)
    by_t: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}
    for datom in db.history().datoms("eavt", eid):
        sides = by_t.setdefault(t_of_tx(datom.tx), ({}, {}))
        _put(sides[0 if datom.added else 1], str(db.schema.require(datom.a).ident), datom.v)
    return [_version(db, t, *by_t[t]) for t in sorted(by_t)]


def _put(side: dict[str, Any], name: str, value: Any) -> None:
    if name not in side:
        side[name] = value
    elif isinstance(side[name], list):
        side[name].append(value)
    else:
        side[name] = [side[name], value]


def _version(db: Db, t: int, added: dict[str, Any], retracted: dict[str, Any]) -> Version:
    said = authors_of(db, t)
    return Version(
        t,
        instant_of_t(db, t),
        added,
        retracted,
        said.get(":tx/why"),
        said.get(":tx/user"),
        said.get(":tx/agent"),
    )


def authors_of(db: Db, t: int) -> dict[str, Any]:
    """Return what a transaction says of itself; references as entity ids."""
    entity = db.entity(tx_of_t(t))
    if entity is None:
        return {}
    return {name: getattr(entity[name], "eid", entity[name]) for name in entity}
