"""Extraction of entities, relations and facts from what was said, after it was written.

Writing never waits for a model: what has not been read yet is a query, `waiting`, and `extract` reads it a
batch at a time. The results of a batch and the mark that it was read are one transaction, so that stopping
anywhere loses nothing and repeats nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

import numpy as np

from datamem.edn import Keyword
from datamem.errors import TransactError
from datamem.index.kernels import EMPTY, Int64Array
from datamem.index.words import instant_of_us
from datamem.memory.memories.adding import digest_of
from datamem.memory.records.columns import first_words, speakers_of, words_by_entity
from datamem.memory.reflection.passages import Extraction, Extractor, Passage
from datamem.memory.reflection.strength import memory_types

if TYPE_CHECKING:
    from datamem.db.database import Db
    from datamem.memory.records.context import Context

_NAMESPACE: Final = UUID("0b1cf5ee-8d0d-5b86-8ad0-2b8ab5c4b1d4")
_ABSENT: Final = -1


def waiting(db: Db, by: str = "rules") -> Int64Array:
    """Return the messages and memories with content that extractor `by` has not read, ascending.

    As a query: `[?m :message/content _] (not [?m :extraction/by "rules"])`. Memories that an
    extraction made are not read again.
    """
    every = [words_by_entity(db, n).e for n in (":message/content", ":memory/content")]
    made = words_by_entity(db, ":extraction/of").e
    attribute = db.schema.get(":extraction/by")
    word = None if attribute is None else db.encode(attribute, by)
    done = EMPTY if word is None or attribute is None else db.rows(a=attribute.id, v=word).e
    return np.setdiff1d(np.concatenate(every), np.union1d(done, made))


def extract(
    context: Context,
    extractor: Extractor | None = None,
    *,
    by: str = "rules",
    limit: int | None = None,
    batch: int = 64,
) -> int:
    """Read what is waiting, the oldest first; return how many passages were read.

    Args:
        extractor: None for the built-in rules.
        by: name of the extractor; another name reads everything once more.
        limit: read no more than this many; None for all that waits now.
        batch: passages a call of the extractor, and a transaction.

    Raises:
        TransactError: `memory/bad-extraction` if the extractor returns other than one
            extraction a passage. Batches before it are done, the rest still waits.
    """
    if extractor is None:
        from datamem.memory.reflection.patterns import read_by_rules as extractor
    assert extractor is not None
    queue = waiting(context.view(), by)[:limit]
    for start in range(0, len(queue), batch):
        passages = passages_of(context.view(), queue[start : start + batch])
        found = list(extractor(passages))
        if len(found) != len(passages):
            raise TransactError(
                f"extractor {by} returned {len(found)} extractions for {len(passages)} passages",
                code="memory/bad-extraction",
                hint="return one Extraction a passage, an empty one where nothing is said",
                by=by,
            )
        build = partial(
            _batch_tx, passages=passages, found=found, by=by, now_us=context.now_us()
        )
        context.update(build, why="extract")
    return len(queue)


def passages_of(db: Db, es: Int64Array) -> list[Passage]:
    """Return the texts of messages and memories, with who said them and when."""
    texts: dict[int, str] = {}
    for name in (":memory/content", ":message/content"):
        words = words_by_entity(db, name, es)
        texts.update(zip(words.e.tolist(), words.values(db), strict=True))
    times = np.maximum(
        first_words(db, ":message/timestamp", es, _ABSENT),
        first_words(db, ":memory/created-at", es, _ABSENT),
    )
    speakers = np.maximum(
        speakers_of(db, es),
        first_words(db, ":memory/user", es, _ABSENT),
    )
    names = {e: _name_of(db, e) for e in np.unique(speakers).tolist()}
    return [
        Passage(e, texts.get(e, ""), names[who], instant_of_us(us) if us != _ABSENT else None)
        for e, who, us in zip(es.tolist(), speakers.tolist(), times.tolist(), strict=True)
    ]


def _name_of(db: Db, e: int) -> str:
    if e == _ABSENT:
        return ""
    entity = db.entity(e)
    return str(entity.get(":user/name") or entity.get(":agent/name") or "")


def _batch_tx(
    db: Db, passages: Sequence[Passage], found: Sequence[Extraction], by: str, now_us: int
) -> list[Any]:
    """Return what some passages say, and that they were read; those read meanwhile are left out."""
    still = set(waiting(db, by).tolist())
    made = _Made(db, now_us)
    for passage, one in zip(passages, found, strict=True):
        if passage.e not in still:
            continue
        made.passage(passage, one)
        made.forms.append({":db/id": passage.e, ":extraction/by": by})
    return made.forms


class _Made:
    """The tx-data of a batch."""

    def __init__(self, db: Db, now_us: int) -> None:
        self.db = db
        self.now = instant_of_us(now_us)
        self.forms: list[Any] = []
        self.relations: set[tuple[Any, ...]] = set()
        self.entities: dict[UUID, dict[str, Any]] = {}

    def passage(self, passage: Passage, found: Extraction) -> None:
        owner = self.owner(passage.e)
        named = dict(found.entities)
        for source, _, target in found.relations:
            named.setdefault(source, ":concept")
            named.setdefault(target, ":concept")
        for name, kind in named.items():
            self.entity(owner, name, kind, passage)
        for source, relation, target in found.relations:
            self.relation(owner, source, relation, target, passage)
        for kind, text in found.facts:
            self.fact(owner, kind, text, passage)

    def owner(self, e: int) -> dict[str, int]:
        """Return whose a message or memory is: by short attribute names."""
        entity = self.db.entity(e)
        kind = "message" if ":message/content" in entity else "memory"
        names = ("organization", "user", "agent", "session")
        found = {n: entity[f":{kind}/{n}"].eid for n in names if f":{kind}/{n}" in entity}
        session = self.db.entity(found["session"]) if "session" in found else {}
        for name in ("organization", "user", "agent"):
            if name not in found and f":session/{name}" in session:
                found[name] = session[f":session/{name}"].eid
        return found

    def entity(self, owner: dict[str, int], name: str, kind: str, passage: Passage) -> None:
        """Say that an entity is mentioned; it is one for its name within its organization."""
        uuid = entity_id(name, owner.get("organization"))
        form = self.entities.get(uuid)
        if form is None:
            form = {":entity/id": uuid, ":entity/mentions": []}
            if self.db.resolve([":entity/id", uuid]) is None:
                form |= {":entity/name": name, ":entity/type": Keyword(kind)}
                form[":entity/created-at"] = self.now
                if "organization" in owner:
                    form[":entity/organization"] = owner["organization"]
            self.entities[uuid] = form
            self.forms.append(form)
        if passage.e not in form[":entity/mentions"]:
            form[":entity/mentions"].append(passage.e)

    def relation(
        self, owner: dict[str, int], source: str, kind: str, target: str, passage: Passage
    ) -> None:
        """Say what one entity is to another; what is known already gains evidence."""
        ids = [entity_id(name, owner.get("organization")) for name in (source, target)]
        if ids[0] == ids[1]:
            return
        key = (*ids, kind)
        known = None if key in self.relations else self.known_relation(ids, kind)
        self.relations.add(key)
        tempid = f"relation {ids[0]} {kind} {ids[1]}"
        form: dict[str, Any] = {
            ":db/id": known or tempid,
            ":relation/evidence": [passage.e],
        }
        if known is None:
            form |= {
                ":relation/source": [":entity/id", ids[0]],
                ":relation/target": [":entity/id", ids[1]],
                ":relation/type": Keyword(kind),
                ":relation/created-at": self.now,
            }
            if "organization" in owner:
                form[":relation/organization"] = owner["organization"]
            if passage.at is not None:
                form[":fact/valid-from"] = passage.at
        self.forms.append(form)

    def known_relation(self, ids: Sequence[UUID], kind: str) -> int | None:
        source, target = (self.db.resolve([":entity/id", one]) for one in ids)
        attribute = self.db.schema.get(":relation/source")
        if source is None or target is None or attribute is None:
            return None
        for e in self.db.referrers(source, attribute.id):
            entity = self.db.entity(e)
            if entity[":relation/target"].eid == target and entity[":relation/type"] == kind:
                return e
        return None

    def fact(self, owner: dict[str, int], kind: str, text: str, passage: Passage) -> None:
        """Make a memory of a fact; its id follows from the passage and the sentence."""
        uuid = uuid5(_NAMESPACE, f"fact of {passage.e}: {text}")
        types = memory_types(self.db)
        form: dict[str, Any] = {
            ":memory/id": uuid,
            ":memory/type": Keyword(kind),
            ":memory/content": text,
            ":memory/hash": digest_of(text),
            ":memory/level": 0,
            ":memory/created-at": passage.at or self.now,
            ":memory/initial-strength": 1.0,
            ":memory/decay-rate": types[kind if kind in types else ":fact"].decay_rate,
            ":memory/importance": 0.5,
            ":memory/priority": 5,
            ":extraction/of": passage.e,
        }
        form |= {f":memory/{name}": e for name, e in owner.items()}
        is_message = bool(self.db.entity(passage.e).get(":message/content"))
        form[":memory/source-messages" if is_message else ":memory/source-memories"] = passage.e
        if passage.at is not None:
            form[":fact/valid-from"] = passage.at
        self.forms.append(form)


def entity_id(name: str, organization: int | None = None) -> UUID:
    """Return the id of an entity by name: one for all spellings that differ in case or spaces."""
    folded = " ".join(name.casefold().split())
    return uuid5(_NAMESPACE, f"entity of {organization or 0}: {folded}")
