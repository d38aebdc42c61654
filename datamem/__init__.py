"""A time machine for agent memory: an immutable datom database with Datalog.

import datamem

conn = datamem.connect("memory-db")
conn.transact([{"user/name": "Ada", "user/likes": "tea"}])
conn.db.q('[:find ?likes . :where [?u :user/name "Ada"] [?u :user/likes ?likes]]')
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from datamem.errors import DatamemError
from datamem.hooks import HOOKS as _HOOKS

if TYPE_CHECKING:
    from datamem.conn import Connection, check, connect, restore
    from datamem.datalog import explain, prepare, q, query
    from datamem.db import Datom, Db, TxReport
    from datamem.db.diff import diff
    from datamem.edn import Keyword, Symbol

__version__ = "0.1.0"

__all__ = [
    "Connection",
    "DatamemError",
    "Datom",
    "Db",
    "Keyword",
    "Symbol",
    "TxReport",
    "check",
    "connect",
    "diff",
    "explain",
    "prepare",
    "q",
    "query",
    "restore",
]

_HOOKS.update(
    {
        "q": "datamem.datalog:q",
        "prepare": "datamem.datalog:prepare",
        "explain": "datamem.datalog:explain",
        "pull": "datamem.db.pull.pull:pull",
        "pull_many": "datamem.db.pull.pull:pull_many",
        "entity": "datamem.db.entity:entity",
        "datoms": "datamem.db.datoms:datoms",
        "seek_datoms": "datamem.db.datoms:seek_datoms",
        "index_range": "datamem.db.datoms:index_range",
        "with_tx": "datamem.transact.speculate:with_tx",
        "function": "datamem.datalog:find_function",
        "query-function memory/strength": "datamem.memory.reflection.strength:memory_strength",
        "search vector": "datamem.vector:search",
        "query-function text/highlight": "datamem.text:highlight_value",
        "search fulltext": "datamem.text:search",
        "search hybrid": "datamem.search:hybrid_columns",
    }
)

_HOMES: Final = {
    "Connection": "datamem.conn",
    "Datom": "datamem.db",
    "Db": "datamem.db",
    "Keyword": "datamem.edn",
    "Symbol": "datamem.edn",
    "TxReport": "datamem.db",
    "check": "datamem.conn",
    "connect": "datamem.conn",
    "diff": "datamem.db.diff",
    "explain": "datamem.datalog",
    "prepare": "datamem.datalog",
    "q": "datamem.datalog",
    "query": "datamem.datalog",
    "restore": "datamem.conn",
}
"""Where each public name lives; imported at its first use, so that `import datamem` stays quick."""


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        message = f"module 'datamem' has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def load_ipython_extension(ipython: Any) -> None:
    """Add magics and displays to a notebook: `%load_ext datamem`."""
    import_module("datamem.jupyter").load_ipython_extension(ipython)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
