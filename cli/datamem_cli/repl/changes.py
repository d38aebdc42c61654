"""What a transaction adds and takes away, as a person reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from datamem_cli.show.printing import edn_of


def change_lines(db: Any, datoms: Iterable[Any]) -> Iterator[str]:
    """Yield a line a datom, `+` for what is added and `-` for what no longer holds, by entity."""
    previous: int | None = None
    for datom in sorted(datoms, key=lambda d: (d.e, str(db.ident(d.a)), d.added)):
        if datom.e != previous:
            yield f"  {entity_name(db, datom.e)}"
            previous = datom.e
        mark = "+" if datom.added else "-"
        yield f"  {mark} {db.ident(datom.a) or datom.a} {edn_of(datom.v)}"


def entity_name(db: Any, e: int) -> str:
    """Return how to call an entity: its ident, or its id with a unique value if it has one."""
    ident = db.ident(e)
    if ident is not None:
        return str(ident)
    for a, word in db.entity_words(e):
        attribute = db.schema.get(a)
        if attribute is not None and attribute.unique is not None:
            value = db.decode(attribute.value_type, [word])[0]
            return f"{e} [{attribute.ident} {edn_of(value)}]"
    return str(e)
