"""Keys, documents and states of agents: versioned, scoped, and all of them datoms."""

from datamem.kv.scopes import Scope

__all__ = ["Scope"]
