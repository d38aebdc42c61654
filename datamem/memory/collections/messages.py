"""Messages: turns of a session, numbered from 1 without a gap, however many threads add them."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from datamem.db.entity import Entity
from datamem.errors import DatamemError
from datamem.index.sets import ascending
from datamem.memory.collections.collection import Collection
from datamem.memory.collections.places import Place, places_of
from datamem.memory.records.context import Forms, keyword, names_of, new_id
from datamem.memory.records.forms import facts_from
from datamem.memory.records.kinds import find, get
from datamem.memory.records.record import Record

if TYPE_CHECKING:
    from datamem.db import Db
    from datamem.memory.records.context import Context
    from datamem.transact.plan import TxPlan

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
        if not items:
            return []
        adding = _Adding(self.ctx, session, items)
        report = self.ctx.conn.update(adding.forms, self.ctx.authors(), check=adding.check)
        db, tempids = self.ctx.within(report.db_after), report.tempids
        return [
            Record(Entity(db, tempids[-number]), "message", is_new=True)
            for number in range(1, len(items) + 1)
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


class _Adding:
    """The forms of new turns, made on the newest value.

    Where the session and who may write to it are known (`Places`), nothing is read; what is found is the same.
    """

    def __init__(
        self, context: Context, session: Any, items: Sequence[Mapping[str, Any]]
    ) -> None:
        self._ctx = context
        self._session = session
        self._items = items
        self._place: Place | None = None
        self._is_plain = all(_QUICK.issuperset(item) for item in items)
        self._is_allowed = False

    def forms(self, db: Db) -> Forms:
        """Return the tx-data; `db` is the whole newest value.

        Raises:
            DatamemError: `memory/unknown`, `session/ended`, `memory/bad-option`.
        """
        self._is_allowed = self._ctx.scope.is_everything
        place = self._place = self._known(db) or self._read(db)
        now = self._ctx.now()
        forms: Forms = []
        for number, item in enumerate(self._items, start=1):
            form: dict[str, Any] = {
                ":db/id": -number,
                ":message/id": new_id(),
                **place.common,
                ":message/role": keyword(item["role"]),
                ":message/content": item.get("content"),
                ":message/sequence": place.last + number,
                ":message/timestamp": item.get("timestamp") or now,
            }
            forms.append(form)
            if not self._is_plain:
                others = {k: value for k, value in item.items() if k not in _QUICK}
                _put_others(self._ctx, db, forms, form, others)
        return forms

    def check(self, db: Db, plan: TxPlan) -> None:
        """Refuse what the scope may not write.

        Raises:
            DatamemError: `scope/outside`.
        """
        scope, place = self._ctx.scope, self._place
        if self._is_allowed or place is None:
            return
        scope.check_plan(db, plan)
        if self._is_plain:
            places_of(db).allow(db, place, scope)

    def _known(self, db: Db) -> Place | None:
        """Return the session's place if it is known, and that the scope may write to it."""
        eid = getattr(self._session, "eid", self._session)
        if type(eid) is not int or not self._is_plain:
            return None
        place = places_of(db).known(self._ctx.conn, db, eid)
        if place is not None and not self._is_allowed:
            self._is_allowed = self._ctx.scope in place.scopes
        return place if self._is_allowed else None

    def _read(self, db: Db) -> Place:
        session = get(self._ctx.within(db), "session", self._session)
        return places_of(db).place(self._ctx.conn, db, session)


def _put_others(
    context: Context, db: Db, forms: Forms, form: dict[str, Any], others: dict[str, Any]
) -> None:
    """Put the options of a turn that few turns have into its form, and its tool calls after it."""
    seen = context.within(db)
    name = others.pop("id", None)
    if name is not None:
        form.update(names_of("message", name))
    sender = others.pop("sender", None)
    if sender is not None:
        form[":message/sender"] = sender_of(seen, sender)
    calls = others.pop("tool_calls", None)
    if calls:
        form[":message/tool-calls-doc"] = builtins.list(calls)
        forms += _tool_calls(calls, form[":db/id"])
    form.update(facts_from(seen, "message", others, context.now_us()))


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
