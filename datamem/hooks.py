"""What a database value offers and upper layers do: queries, pull and speculative transactions.

The upper layers put their functions here when `datamem` is imported, so that `db` imports none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

HOOKS: Final[dict[str, str]] = {}
"""Where each operation lives, as "module:function"; filled by `datamem/__init__.py`."""

_loaded: Final[dict[str, Callable[..., Any]]] = {}


def hook(name: str) -> Callable[..., Any]:
    """Return the function for an operation, importing its module at the first use."""
    function = _loaded.get(name)
    if function is None:
        module, _, attribute = HOOKS[name].partition(":")
        function = _loaded[name] = getattr(import_module(module), attribute)
    return function
