"""Notebooks: magics, rich display and pictures of what a database knows and knew.

%load_ext datamem

%datamem agent.dm
%%datalog --as-of 2024-03-20
[:find ?text :where [_ :memory/content ?text]]
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

_HOMES: Final = {
    "decay": "datamem.jupyter.decays",
    "graph": "datamem.jupyter.graphs",
    "hierarchy": "datamem.jupyter.hierarchies",
    "schema_graph": "datamem.jupyter.schemas",
    "plan": "datamem.jupyter.plans",
    "changes": "datamem.jupyter.differences",
    "slider": "datamem.jupyter.sliders",
    "timeline": "datamem.jupyter.timelines",
}

__all__ = [*_HOMES, "load_ipython_extension"]  # noqa: PLE0604  # names of functions below


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module 'datamem.jupyter' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_HOMES[name]), name)


def load_ipython_extension(ipython: Any) -> None:
    """Add the magics and the displays to a notebook; `%load_ext datamem` calls this."""
    from datamem.jupyter.display import register_displays
    from datamem.jupyter.magics import DatamemMagics

    ipython.register_magics(DatamemMagics(ipython))
    register_displays(ipython)
