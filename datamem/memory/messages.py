"""Messages: turns of a session, numbered from 1 without a gap, however many threads add them."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from datamem.errors import DatamemError
from datamem.memory.collection import Collection
from datamem.memory.context import Forms, keyword, names_of, new_id
from datamem.memory.forms import facts_from
from datamem.memory.kinds import find, get
from datamem.memory.record import Record
from datamem.memory.sequence import sequences_of
from datamem.memory.sets import ascending

if TYPE_CHECKING:
    from datamem.db import Db

Turn = tuple[str, str] | Mapping[str, Any]
"""(role, content), or a mapping with both and any of the options of `Messages.add`."""

_QUICK: Final = frozenset({"role", "content", "timestamp"})


class Messages(Collection):
    """Turns of sessions."""

    kind = "message"
    ordered_by = "timestamp"

    def add(
        self, session: Any, role: str, content: str | None = None, **options: Any
    ) -> Record:
        """Add a turn at the end of a session.

        Args:
            session: which must not have ended.
            role: "user", "assistant", "system" or "tool".
            content: its text.
            **options: `sender` (a user or agent record), `name`, `model`, `token_count`, `latency_ms`,
                `timestamp`, `tool_calls` (as the OpenAI format has them), `tool_call_id`,
                `tool_returns`, `parts_doc`, `references` (JSON), `step`, `thread`, `group`, `id`.

        Raises:
            DatamemError: `memory/unknown`, `session/ended`, `memory/bad-option`; SchemaError for
                another role.
        """
        return self.add_many(session, [{"role": role, "content": content, **options}])[0]

    def add_many(self, session: Any, turns: Iterable[Turn]) -> builtins.list[Record]:
        """Add turns at the end of a session in one transaction.

        Args:
            turns: (role, content) pairs, or mappings with `add`'s options.

        Cost: about 30 µs a turn.
        """
        items = [_item(turn) for turn in turns]

        def build(db: Db) -> Forms:
            batch = _Batch(self, db, get(db, "session", session))
            for item in items:
                batch.put(item)
            batch.expect()
            return batch.forms

        if not items:
            return []
        report = self.ctx.update(build)
        db = self.ctx.within(report.db_after)
        return [
            self.ctx.record(db, report.tempids[-1 - number], "message", is_new=True)
            for number in range(len(items))
        ]

    def of_session(
        self, session: Any, *, last: int | None = None, db: Db | None = None
    ) -> builtins.list[Record]:
        """Return the turns of a session in their order.

        Args:
            last: only so many, the newest.
            db: a view to read from.
        """
        seen = self.ctx.seen(db)
        e = _ascending(seen, ":message/session", get(seen, "session", session))
        order = _words(seen, ":message/sequence", e)
        ordered = e[np.argsort(order, kind="stable")]
        chosen = ordered if last is None else ordered[max(len(ordered) - last, 0) :]
        return [self.ctx.record(seen, eid, "message") for eid in chosen.tolist()]

    def of_agent(
        self, agent: Any, *, last: int = 10, db: Db | None = None
    ) -> builtins.list[Record]:
        """Return the newest turns of all sessions of an agent, oldest of them first."""
        seen = self.ctx.seen(db)
        e = _ascending(seen, ":message/agent", get(seen, "agent", agent))
        order = np.lexsort((e, _words(seen, ":message/timestamp", e)))
        chosen = e[order][max(len(e) - last, 0) :]
        return [self.ctx.record(seen, eid, "message") for eid in chosen.tolist()]


def _item(turn: Turn) -> Mapping[str, Any]:
    if isinstance(turn, Mapping):
        item: Mapping[str, Any] = turn
    else:
        pair = tuple(turn)
        item = {"role": pair[0], "content": pair[1]} if len(pair) == 2 else {}
    if not isinstance(item.get("role"), str):
        raise DatamemError(
            f"{turn!r} is no turn of a conversation",
            code="message/bad-turn",
            hint='give ("user", "Hello"), or a mapping with a role and content',
            turn=turn,
        )
    return item


def _ascending(db: Db, name: str, owner: int) -> Any:
    return ascending(db.rows(a=db.schema.require(name).id, v=owner).e)


def _words(db: Db, name: str, e: Any) -> Any:
    """Return a word for each entity, those without one least."""
    rows = db.lookup_many(db.schema.require(name).id, e)
    words = np.full(len(e), np.iinfo(np.int64).min)
    words[np.searchsorted(e, rows.e)] = rows.v
    return words


class _Batch:
    """The forms of new turns, made on the newest value."""

    def __init__(self, messages: Messages, db: Db, session: int) -> None:
        self._ctx = messages.ctx
        self._db = db
        self._now_us = self._ctx.now_us()
        self._now = self._ctx.now()
        self._session = session
        self._sequences = sequences_of(db)
        self._sequence = self._sequences.last(db.unbounded(), session)
        self._common = {**self._owners(session), ":message/session": session}
        self._count = 0
        self.forms: Forms = []

    def _owners(self, session: int) -> dict[str, Any]:
        """Return whose the session is, and refuse one that has ended."""
        found = dict(self._db.entity_words(session))
        schema = self._db.schema
        status = schema.require(":session/status")
        word = found.get(status.id)
        if word is not None and self._db.decode(status.value_type, [word])[0] == ":ended":
            raise DatamemError(
                "the session has ended, and takes no more messages",
                code="session/ended",
                hint="begin another session",
                session=session,
            )
        names = ("organization", "user", "agent")
        owners = {n: found.get(schema.require(f":session/{n}").id) for n in names}
        return {f":message/{n}": owner for n, owner in owners.items() if owner is not None}

    def put(self, item: Mapping[str, Any]) -> None:
        """Add a turn."""
        self._count += 1
        self._sequence += 1
        form: dict[str, Any] = {
            ":db/id": -self._count,
            ":message/id": new_id(),
            **self._common,
            ":message/role": keyword(item["role"]),
            ":message/content": item.get("content"),
            ":message/sequence": self._sequence,
            ":message/timestamp": item.get("timestamp") or self._now,
        }
        self.forms.append(form)
        others = {name: value for name, value in item.items() if name not in _QUICK}
        if others:
            self._put_others(form, others)

    def expect(self) -> None:
        """Say where the last turn will be, if each is the only new entity of its own."""
        if len(self.forms) == self._count:
            t, e = self._db.basis_t + 1, self._db.next_entity + self._count - 1
            self._sequences.expect(self._session, t, e, self._sequence)

    def _put_others(self, form: dict[str, Any], others: dict[str, Any]) -> None:
        name = others.pop("id", None)
        if name is not None:
            form.update(names_of("message", name))
        sender = others.pop("sender", None)
        if sender is not None:
            form[":message/sender"] = sender_of(self._db, sender)
        calls = others.pop("tool_calls", None)
        if calls:
            form[":message/tool-calls-doc"] = builtins.list(calls)
            self.forms += _tool_calls(calls, form[":db/id"])
        form.update(facts_from(self._db, "message", others, self._now_us))


def sender_of(db: Db, sender: Any) -> int:
    """Return the entity of who said something: a record, or the name of a user or agent."""
    kind = getattr(sender, "kind", None)
    if kind in {"user", "agent"}:
        return get(db, kind, sender)
    return find(db, "user", sender) or get(db, "agent", sender)


def _tool_calls(calls: Sequence[Mapping[str, Any]], message: int) -> Forms:
    """Return the tool calls as entities of their own."""
    forms: Forms = []
    for number, call in enumerate(calls, start=1):
        function = call.get("function", call)
        arguments = function.get("arguments")
        if arguments is not None and not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
        forms.append(
            {
                ":tool-call/id": new_id(),
                ":tool-call/external-id": call.get("id"),
                ":tool-call/message": message,
                ":tool-call/sequence": number,
                ":tool-call/name": function.get("name"),
                ":tool-call/arguments": arguments,
            }
        )
    return forms
