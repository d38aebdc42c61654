"""What an importer hands over: batches of entities with an identity each, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from datamem.edn import Keyword

EntityMap = dict[Keyword, Any]
"""One entity in map form; its identity attribute is named by `identity_of`."""

IDENTITIES = tuple(
    Keyword(name)
    for name in (
        ":message/id",
        ":tool-call/id",
        ":session/id",
        ":user/id",
        ":agent/id",
        ":organization/id",
        ":run/id",
        ":event/id",
        ":trace/id",
    )
)
"""Attributes that make an entity of a conversation the same one however often it is imported."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The entities of one transaction.

    Attributes:
        entities: maps without tempids; references are lookup refs, also to entities of the batch.
        instant: when it happened, or None; becomes the transaction's instant where it can.
        mention_count: how many of the first entities are named only because others refer to them.
        keep_known: True where an entity that the database knows may bring something new (rows of an
            export); False where it is skipped (turns of a conversation do not change).
    """

    entities: tuple[EntityMap, ...]
    instant: datetime | None = None
    mention_count: int = 0
    keep_known: bool = False


@dataclass(slots=True)
class ImportReport:
    """What an import did.

    Attributes:
        format: `locomo`, `chat`, `edn` or `jsonl`.
        source: the name under which entities without an identity were made known.
        batches: batches read; as many transactions at most.
        transactions: transactions that added something.
        entities: entities read; `known_count` of them were there before.
        undated_count: transactions that kept the real instant, since the database was already past
            the date they have in the file. Their dates are attributes all the same.
    """

    format: str
    source: str
    batches: int = 0
    transactions: int = 0
    entities: int = 0
    known_count: int = 0
    datoms: int = 0
    undated_count: int = 0


class Progress(Protocol):
    """Told after every batch; for a bar."""

    def __call__(self, done_count: int, total_count: int, /) -> None:
        """Take note that so many batches of so many are done."""


class Connection(Protocol):
    """What an import needs of a connection: the public API, and no more."""

    @property
    def db(self) -> Any:
        """The database value now."""

    def transact(
        self, tx_data: Any, meta: Mapping[Any, Any] | None = None, *, sync: bool = True
    ) -> Any:
        """Commit the transaction and return its report."""

    def sync(self) -> None:
        """Make every commit so far durable."""


def identity_of(entity: EntityMap) -> tuple[Keyword, Any] | None:
    """Return the identity attribute of a conversation's entity and its value."""
    for attribute in IDENTITIES:
        if attribute in entity:
            return attribute, entity[attribute]
    return None
