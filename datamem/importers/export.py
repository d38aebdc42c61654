"""Entities out of a database: every one as a pulled map, in the form that `import` reads again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from datamem.ids import TX_BASE

_CHUNK: Final = 1000


def export_entities(db: Any) -> Iterator[dict[Any, Any]]:
    """Yield every entity of the view as its pulled map, in the order of entity ids.

    Transactions and attributes are left out: they are the database's own. References are stubs,
    `{":db/id" n}`, which an import resolves.

    Cost: a pull each, a thousand at a time; never all in memory.
    """
    entities = np.unique(db.rows().e)
    ids = entities[entities < TX_BASE].tolist()
    for start in range(0, len(ids), _CHUNK):
        yield from db.pull_many("[*]", ids[start : start + _CHUNK])
