"""A session: what was set and bound so far, and what each input does."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from datamem_cli.opening import view_of
from datamem_cli.repl.changes import change_lines
from datamem_cli.repl.database import Database
from datamem_cli.repl.inputs import inputs_of
from datamem_cli.repl.kinds import Meaning, meaning_of
from datamem_cli.repl.scan import split_forms
from datamem_cli.repl.screen import Screen
from datamem_cli.repl.show import answer_lines, row_lines
from datamem_cli.show.printing import counted


@dataclass
class Session:
    r"""A conversation with one database.

    Attributes:
        database: what is asked and changed.
        screen: where answers go.
        fmt: how answers are printed: "table", "edn", "json" or "csv".
        as_of, since, history: the view that questions see.
        timing: tell how long each answer took.
        confirm: show a transaction's changes and ask before it is committed.
        variables: values of `:in`, by name.
        answer: the last answer, for `\save`; `text` is the last input, for `\edit`.
        is_over: whether the session was ended.
    """

    database: Database
    screen: Screen
    fmt: str = "table"
    as_of: Any = None
    since: Any = None
    history: bool = False
    timing: bool = False
    confirm: bool = True
    variables: dict[str, Any] = field(default_factory=dict)
    answer: Any = None
    text: str = ""
    is_over: bool = False
    clock: Callable[[], float] = time.perf_counter

    @property
    def db(self) -> Any:
        """The view that questions are asked of."""
        now = self.database.now
        return view_of(now, as_of=self.as_of, since=self.since, history=self.history)

    def run(self, text: str) -> None:
        """Do what an input says; several forms are done in turn.

        Raises:
            DatamemError: whatever refuses one of them; those before it are done.
        """
        text = text.strip()
        if text.startswith("\\"):
            from datamem_cli.repl.commands import run_command

            run_command(self, text)
            return
        self.text = text or self.text
        for form in split_forms(text):
            self._run_form(form)

    def _run_form(self, form: str) -> None:
        started = self.clock()
        match meaning_of(form):
            case Meaning.QUERY:
                self.show(self.ask(form))
                self._say_notes(form)
            case Meaning.TRANSACTION:
                self.transact(form)
            case Meaning.ENTITY:
                self.look(form)
        if self.timing:
            self.screen.say(f"{(self.clock() - started) * 1000:.1f} ms")

    def ask(self, query: str) -> Any:
        """Return a query's answer in the session's view, with its variables as inputs."""
        return self.db.q(query, *inputs_of(query, self.variables))

    def show(self, answer: Any) -> None:
        """Print an answer and remember it."""
        self.answer = answer
        self.screen.show(answer_lines(answer, self.fmt, self.screen.width))

    def _say_notes(self, query: str) -> None:
        """Say what in a query can match nothing, or is hardly meant so."""
        for note in self.db.prepare(query).notes(*inputs_of(query, self.variables)):
            self.screen.say(f"note: {note}")

    def look(self, name: str) -> None:
        """Print every fact of an entity, and since when it holds."""
        from datamem_cli.commands.look import entity_rows

        records = entity_rows(self.db, name)
        header = list(records[0])
        rows = [list(record.values()) for record in records]
        self.screen.show(row_lines(header, rows, self.fmt, self.screen.width))

    def transact(self, tx_data: str) -> None:
        """Commit a transaction; a person sees first what it would change, and is asked.

        Raises:
            DatamemError: `repl/in-the-past` in a view of the past; what refuses the transaction.
        """
        if self.as_of is not None:
            from datamem.errors import DatamemError

            raise DatamemError(
                "the session looks at the past, which does not change",
                code="repl/in-the-past",
                hint=r"go back to the present with \as-of now",
            )
        if self.confirm and self.screen.is_interactive:
            from datamem.schema.bootstrap import TX_INSTANT

            preview = self.database.now.with_tx(tx_data)
            changes = [d for d in preview.tx_data if d.a != TX_INSTANT]
            self.screen.show(change_lines(preview.db_after, changes))
            if not self.screen.ask("commit?"):
                self.screen.say("nothing was changed")
                return
        with self.database.writing() as conn:
            report = conn.transact(tx_data)
        named = {str(key): eid for key, eid in report.tempids.items()}
        told = f", {named}" if named else ""
        self.screen.say(f"t={report.t}, {counted(report.datom_count, 'datom')}{told}")
