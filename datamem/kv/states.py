"""States: records that agents coordinate through, changed only by who has seen the newest version."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from datamem.conn import Connection
from datamem.db import Db
from datamem.kv.clocks import now_at
from datamem.kv.declared import declare
from datamem.kv.jsonvalue import plain_json
from datamem.kv.records import (
    STATES,
    Changes,
    Entries,
    Entry,
    TxForms,
    check_name,
    entries_of,
    find_entry,
    history_of,
    stale,
    writing,
    written_entry,
)
from datamem.kv.scopes import Scope
from datamem.kv.store import SECTIONS


class States:
    """The state records of one scope.

    Example:
        >>> from datamem import connect
        >>> states = States(connect(":memory:"))
        >>> states.compare_and_swap("job", 0, {"step": 1}).version
        1
        >>> states.read("job").value
        {'step': 1}
    """

    def __init__(self, conn: Connection, scope: Scope | str = "") -> None:
        declare(conn, *SECTIONS)
        self.conn = conn
        self.scope = scope if isinstance(scope, Scope) else Scope.parse(scope)

    def read(self, name: str, *, as_of: int | datetime | None = None) -> Entry:
        """Return a state, now or at a point in time; one that nobody wrote has version 0."""
        db, _ = now_at(self.conn, as_of)
        return self.read_in(db, check_name(STATES, name))

    def read_in(self, db: Db, name: str) -> Entry:
        """Return a state as a database value has it."""
        return find_entry(db, STATES, self.scope, name, 0) or Entry(0, name, None, 0)

    def compare_and_swap(self, name: str, expected_version: int, value: Any) -> Entry:
        """Write a state if it is at a version; 0 expects that nobody has written it.

        Raises:
            StateError: `kv/stale-version` with the version and value it has; `json/not-json`.
        """
        plain = plain_json(value)

        def change(entry: Entry, _: Db) -> Any:
            if entry.version != expected_version:
                raise stale(STATES, name, expected_version, entry if entry.version else None)
            return plain

        return self.change(name, change)

    def change(self, name: str, function: Callable[[Entry, Db], Any]) -> Entry:
        """Write what a function makes of a state, while nobody else writes.

        Args:
            function: called with the newest state and database value; returns plain JSON. What it
                raises refuses the write. It may not transact.
        """
        check_name(STATES, name)
        made: Entries = []

        def build(db: Db) -> TxForms:
            value = function(self.read_in(db, name), db)
            forms, entry = writing(db, STATES, self.scope, name, value)
            made[:] = [entry]
            return forms

        report = self.conn.update(build)
        return written_entry(made[0], report)

    def list(self, prefix: str = "", *, as_of: int | datetime | None = None) -> Entries:
        """Return the states whose names begin with a prefix, by name."""
        db, _ = now_at(self.conn, as_of)
        return entries_of(db, STATES, self.scope, prefix, 0)

    def history(self, name: str) -> Changes:
        """Return every version of a state, oldest first, with who wrote it when."""
        return history_of(self.conn.db, STATES, self.scope, check_name(STATES, name))
