"""Records: a named JSON value with a version in a scope, which keys and states both are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeAlias

from datamem.db import Db, TxReport
from datamem.errors import StateError
from datamem.ids import t_of_tx
from datamem.index.words import instant_of_us, us_of_instant
from datamem.kv.jsonvalue import given, held
from datamem.kv.reading import entity_of, value_of, values_of
from datamem.kv.scopes import Scope


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as one database value has it.

    Attributes:
        eid: its entity.
        name: its key, or the state's name.
        value: a JSON value; None also where it is null.
        version: how often it was written, deletions included.
        expires_at: when it is gone, None: never.
    """

    eid: int
    name: str
    value: Any
    version: int
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One version of a record.

    Attributes:
        t: the transaction that wrote it; `instant`: when.
        is_deleted: whether there was no value any more.
        run: entity of the run that wrote it, if a run was open.
    """

    t: int
    instant: datetime
    version: int
    value: Any
    is_deleted: bool
    expires_at: datetime | None
    run: int | None


Entries: TypeAlias = list[Entry]
Changes: TypeAlias = list[Change]
TxForms: TypeAlias = list[Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """The attributes of a kind of record.

    Attributes:
        section: the namespace of its attributes; `name`: the one that holds the name.
    """

    section: str
    name: str

    def __getitem__(self, part: str) -> str:
        return f":{self.section}/{part}"


KEYS: Final = Kind("kv", ":kv/key")
NEW: Final = "record"
STATES: Final = Kind("state", ":state/name")


def record_id(scope: Scope, name: str) -> str:
    """Return what names a record in the whole database; scopes have no colon."""
    return f"{scope}:{name}"


def check_name(kind: Kind, name: Any) -> str:
    """Return a name that a record may have.

    Raises:
        StateError: `kv/bad-key`.
    """
    if not isinstance(name, str) or not name:
        raise StateError(
            f"{name!r} is no {kind.name.rpartition('/')[2]}",
            code="kv/bad-key",
            hint="use a text that is not empty",
            key=name,
        )
    return str.__str__(name)


def find_entry(db: Db, kind: Kind, scope: Scope, name: str, now_us: int) -> Entry | None:
    """Return a record, None if it was never written, is deleted or has expired.

    Cost: some 15 µs.
    """
    eid = entity_of(db, kind["id"], record_id(scope, name))
    return None if eid is None else live_entry(db, kind, eid, now_us)


def live_entry(db: Db, kind: Kind, eid: int, now_us: int) -> Entry | None:
    """Return the record that an entity is, None if it is deleted or has expired."""
    values = values_of(db, eid)
    expires_at = values.get(kind["expires-at"])
    value = values.get(kind["value"])
    if value is None or (expires_at is not None and us_of_instant(expires_at) <= now_us):
        return None
    return Entry(eid, values[kind.name], given(value), values[kind["version"]], expires_at)


def stored_version(db: Db, kind: Kind, scope: Scope, name: str) -> tuple[int | None, int]:
    """Return the entity of a record and how often it was written, whether it is there or not."""
    eid = entity_of(db, kind["id"], record_id(scope, name))
    if eid is None:
        return None, 0
    return eid, value_of(db, eid, kind["version"]) or 0


def writing(
    db: Db,
    kind: Kind,
    scope: Scope,
    name: str,
    value: Any,
    *,
    expires_us: int | None = None,
) -> tuple[TxForms, Entry]:
    """Return tx-data that writes a record, and the record as it will be; the value is plain JSON.

    The entity of a new record is 0 there; in the transaction its tempid is `NEW`.
    """
    eid, version = stored_version(db, kind, scope, name)
    expires_at = None if expires_us is None else instant_of_us(expires_us)
    entry = Entry(eid or 0, name, value, version + 1, expires_at)
    written: dict[str, Any] = {kind["value"]: held(value), kind["version"]: version + 1}
    if expires_at is not None:
        written[kind["expires-at"]] = expires_at
    if eid is None:
        written[kind["id"]] = record_id(scope, name)
        written[kind["namespace"]] = str(scope)
        written[kind.name] = name
        return [written | {":db/id": NEW}], entry
    forms: list[Any] = [written | {":db/id": eid}]
    if expires_us is None and kind is KEYS and _expires(db, eid):
        forms.append([":db/retract", eid, kind["expires-at"]])
    return forms, entry


def _expires(db: Db, eid: int) -> bool:
    return bool(db.words(eid, db.schema.require(":kv/expires-at").id))


def deleting(db: Db, kind: Kind, eid: int) -> list[Any]:
    """Return tx-data that takes a record's value away; its version goes on."""
    version = values_of(db, eid)[kind["version"]]
    return [
        [":db/retract", eid, kind["value"]],
        [":db/retract", eid, kind["expires-at"]],
        {":db/id": eid, kind["version"]: version + 1},
    ]


def entries_of(db: Db, kind: Kind, scope: Scope, prefix: str, now_us: int) -> list[Entry]:
    """Return the records of a scope whose names begin with a prefix, by name."""
    names = db.schema.get(kind.name)
    if names is None:
        return []
    found = []
    for eid in _entities(db, kind["namespace"], str(scope)):
        [word] = db.words(eid, names.id)[:1]
        if db.heap.get(word)[1].startswith(prefix):
            entry = live_entry(db, kind, eid, now_us)
            if entry is not None:
                found.append(entry)
    return sorted(found, key=lambda entry: entry.name)


def _entities(db: Db, attribute: str, text: str) -> list[int]:
    found = db.schema.require(attribute)
    word = db.encode(found, text)
    return [] if word is None else db.referrers(word, found.id)


def history_of(db: Db, kind: Kind, scope: Scope, name: str) -> list[Change]:
    """Return every version that a record had, oldest first."""
    eid = entity_of(db.history().unfiltered(), kind["id"], record_id(scope, name))
    if eid is None:
        return []
    by_tx: dict[int, list[tuple[bool, str, Any]]] = {}
    for e, a, v, tx, added in db.history().datoms("eavt", eid):
        assert e == eid
        by_tx.setdefault(tx, []).append((added, db.ident(a) or "", v))
    values: dict[str, Any] = {}
    return [_change(db, kind, tx, by_tx[tx], values) for tx in sorted(by_tx)]


def _change(
    db: Db, kind: Kind, tx: int, datoms: list[tuple[bool, str, Any]], values: dict[str, Any]
) -> Change:
    """Apply a transaction to the values before it; return the version that it made."""
    for added, ident, value in sorted(datoms, key=lambda datom: datom[0]):
        if added:
            values[ident] = value
        else:
            values.pop(ident, None)
    about = values_of(db, tx)
    value = values.get(kind["value"])
    return Change(
        t_of_tx(tx),
        about[":db/txInstant"],
        values[kind["version"]],
        given(value),
        value is None,
        values.get(kind["expires-at"]),
        about.get(":tx/run"),
    )


def unnamed(forms: TxForms) -> TxForms:
    """Return tx-data of one record that may stand beside another's: a new one has no tempid."""
    first = forms[0]
    if first.get(":db/id") == NEW:
        return [{key: value for key, value in first.items() if key != ":db/id"}, *forms[1:]]
    return forms


def written_entry(entry: Entry, report: TxReport) -> Entry:
    """Return a record that a transaction has written, with its entity."""
    return entry if entry.eid else replace(entry, eid=report.tempids[NEW])


def stale(kind: Kind, name: str, expected: int, entry: Entry | None) -> StateError:
    """Return the refusal of a comparison with another version than there is."""
    actual = 0 if entry is None else entry.version
    what = "key" if kind is KEYS else "state"
    return StateError(
        f"{what} {name} is at version {actual}, and version {expected} was expected"
        if entry is not None
        else f"{what} {name} is not there, and version {expected} was expected",
        code="kv/stale-version",
        hint="read it again, and retry; 0 expects that it is not there",
        key=name,
        expected=expected,
        actual=actual,
        value=None if entry is None else entry.value,
    )
