"""What a person calls an entity, and in which colour it is drawn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from datamem.svg import PALETTE, shortened

if TYPE_CHECKING:
    from datamem.db.database import Db

_TEXTS: Final = (
    "name",
    "title",
    "label",
    "content",
    "text",
    "summary",
    "description",
    "path",
    "external-id",
    "id",
)


def facts_of(db: Db, e: int) -> dict[str, Any]:
    """Return an entity's attributes and values, the first value where there are many."""
    facts: dict[str, Any] = {}
    for a, word in db.entity_words(e):
        attribute = db.schema.get(a)
        if attribute is not None and attribute.ident not in facts:
            facts[attribute.ident] = db.decode(attribute.value_type, [word])[0]
    return facts


def label_of(db: Db, e: int, most: int = 28) -> str:
    """Return a short text by which a person knows an entity."""
    facts = facts_of(db, e)
    by_name = {str(ident).rpartition("/")[2]: value for ident, value in facts.items()}
    for name in _TEXTS:
        if name in by_name:
            return shortened(str(by_name[name]), most)
    return str(db.ident(e) or e)


def kind_of(db: Db, e: int) -> str:
    """Return the namespace that most of an entity's attributes have, as "memory"."""
    counts: dict[str, int] = {}
    for a, _ in db.entity_words(e):
        space = str(db.ident(a) or "").partition("/")[0].lstrip(":")
        counts[space] = counts.get(space, 0) + 1
    return max(counts, key=lambda space: (counts[space], space)) if counts else ""


def colors_of(kinds: Iterable[str]) -> dict[str, str]:
    """Return a colour a kind, the same for the same kinds."""
    return {
        kind: PALETTE[i % len(PALETTE)] for i, kind in enumerate(sorted(dict.fromkeys(kinds)))
    }
