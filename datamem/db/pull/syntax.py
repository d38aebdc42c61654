"""Pull patterns as data: what one says before any schema is known."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Final

Path = tuple[int, ...]
"""Which member of which member …; keys and values of a map count 0, 1, 2, 3 in turn."""

UNLIMITED: Final = -1
NOTHING: Final = object()
"""Stands for a default that is not given, since None could be meant."""


@dataclass(frozen=True, slots=True)
class Recursion:
    """The pattern that this stands in again, for `depth` hops, or UNLIMITED."""

    depth: int


@dataclass(frozen=True, slots=True)
class AttributeSpec:
    """One attribute to pull.

    Attributes:
        name: with its colon; a reverse one still has its underscore.
        path: where it stands.
        key: in the result; the name itself unless `:as` says otherwise.
        limit: how many values at most; None for all.
        default: for an entity without the attribute; NOTHING leaves the key out.
        xform: a callable, or the name of a registered function; called with the result.
        nested: what to pull of the entities that it refers to.
    """

    name: str
    path: Path
    key: Hashable
    limit: int | None = None
    default: Any = NOTHING
    xform: Any = None
    nested: Pattern | Recursion | None = None


@dataclass(frozen=True, slots=True)
class Pattern:
    """What to pull of an entity.

    Attributes:
        specs: in the order of the text, which the keys of a result have.
        wildcard: every attribute that no spec names as well.
        path: where the pattern stands in the outermost one.
    """

    specs: tuple[AttributeSpec, ...]
    wildcard: bool
    path: Path
