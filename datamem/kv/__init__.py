"""Keys, documents and states of agents: versioned, scoped, and all of them datoms."""

from datamem.kv.gates import Gate, approve, pass_gate, read_gate, refuse, set_gate
from datamem.kv.leases import Lease, acquire_lease, campaign, leader, lock
from datamem.kv.records import Change, Entry
from datamem.kv.scopes import Scope
from datamem.kv.search import Found, search_vector
from datamem.kv.states import States
from datamem.kv.store import Store
from datamem.kv.transactions import DELETED, TxnReport, TxStore, txn

__all__ = [
    "DELETED",
    "Change",
    "Entry",
    "Found",
    "Gate",
    "Lease",
    "Scope",
    "States",
    "Store",
    "TxStore",
    "TxnReport",
    "acquire_lease",
    "approve",
    "campaign",
    "leader",
    "lock",
    "pass_gate",
    "read_gate",
    "refuse",
    "search_vector",
    "set_gate",
    "txn",
]
