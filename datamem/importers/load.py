"""Batches into a database: one transaction each, dated where it can be, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any, Final

from datamem.edn import Keyword
from datamem.errors import SchemaError
from datamem.importers.batch import (
    Batch,
    Connection,
    EntityMap,
    ImportReport,
    Progress,
    identity_of,
)
from datamem.importers.graph import DB_ID, Identity
from datamem.importers.instants import last_instant, usable_instant
from datamem.schema.names import forward_of
from datamem.schema.types import ValueType

_TX_INSTANT: Final = Keyword(":db/txInstant")


def import_batches(
    conn: Connection,
    batches: Sequence[Batch],
    report: ImportReport,
    progress: Progress | None = None,
) -> ImportReport:
    """Transact what the database does not hold yet of each batch, in order; fill in the report.

    Interrupted at any point, the same call later goes on where it stopped: a batch is in the
    database whole or not at all. The disk is waited for once, at the end.
    """
    try:
        _import_all(conn, batches, report, progress)
    finally:
        if report.transactions:
            conn.sync()
    return report


def _import_all(
    conn: Connection, batches: Sequence[Batch], report: ImportReport, progress: Progress | None
) -> None:
    for done_count, batch in enumerate(batches, start=1):
        identities = _identities(batch, conn.db.schema)
        known = known_identities(conn.db, chain.from_iterable(identities))
        described = identities[batch.mention_count :]
        report.batches += 1
        report.entities += len(described)
        report.known_count += sum(any(pair in known for pair in pairs) for pairs in described)
        entities = _news(conn, batch, known)
        if entities:
            _transact(conn, batch, entities, report)
        if progress is not None:
            progress(done_count, len(batches))


def _news(conn: Connection, batch: Batch, known: set[Identity]) -> Sequence[EntityMap]:
    """Return the entities of the batch that would add something."""
    if not batch.keep_known:
        return [entity for entity in batch.entities if identity_of(entity) not in known]
    if known and conn.db.with_tx(list(batch.entities)).datom_count == 0:
        return ()
    return batch.entities


def _transact(
    conn: Connection, batch: Batch, entities: Sequence[EntityMap], report: ImportReport
) -> None:
    meta: dict[Keyword, Any] = {
        Keyword(":import/source"): report.source,
        Keyword(":import/format"): Keyword(f":{report.format}"),
    }
    instant = usable_instant(batch.instant, last_instant(conn.db))
    if instant is not None:
        meta[_TX_INSTANT] = instant
    elif batch.instant is not None:
        report.undated_count += 1
    if not batch.keep_known:
        entities = _with_tempids(entities, conn.db.schema)
    done = conn.transact(list(entities), meta=meta, sync=False)
    report.transactions += 1
    report.datoms += done.datom_count


def _with_tempids(entities: Sequence[EntityMap], schema: Any) -> list[EntityMap]:
    """Return new entities that refer to each other by tempid, which is quicker than by identity."""
    names = {identity_of(entity): f"new-{i}" for i, entity in enumerate(entities)}
    refs: dict[Keyword, bool] = {}
    found = []
    for i, entity in enumerate(entities):
        named: EntityMap = {DB_ID: f"new-{i}"}
        for name, value in entity.items():
            if type(value) is list and len(value) == 2 and _is_ref(name, schema, refs):
                named[name] = names.get((value[0], value[1]), value)
            else:
                named[name] = value
        found.append(named)
    return found


def _is_ref(name: Keyword, schema: Any, known: dict[Keyword, bool]) -> bool:
    if name not in known:
        attribute = schema.get(forward_of(name) or name)
        known[name] = (
            attribute is not None
            and not attribute.many
            and attribute.value_type is ValueType.REF
        )
    return known[name]


def _identities(batch: Batch, schema: Any) -> list[list[Identity]]:
    """Return the identities of each entity of the batch, in canonical values."""
    if not batch.keep_known:
        return [[pair for pair in [identity_of(entity)] if pair] for entity in batch.entities]
    return [_identities_of(entity, schema) for entity in batch.entities]


def _identities_of(entity: EntityMap, schema: Any) -> list[Identity]:
    found = []
    for name, value in entity.items():
        attribute = None if name == DB_ID else schema.get(name)
        if attribute is not None and attribute.unique == "identity":
            with suppress(SchemaError):  # a value that cannot be: transacting says so, better
                found.append((name, attribute.check(value)))
    return found


def known_identities(db: Any, identities: Iterable[Identity]) -> set[Identity]:
    """Return those of the (attribute, value) pairs that name an entity of the database.

    Cost: a lookup a pair, 1 to 3 µs.
    """
    found = set()
    for name, value in identities:
        attribute = db.schema.get(name)
        word = None if attribute is None else db.encode(attribute, value)
        if word is not None and db.entity_with(attribute.id, word) is not None:
            found.add((name, value))
    return found
