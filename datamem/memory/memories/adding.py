"""Adding memories: many in a transaction, each known by the digest of what it says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from datamem.errors import DatamemError
from datamem.index.words import instant_of_us
from datamem.memory.memories.embeddings import Vectors, near_duplicate
from datamem.memory.records.context import (
    Context,
    Forms,
    instant,
    keyword,
    keywords,
    names_of,
    present,
)
from datamem.memory.records.kinds import find, get
from datamem.memory.records.record import Record
from datamem.memory.scope.view import remembered

if TYPE_CHECKING:
    from datamem.db import Db

REFS: Final = {
    "user": "user",
    "agent": "agent",
    "session": "session",
    "project": "project",
    "source_agent": "agent",
    "parent": "memory",
}
"""Options of a memory that name one entity, and its kind."""
MANY_REFS: Final = {"source_messages": "message", "source_memories": "memory"}
PLAIN: Final = (
    "summary",
    "importance",
    "priority",
    "score",
    "level",
    "metadata",
    "data",
    "app",
    "decay_rate",
    "initial_strength",
)
KEYWORDS: Final = ("scope", "tier")
INSTANTS: Final = {
    "expires_at": ":memory/expires-at",
    "valid_from": ":fact/valid-from",
    "valid_to": ":fact/valid-to",
    "created_at": ":memory/created-at",
    "last_recall": ":memory/last-recall",
}
_OTHERS: Final = ("content", "type", "id", "tags", "contexts", "embedding")
OPTIONS: Final = frozenset(
    {*REFS, *MANY_REFS, *PLAIN, *KEYWORDS, *INSTANTS, *_OTHERS, "entities"}
)
DEFAULT_PRIORITY: Final = 5


def digest_of(content: str) -> str:
    """Return what a memory's content is recognised by: its SHA-256 in hexadecimal."""
    return sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(slots=True)
class Item:
    """One memory to be: what it says, its digest, and all other options."""

    content: str
    options: Mapping[str, Any]
    digest: str
    vector: Any = None
    eid: int | None = None
    tempid: str | None = None
    is_new: bool = False
    names: dict[str, Any] = field(default_factory=dict)


def item_of(options: Mapping[str, Any]) -> Item:
    """Return the memory that options describe.

    Raises:
        DatamemError: `memory/bad-option` for a name that is no option, `memory/no-content`.
    """
    unknown = sorted(set(options) - OPTIONS)
    if unknown:
        raise DatamemError(
            f"a memory has no option {unknown[0]}",
            code="memory/bad-option",
            hint=f"the options are {', '.join(sorted(OPTIONS))}",
            options=unknown,
        )
    content = options.get("content")
    data = options.get("data")
    if content is None and isinstance(data, Mapping):
        content = data.get("text")
    if not isinstance(content, str) or not content:
        raise DatamemError(
            "a memory needs content: a text, or data with a text",
            code="memory/no-content",
            hint='add("…") or add(data={"text": "…"})',
            content=content,
        )
    return Item(content, options, digest_of(content))


def add_items(
    context: Context,
    items: Sequence[Item],
    *,
    why: str | None,
    dedupe: bool,
    similar: float | None,
    vectors: Vectors | None,
) -> list[Record]:
    """Add memories in one transaction; return a record each, in their order.

    What is known already, by its digest (or, with `similar`, by its vector) and with the same user, agent
    and type, is returned as it is.
    """

    def build(db: Db) -> Forms:
        now_us = context.now_us()
        seen = remembered(db, now_us=now_us)
        batch = _Batch(context, seen, instant_of_us(now_us), now_us)
        for number, item in enumerate(items):
            item.tempid, item.eid, item.is_new = f"memory-{number}", None, False
            batch.put(item, dedupe=dedupe, similar=similar, vectors=vectors)
        return batch.forms

    report = context.update(build, why=why)
    for item in items:
        if item.eid is None:
            item.eid = report.tempids[item.tempid]
    db = context.within(report.db_after)
    return [context.record(db, item.eid or 0, "memory", is_new=item.is_new) for item in items]


class _Batch:
    """The forms of one transaction, made on the newest value."""

    def __init__(self, context: Context, db: Db, now: datetime, now_us: int) -> None:
        self.forms: Forms = []
        self._db = db
        self._now = now
        self._now_us = now_us
        self._owners = context.owners("memory")
        self._refs: dict[tuple[str, Any], int] = {}
        self._added: dict[tuple[Any, ...], Item] = {}

    def put(
        self, item: Item, *, dedupe: bool, similar: float | None, vectors: Vectors | None
    ) -> None:
        form = self._form(item)
        key = (
            item.digest,
            *(form.get(f":memory/{name}") for name in ("type", "user", "agent")),
        )
        if dedupe and self._is_known(item, form, key, similar, vectors):
            return
        self._added[key] = item
        item.is_new = True
        if item.vector is not None and vectors is not None:
            form[vectors.attribute] = item.vector
        self.forms.append(form)

    def _is_known(
        self,
        item: Item,
        form: dict[str, Any],
        key: tuple[Any, ...],
        similar: float | None,
        vectors: Vectors | None,
    ) -> bool:
        earlier = self._added.get(key)
        if earlier is not None:
            item.tempid = earlier.tempid
            return True
        item.eid = self._known_by_digest(item, form)
        if item.eid is None and similar is not None and vectors is not None:
            found = near_duplicate(self._db, vectors, item.vector, similar)
            item.eid = next((e for e in found if self._has_same_owners(e, form)), None)
        return item.eid is not None

    def _known_by_digest(self, item: Item, form: dict[str, Any]) -> int | None:
        attribute = self._db.schema.require(":memory/hash")
        word = self._db.encode(attribute, item.digest)
        if word is None:
            return None
        found = self._db.referrers(word, attribute.id)
        return next((e for e in found if self._has_same_owners(e, form)), None)

    def _has_same_owners(self, e: int, form: dict[str, Any]) -> bool:
        entity = self._db.entity(e)
        return entity is not None and all(
            _plain(entity.get(name)) == form.get(name)
            for name in (":memory/type", ":memory/user", ":memory/agent")
        )

    def _form(self, item: Item) -> dict[str, Any]:
        options = item.options
        form = {
            ":db/id": item.tempid,
            **names_of("memory", options.get("id")),
            **self._owners,
            ":memory/content": item.content,
            ":memory/hash": item.digest,
            ":memory/type": keyword(options.get("type") or "fact"),
            ":memory/priority": DEFAULT_PRIORITY,
            ":memory/created-at": self._now,
            **facts_of(options, self._now_us, self._ref),
        }
        known = (
            find(self._db.unbounded(), "memory", options["id"]) if options.get("id") else None
        )
        if known is not None:
            raise DatamemError(
                f"there is a memory {options['id']} already",
                code="memory/exists",
                hint="revise it, or give another id",
                id=options["id"],
            )
        return form

    def _ref(self, kind: str, ref: Any) -> int:
        try:
            return self._refs[kind, ref]
        except (KeyError, TypeError):
            eid = get(self._db, kind, ref)
            if isinstance(ref, str | int):
                self._refs[kind, ref] = eid
            return eid


def facts_of(options: Mapping[str, Any], now_us: int, ref: Any) -> dict[str, Any]:
    """Return the attributes that options of a memory say; `ref(kind, name)` finds entities."""
    facts: dict[str, Any] = {}
    for name, kind in REFS.items():
        if options.get(name) is not None:
            facts[f":memory/{_dashed(name)}"] = ref(kind, options[name])
    for name, kind in MANY_REFS.items():
        if options.get(name):
            facts[f":memory/{_dashed(name)}"] = [ref(kind, one) for one in options[name]]
    for name in PLAIN:
        facts[f":memory/{_dashed(name)}"] = options.get(name)
    for name in KEYWORDS:
        facts[f":memory/{name}"] = keyword(options[name]) if options.get(name) else None
    for name, attribute in INSTANTS.items():
        facts[attribute] = instant(options.get(name), now_us)
    for name in ("tags", "contexts"):
        facts[f":memory/{name}"] = keywords(options.get(name) or ()) or None
    return present(facts)


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _plain(value: Any) -> Any:
    return getattr(value, "eid", value)


def items_of(
    several: Iterable[str | Mapping[str, Any]], shared: Mapping[str, Any]
) -> list[Item]:
    """Return memories given as texts or mappings of options, each with the shared options."""
    return [
        item_of({**shared, **(one if isinstance(one, Mapping) else {"content": one})})
        for one in several
    ]
