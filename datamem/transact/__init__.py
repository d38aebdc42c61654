"""From tx-data to a plan: pure functions of a database value.

Forms become a plan in stages, each with its own type: items are read (`items`), taken apart into forms
(`parse`, `maps`, `declare`), functions run (`functions`), tempids and lookup refs find their entities by
fixpoint (`tempids`, `identities`), and the net changes are held against the rules (`apply`, `unique`,
`tuples`, `kinds`, `schema_changes`). A transaction is a set: the order of its forms says nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from datamem.transact.bootstrap import bootstrap_plan
    from datamem.transact.plan import TxPlan
    from datamem.transact.resolution import resolve

__all__ = ["TxPlan", "bootstrap_plan", "resolve"]

_HOMES: Final = {
    "TxPlan": "datamem.transact.plan",
    "bootstrap_plan": "datamem.transact.bootstrap",
    "resolve": "datamem.transact.resolution",
}
"""Imported at their first use: who only reads need not wait for them."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module 'datamem.transact' has no attribute {name!r}"
        raise AttributeError(message)
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value
