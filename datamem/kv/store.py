"""Keys: an agent's working memory: JSON values by key in a scope, with versions, time to live and rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from datamem.conn import Connection
from datamem.db import Db
from datamem.kv.clocks import Ttl, now_at, now_of, us_of_ttl
from datamem.kv.declared import declare
from datamem.kv.jsonvalue import plain_json
from datamem.kv.reading import entity_of
from datamem.kv.records import (
    KEYS,
    Changes,
    Entries,
    Entry,
    TxForms,
    check_name,
    deleting,
    entries_of,
    find_entry,
    history_of,
    stale,
    writing,
    written_entry,
)
from datamem.kv.rules import Rule, rule_map, rule_of
from datamem.kv.scopes import Scope

SECTIONS = ("kv", "kv-rule", "state", "tx")


class Store:
    """The keys of one scope. Each write is one transaction; nothing is kept outside the database.

    Example:
        >>> from datamem import connect
        >>> store = Store(connect(":memory:"), "acme/support")
        >>> store.put("plan/1", {"steps": ["ask", "answer"]}).version
        1
        >>> store.get("plan/1")["steps"][0]
        'ask'
    """

    def __init__(self, conn: Connection, scope: Scope | str = "") -> None:
        declare(conn, *SECTIONS)
        self.conn = conn
        self.scope = scope if isinstance(scope, Scope) else Scope.parse(scope)

    def __repr__(self) -> str:
        return f"<Store {str(self.scope) or '-'} of {self.conn!r}>"

    def get(self, key: str, default: Any = None, *, as_of: int | datetime | None = None) -> Any:
        """Return a key's value, or `default` if it has none, now or at a point in time."""
        entry = self.entry(key, as_of=as_of)
        return default if entry is None else entry.value

    def entry(self, key: str, *, as_of: int | datetime | None = None) -> Entry | None:
        """Return a key's value with its version, None if it has none or has expired."""
        db, now_us = now_at(self.conn, as_of)
        return find_entry(db, KEYS, self.scope, check_name(KEYS, key), now_us)

    def put(self, key: str, value: Any, *, ttl: Ttl = None) -> Entry:
        """Give a key a value, whatever it had before.

        Args:
            value: any JSON value.
            ttl: how long it lives; None: as the rule for the key says, else for ever.

        Raises:
            StateError: `json/not-json`, `kv/bad-key`, `kv/bad-ttl`, `kv/schema-mismatch`.
        """
        return self._write(key, value, ttl, None)

    def cas(self, key: str, expected_version: int, value: Any, *, ttl: Ttl = None) -> Entry:
        """Give a key a value if it is at a version; 0 expects that it is not there.

        Raises:
            StateError: `kv/stale-version` with the version and value it has; as `put`.
        """
        return self._write(key, value, ttl, expected_version)

    def _write(self, key: str, value: Any, ttl: Ttl, expected: int | None) -> Entry:
        name, plain = check_name(KEYS, key), plain_json(value)
        ttl_us = us_of_ttl(ttl)
        made: Entries = []

        def build(db: Db) -> TxForms:
            now_us = now_of(self.conn, db)
            if expected is not None:
                self._check_version(db, name, expected, now_us)
            forms, entry = self.writing(db, name, plain, ttl_us, now_us)
            made[:] = [entry]
            return forms

        report = self.conn.update(build)
        return written_entry(made[0], report)

    def _check_version(self, db: Db, name: str, expected: int, now_us: int) -> None:
        entry = find_entry(db, KEYS, self.scope, name, now_us)
        if expected != (0 if entry is None else entry.version):
            raise stale(KEYS, name, expected, entry)

    def writing(
        self, db: Db, name: str, value: Any, ttl_us: int | None, now_us: int
    ) -> tuple[TxForms, Entry]:
        """Return tx-data that writes plain JSON under a key, as the rule for it says, and the entry.

        Raises:
            StateError: `kv/schema-mismatch`.
        """
        rule = rule_of(db, self.scope, name)
        rule.check(name, value)
        lives_us = rule.ttl_us if ttl_us is None else ttl_us
        expires_us = None if lives_us is None else now_us + lives_us
        return writing(db, KEYS, self.scope, name, value, expires_us=expires_us)

    def delete(self, key: str, expected_version: int | None = None) -> bool:
        """Take a key's value away; its history stays. Tell whether there was one.

        Raises:
            StateError: `kv/stale-version` if it is not at the expected version.
        """
        name = check_name(KEYS, key)
        found: list[bool] = []

        def build(db: Db) -> TxForms:
            now_us = now_of(self.conn, db)
            if expected_version is not None:
                self._check_version(db, name, expected_version, now_us)
            entry = find_entry(db, KEYS, self.scope, name, now_us)
            found[:] = [entry is not None]
            return [] if entry is None else deleting(db, KEYS, entry.eid)

        self.conn.update(build)
        return found[0]

    def list(self, prefix: str = "", *, as_of: int | datetime | None = None) -> Entries:
        """Return the keys that begin with a prefix and have a value, by key.

        Cost: a few µs for each key of the scope.
        """
        db, now_us = now_at(self.conn, as_of)
        return entries_of(db, KEYS, self.scope, prefix, now_us)

    def history(self, key: str) -> Changes:
        """Return every version that a key had, oldest first, with who wrote it when."""
        return history_of(self.conn.db, KEYS, self.scope, check_name(KEYS, key))

    def rule(
        self, prefix: str = "", *, schema: Mapping[str, Any] | None = None, ttl: Ttl = None
    ) -> Rule:
        """Say what the values of keys that begin with a prefix must be, and how long they live.

        Of several rules the one with the longest prefix holds. Values that are there already stay.

        Args:
            prefix: "" for the whole scope.
            schema: a JSON Schema, of the keywords that `datamem.kv.shapes` knows.
            ttl: for what is put without one.

        Raises:
            StateError: `kv/bad-schema`, `kv/bad-ttl`.
        """
        made = rule_map(self.scope, prefix, schema, us_of_ttl(ttl))

        def build(db: Db) -> TxForms:
            eid = entity_of(db, ":kv-rule/id", made[":kv-rule/id"])
            parts = (":kv-rule/schema", ":kv-rule/ttl-us")
            gone = [part for part in parts if part not in made and eid is not None]
            return [made, *([":db/retract", eid, part] for part in gone)]

        self.conn.update(build)
        return rule_of(self.conn.db, self.scope, prefix)

    def sweep(self) -> int:
        """Take away the values of this scope that have expired; return how many.

        Reading never shows them, swept or not; sweeping makes their absence a fact of the database.
        """
        count: list[int] = []

        def build(db: Db) -> TxForms:
            now_us = now_of(self.conn, db)
            kept = {entry.eid for entry in entries_of(db, KEYS, self.scope, "", now_us)}
            every = {entry.eid for entry in entries_of(db, KEYS, self.scope, "", 0)}
            expired = sorted(every - kept)
            count[:] = [len(expired)]
            return [form for eid in expired for form in deleting(db, KEYS, eid)]

        self.conn.update(build)
        return count[0]
