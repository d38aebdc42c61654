"""What the tests of connections share: a schema, a clock by hand, tiny sizes, and contents as plain data."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings

import datamem
from datamem.conn import Connection, publish, recover, writer
from datamem.db import Db
from datamem.errors import DatamemError
from datamem.ids import TX_BASE
from datamem.index import compaction, freeze, merge, record, run
from datamem.index.novelty import Novelty
from datamem.schema.types import ValueType
from datamem.txlog.files import FileSystem
from tests.txlog.faulty import abandon

SCHEMA = [
    {
        ":db/ident": ":p/name",
        ":db/valueType": ":db.type/string",
        ":db/unique": ":db.unique/identity",
    },
    {
        ":db/ident": ":p/code",
        ":db/valueType": ":db.type/long",
        ":db/unique": ":db.unique/value",
    },
    {":db/ident": ":p/age", ":db/valueType": ":db.type/long"},
    {":db/ident": ":p/score", ":db/valueType": ":db.type/double"},
    {
        ":db/ident": ":p/tags",
        ":db/valueType": ":db.type/string",
        ":db/cardinality": ":db.cardinality/many",
    },
    {
        ":db/ident": ":p/friends",
        ":db/valueType": ":db.type/ref",
        ":db/cardinality": ":db.cardinality/many",
    },
    {":db/ident": ":p/boss", ":db/valueType": ":db.type/ref"},
    {
        ":db/ident": ":p/parts",
        ":db/valueType": ":db.type/ref",
        ":db/cardinality": ":db.cardinality/many",
        ":db/isComponent": True,
    },
    {":db/ident": ":p/born", ":db/valueType": ":db.type/instant"},
]
MANY = {":p/tags", ":p/friends", ":p/parts"}
REFS = {":p/friends", ":p/boss", ":p/parts"}
START_US = 1_700_000_000_000_000

X = TypeVar("X")
few = settings(max_examples=settings.default.max_examples // 3)
"""For properties whose every example opens several databases."""
Fact = tuple[int, str, Any, int]


class Clock:
    """A clock that moves a millisecond at every look, or as it is told."""

    def __init__(self, us: int = START_US, step_us: int = 1000) -> None:
        self.us = us
        self.step_us = step_us

    def __call__(self) -> int:
        self.us += self.step_us
        return self.us


@contextmanager
def tiny_sizes(scale: int = 1) -> Iterator[None]:
    """Make freezes, merges and roots happen every few transactions, without waiting for the disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FileSystem, "fdatasync", lambda self, fd: None)
        patch.setattr(FileSystem, "sync_directory", lambda self, path: None)
        patch.setattr(Novelty.__init__, "__defaults__", (16 * scale,))
        patch.setattr(freeze, "FREEZE_ROWS", 16 * scale)
        patch.setattr(run, "SEGMENT_ROWS", 8 * scale)
        patch.setattr(merge, "PACK_BYTES", 200 * scale)
        patch.setattr(compaction, "INLINE_ROWS", 24 * scale)
        patch.setattr(publish, "ROOT_ROWS", 40 * scale)
        patch.setattr(writer, "CLOSE_ROWS", 12)
        patch.setattr(recover, "_BATCH_ROWS", 30)
        patch.setattr(recover, "_FEW_ROWS", 6)
        patch.setattr(recover, "_READ_ENTRIES", 3)
        patch.setattr(record, "_BULK", 5)
        yield


def open_db(path: str | Path = ":memory:", schema: Any = None, **options: Any) -> Connection:
    """Connect with a clock by hand and, by default, without syncs."""
    options = {"fsync": "off", "clock": Clock()} | options
    return datamem.connect(path, schema, **options)


def tried(call: Callable[[], X]) -> tuple[X | None, DatamemError | None]:
    """Return what a call returns, or what it is refused with."""
    try:
        return call(), None
    except DatamemError as error:
        return None, error


def kill(conn: Connection) -> None:
    """Let go of a connection as a killed process does: nothing is published, synced or marked."""
    conn._writer.is_closed = True
    conn._writer.compactor.packs.map_all()  # its memory is what we compare with
    abandon(conn._store)


def image(conn: Connection, target: Path) -> Path:
    """Copy the files of an open database as they are now."""
    assert conn.path is not None
    return Path(shutil.copytree(conn.path, target))


def facts(db: Db) -> set[Fact]:
    """Return every visible fact as (entity, attribute, value, t); checks that all indexes agree."""
    by_index = {name: db.datoms(name) for name in ("eavt", "aevt", "avet")}
    rows = [tuple(datom) for datom in by_index["eavt"]]
    assert len(set(rows)) == len(rows)
    for name in ("aevt", "avet"):
        assert len(by_index[name]) == len(rows)
        assert {tuple(datom) for datom in by_index[name]} == set(rows)
    refs = {a.id for a in db.schema if a.value_type is ValueType.REF}
    for target in {row[2] for row in rows if row[1] in refs}:
        reverse = [tuple(datom) for datom in db.datoms("vaet", target)]
        assert sorted(reverse) == sorted(r for r in rows if r[1] in refs and r[2] == target)
    return {(e, db.ident(a) or str(a), v, tx - TX_BASE) for e, a, v, tx, _ in rows}


def history(db: Db) -> set[tuple[int, str, Any, int, bool]]:
    """Return every assertion and retraction that a view knows."""
    found = [tuple(datom) for datom in db.history().datoms("eavt")]
    assert len(set(found)) == len(found)
    return {(e, db.ident(a) or str(a), v, tx - TX_BASE, added) for e, a, v, tx, added in found}


def people(db: Db) -> dict[int, dict[str, Any]]:
    """Return the user's entities: attribute to value, or to the set of its values."""
    found: dict[int, dict[str, Any]] = {}
    for e, a, v, _ in facts(db):
        if e >= TX_BASE:
            continue
        entity = found.setdefault(e, {})
        if a in MANY:
            entity.setdefault(a, set()).add(v)
        else:
            assert a not in entity, f"two values of {a}"
            entity[a] = v
    return found


QUERIES = (
    "[:find ?e ?n :where [?e :p/name ?n]]",
    "[:find ?n ?t :where [?e :p/name ?n] [?e :p/tags ?t]]",
    "[:find ?n ?m :where [?e :p/friends ?f] [?f :p/name ?m] [?e :p/name ?n]]",
    "[:find ?e ?s :where [?e :p/score ?s] [(< 0.5 ?s)]]",
    "[:find ?e ?a ?tx :where [?e :p/age ?a ?tx]]",
    "[:find ?e ?x :where [?e :x/note ?x]]",
    '[:find (count ?e) . :where [?e :p/name "ann"]]',
)


def answers(db: Db) -> list[Any]:
    """Return what queries, pulls and lookups say of a view."""
    found: list[Any] = []
    for query in QUERIES:
        if ":x/note" in query and db.schema.get(":x/note") is None:
            found.append(set())
            continue
        result = db.q(query)
        found.append(result if result is None or isinstance(result, int) else set(result))
    entities = sorted(people(db))
    found.append([plain(db.pull("[*]", e)) for e in entities])
    found.append(
        [plain(p) for p in db.pull_many("[:p/name {:p/_friends [:p/name]}]", entities)]
    )
    found.append([db.resolve([":p/name", name]) for name in NAMES])
    found.append([db.count(e=e) >= len(list(db.datoms("eavt", e))) for e in entities])
    return found


def plain(value: Any) -> Any:
    """Return pulled data with the values of an attribute in an order of their own."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((plain(item) for item in value), key=repr)
    return value


NAMES = ("ann", "bob", "cy", "dee")


def person(name: str) -> list[str]:
    """Return the lookup ref of a name."""
    return [":p/name", name]
