"""From tx-data to a plan: pure functions of a database value.

Forms become a plan in stages, each with its own type: items are read (`items`), taken apart into forms
(`parse`, `maps`, `declare`), functions run (`functions`), tempids and lookup refs find their entities by
fixpoint (`tempids`, `identities`), and the net changes are held against the rules (`apply`, `unique`,
`tuples`, `kinds`, `schema_changes`). A transaction is a set: the order of its forms says nothing.
"""

from datamem.transact.bootstrap import bootstrap_plan
from datamem.transact.plan import TxPlan
from datamem.transact.resolve import resolve

__all__ = ["TxPlan", "bootstrap_plan", "resolve"]
