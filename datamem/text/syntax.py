"""What a query asks of a text, as a tree of tokens; the same tree serves every part of an index."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Term:
    """A token that occurs."""

    token: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """Tokens one after another; at least two."""

    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prefix:
    """A token that begins so, or is `stem`, which counts for more."""

    start: str
    stem: str


@dataclass(frozen=True, slots=True)
class Fuzzy:
    """A token at most `distance` letters inserted, left out, changed or swapped away.

    Attributes:
        near: other tokens that count as well: the stems of the words one letter away.
    """

    token: str
    distance: int
    near: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Boost:
    """A part whose score counts `factor` times."""

    part: Node
    factor: float


@dataclass(frozen=True, slots=True)
class Bool:
    """All of `must`, none of `must_not`, and of `should` one at least where `must` is empty."""

    must: tuple[Node, ...] = ()
    should: tuple[Node, ...] = ()
    must_not: tuple[Node, ...] = ()


Node: TypeAlias = "Term | Phrase | Prefix | Fuzzy | Boost | Bool"

NOTHING = Bool()
"""A query that no text satisfies."""


def any_of(parts: list[Node]) -> Node:
    """Return what one of the parts satisfies."""
    return parts[0] if len(parts) == 1 else Bool(should=tuple(parts))


def all_of(parts: list[Node]) -> Node:
    """Return what all of the parts satisfy."""
    return parts[0] if len(parts) == 1 else Bool(must=tuple(parts))


def scored_tokens(node: Node) -> Iterator[str]:
    """Yield the tokens whose frequencies a score depends on."""
    match node:
        case Term(token) | Fuzzy(token) | Prefix(stem=token):
            yield token
        case Phrase(tokens):
            yield from tokens
        case Boost(part):
            yield from scored_tokens(part)
        case Bool():
            for part in (*node.must, *node.should):
                yield from scored_tokens(part)


def wanted_parts(node: Node) -> Iterator[Term | Phrase | Prefix | Fuzzy]:
    """Yield the parts that a text may have to be found; not those that it must not have."""
    match node:
        case Boost(part):
            yield from wanted_parts(part)
        case Bool():
            for part in (*node.must, *node.should):
                yield from wanted_parts(part)
        case _:
            yield node
