"""Entities out of a database: every one as a pulled map, in the form that `import` reads again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, islice
from typing import Any, Final

from datamem.ids import TX_BASE

_CHUNK: Final = 1000


def export_entities(db: Any) -> Iterator[dict[Any, Any]]:
    """Yield every entity of the view as its pulled map, in the order of entity ids.

    Transactions and attributes are left out: they are the database's own. References are stubs,
    `{":db/id" n}`, which an import resolves.

    Cost: a pull each, a thousand at a time; never all in memory.
    """
    ids = (e for e, _ in groupby(db.datoms(":eavt"), key=lambda datom: datom.e) if e < TX_BASE)
    while chunk := list(islice(ids, _CHUNK)):
        yield from db.pull_many("[*]", chunk)
