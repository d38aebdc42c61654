"""Walking the data along a shape: level by level, then bottom up.

Going down, each entity of a level gets its map, and what its nested patterns lead to makes the next level;
the entities of one level and shape are read together. Nothing here calls itself, so recursion may go as
deep as the data. Going up, finished maps are put where they belong: empty ones are dropped, and
`:default` and `:xform` see what is left.

A recursion keeps the path of entities that led to where it is. What is on the path already is not walked
again but given as `{":db/id": n}`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from datamem.db.pull.fetch import (
    decoded,
    exists,
    value_columns,
    values_by_entity,
    values_of,
    words_of,
)
from datamem.db.pull.flat import told
from datamem.db.pull.functions import transform
from datamem.db.pull.shape import ID, Shape, Step
from datamem.db.pull.syntax import NOTHING
from datamem.db.pull.values import own_copy
from datamem.errors import QueryError
from datamem.index.kernels import Int64Array

if TYPE_CHECKING:
    from datamem.db.database import Db

FEW_ENTITIES: Final = 100
"""Entities of one shape up to which they are read one by one; measured with three levels."""

FEW_FOR_WILDCARD: Final = 6
"""The same under a wildcard, for each attribute of the schema."""

FEW_IN_VIEW: Final = 12
"""The same in views that only columns can answer."""

MAX_EXPANDED: Final = 1_000_000
"""Most maps that recursion may make in one pull: paths through a graph can be many more than nodes."""

Path = tuple[int, Any]
"""The last entity of a path, and the path before it or None."""


class Node:
    """An entity of one level and the map it becomes.

    Attributes:
        path: the entities of the recursion that led here, itself first; None without one.
        seen: all entities that this recursion came to, on whatever path.
        left: hops that steps with a depth may still take; None before the first.
        found: whether anything was read of it.
    """

    __slots__ = ("e", "found", "left", "out", "path", "seen", "shape")

    def __init__(
        self,
        e: int,
        shape: Shape,
        path: Path | None = None,
        seen: set[int] | None = None,
        left: dict[Step, int] | None = None,
    ) -> None:
        self.e = e
        self.shape = shape
        self.path = path
        self.seen = seen
        self.left = left
        self.out: dict[Any, Any] = {}
        self.found = False

    def may_take(self, step: Step) -> bool:
        """Tell whether a recursion has hops left."""
        return step.depth < 0 or self.left is None or self.left.get(step, 1) > 0


class Walk:
    """One pull of some entities with one shape."""

    def __init__(self, db: Db) -> None:
        self._db = db
        self._next: list[Node] = []
        self._waiting: list[tuple[Node, Step, list[dict[Any, Any]]]] = []
        self._expanded = 0

    def pull(self, shape: Shape, entities: Iterable[int]) -> list[dict[Any, Any] | None]:
        """Return the map of each entity, in their order; None where there is nothing."""
        roots = level = [Node(e, shape) for e in entities]
        while level:
            self._next = []
            for nodes in _by_shape(level):
                self._read(nodes)
            level = self._next
        for node, step, maps in reversed(self._waiting):
            self._finish(node, step, maps)
        return [self._result(root) for root in roots]

    def _result(self, root: Node) -> dict[Any, Any] | None:
        if not root.found and root.shape.can_invent and not exists(self._db, root.e):
            return None
        return root.out or None

    # Down

    def _read(self, nodes: list[Node]) -> None:
        if len(nodes) > 1 and len(nodes) > self._few(nodes[0].shape):
            self._read_many(nodes)
            return
        for node in nodes:
            self._read_one(node)

    def _few(self, shape: Shape) -> int:
        if not self._db.view.is_plain:
            return FEW_IN_VIEW
        return FEW_FOR_WILDCARD * len(self._db.schema) if shape.wildcard else FEW_ENTITIES

    def _read_one(self, node: Node) -> None:
        db, shape, e = self._db, node.shape, node.e
        known = words_of(db, shape, e)
        for step in shape.steps:
            if step.is_id:
                node.out[step.key] = transform(step, e, db)
            elif node.may_take(step):
                values = values_of(db, step, e, known)
                if values:
                    self._put(node, step, values)
                else:
                    self._put_nothing(node, step)
        if shape.wildcard and known:
            taken, steps = shape.taken, shape.wildcard_steps
            for a, words in known.items():
                own = None if a in taken else steps[a]
                if own is not None:
                    self._put(node, own, decoded(db, own, words))

    def _read_many(self, nodes: list[Node]) -> None:
        shape = nodes[0].shape
        by_entity = _by_entity(nodes)
        es = np.array(sorted(by_entity), np.int64)
        for step in shape.steps:
            if step.is_id:
                for node in nodes:
                    node.out[step.key] = transform(step, node.e, self._db)
            else:
                found = self._read_step(step, by_entity, es)
                if step.default is not NOTHING:
                    for node in nodes:
                        if node.e not in found:
                            self._put_nothing(node, step)
        if shape.wildcard:
            for attribute in self._db.schema:
                own = shape.wildcard_steps[attribute.id]
                if own is not None and attribute.id not in shape.taken:
                    self._read_step(own, by_entity, es)

    def _read_step(
        self, step: Step, by_entity: dict[int, list[Node]], es: Int64Array
    ) -> set[int]:
        """Read one step for all entities of a level; return those that have values."""
        found: set[int] = set()
        if step.is_plain:
            keys, values = value_columns(self._db, step, es)
            found.update(keys.tolist())
            if len(found) == len(keys):
                self._put_plain(step.key, by_entity, keys.tolist(), values)
                return found
        for e, values in values_by_entity(self._db, step, es):
            found.add(e)
            nodes = by_entity[e]
            for node in nodes:
                if node.may_take(step):
                    self._put(node, step, values if node is nodes[-1] else own_copy(values))
        return found

    def _put_plain(
        self, key: Hashable, by_entity: dict[int, list[Node]], es: list[int], values: list[Any]
    ) -> None:
        """Put a value for each entity as it is; about 0.3 µs each."""
        for e, value in zip(es, values, strict=True):
            for node in by_entity[e]:
                node.out[key] = value
                node.found = True

    def _put(self, node: Node, step: Step, values: list[Any]) -> None:
        """Put what was read under the step's key; REQUIRES: at least one value."""
        node.found = True
        if step.is_plain:
            node.out[step.key] = values[-1]
            return
        if step.nested is None:
            node.out[step.key] = told(self._db, step, values)
            return
        if not step.many:
            values = values[-1:]
        elif step.limit is not None:
            values = values[: step.limit]
        node.out[step.key] = None  # keeps the place in the order of keys
        self._waiting.append((node, step, self._maps(node, step.nested, step, values)))

    def _put_nothing(self, node: Node, step: Step) -> None:
        if step.default is not NOTHING and node.may_take(step):
            node.out[step.key] = transform(step, step.default_value(), self._db)

    def _maps(
        self, node: Node, nested: Shape, step: Step, entities: list[int]
    ) -> list[dict[Any, Any]]:
        """Return a map for each entity referred to, which the next level fills."""
        if nested is node.shape:
            return [self._again(node, step, e) for e in entities]
        if nested.expands:
            return [self._again(_start_of(node), step, e) for e in entities]
        return [self._add(Node(e, nested)) for e in entities]

    def _again(self, node: Node, step: Step, e: int) -> dict[Any, Any]:
        """Walk a recursion one hop further, unless `e` is on the path."""
        if node.path is None:
            node.path = (node.e, None)
            node.seen = {node.e}
        seen = node.seen
        assert seen is not None
        if e in seen and _is_on(node.path, e):
            return {ID: e}
        seen.add(e)
        self._expanded += 1
        if self._expanded > MAX_EXPANDED:
            raise self._too_large(step)
        left = node.left
        if step.depth >= 0:
            known = left or {}
            left = {**known, step: known.get(step, step.depth) - 1}
        nested = step.nested
        assert nested is not None
        return self._add(Node(e, nested, (e, node.path), seen, left))

    def _add(self, node: Node) -> dict[Any, Any]:
        self._next.append(node)
        return node.out

    def _too_large(self, step: Step) -> QueryError:
        return QueryError(
            f"recursion through {step.key} makes more than {MAX_EXPANDED:,} maps",
            code="pull/too-large",
            hint="give a depth, {:user/friend 3}, or a limit, [:user/friend :limit 10]; "
            "a rule answers what is reachable without walking every path",
            key=step.key,
        )

    # Up

    def _finish(self, node: Node, step: Step, maps: list[dict[Any, Any]]) -> None:
        kept = [pulled for pulled in maps if pulled]
        if kept:
            node.out[step.key] = transform(step, kept if step.many else kept[0], self._db)
        elif step.default is not NOTHING:
            node.out[step.key] = transform(step, step.default_value(), self._db)
        else:
            del node.out[step.key]


def _by_shape(level: list[Node]) -> Iterable[list[Node]]:
    if len(level) == 1:
        return (level,)
    groups: dict[Shape, list[Node]] = {}
    for node in level:
        groups.setdefault(node.shape, []).append(node)
    return groups.values()


def _by_entity(nodes: list[Node]) -> dict[int, list[Node]]:
    groups: dict[int, list[Node]] = {}
    for node in nodes:
        groups.setdefault(node.e, []).append(node)
    return groups


def _start_of(node: Node) -> Node:
    """Return where the expansion of a component starts: at the entity it is part of."""
    return Node(node.e, node.shape)


def _is_on(path: Path | None, e: int) -> bool:
    while path is not None:
        if path[0] == e:
            return True
        path = path[1]
    return False
