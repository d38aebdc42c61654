"""Pull as plainly as can be: over dictionaries of facts, calling itself, for patterns as Python data."""

from __future__ import annotations

from typing import Any

from datamem.db import Db
from datamem.schema import ValueType
from datamem.schema.values import order_key

STAR = "*"
ABSENT = object()


class NaivePull:
    """The facts of a view, and pull over them."""

    def __init__(self, db: Db) -> None:
        self.schema = db.schema
        self.facts: dict[int, dict[str, list[Any]]] = {}
        for datom in db.datoms("eavt"):
            name = db.schema.by_id[datom.a].ident
            self.facts.setdefault(datom.e, {}).setdefault(name, []).append(datom.v)

    def pull(self, pattern: list[Any], e: int) -> dict[Any, Any] | None:
        out, found = self.entity(pattern, e, (e,), {})
        if not found and e not in self.facts:
            return None
        return out or None

    def entity(
        self, pattern: list[Any], e: int, path: tuple[int, ...], left: dict[Any, int]
    ) -> tuple[dict[Any, Any], bool]:
        """Return the map, and whether anything was there; `left` has the hops of recursions."""
        specs = {}
        for spec in pattern:
            if spec != STAR:
                for expr, nested in spec.items() if isinstance(spec, dict) else [(spec, None)]:
                    name, options = (expr, {}) if isinstance(expr, str) else read(expr)
                    specs[options.get(":as", name)] = name, options, nested
        if STAR in pattern:
            named = {*specs} | {name for name, _, _ in specs.values()}
            for name in [":db/id", *self.facts.get(e, {})]:
                if name not in named:
                    specs[name] = name, {}, None
        out: dict[Any, Any] = {}
        found = False
        for key, (name, options, nested) in specs.items():
            if left.get(key, 1) == 0:
                continue
            value, was_found = self.value(key, name, options, nested, pattern, e, path, left)
            found |= was_found
            value = options.get(":default", ABSENT) if value is ABSENT else value
            if value is not ABSENT:
                out[key] = options.get(":xform", lambda x: x)(value)
        return out, found

    def value(
        self,
        key: Any,
        name: str,
        options: dict[str, Any],
        nested: Any,
        pattern: list[Any],
        e: int,
        path: tuple[int, ...],
        left: dict[Any, int],
    ) -> tuple[Any, bool]:
        if name == ":db/id":
            return e, False
        is_reverse = "/_" in name
        attribute = self.schema.get(name.replace("/_", "/"))
        if is_reverse:
            values = [
                x for x, facts in self.facts.items() if e in facts.get(attribute.ident, ())
            ]
        else:
            values = self.facts.get(e, {}).get(name, [])
        if not values:
            return ABSENT, False
        many = not attribute.component if is_reverse else attribute.many
        values = sorted(values, key=order_key)
        values = values[: options.get(":limit")] if many else values[-1:]
        if attribute.value_type is ValueType.REF:
            if nested is None and attribute.component and not is_reverse:
                nested = [STAR]
                start = path if pattern == [STAR] else (e,)
                maps = [self.part(x, start) for x in values]
            else:
                maps = [self.linked(key, nested, x, pattern, path, left) for x in values]
            values = [m for m in maps if m]
        if not values:
            return ABSENT, True
        return values if many else values[0], True

    def linked(
        self,
        key: Any,
        nested: Any,
        e: int,
        pattern: list[Any],
        path: tuple[int, ...],
        left: dict[Any, int],
    ) -> dict[Any, Any]:
        if nested is None:
            return {":db/id": e}
        if isinstance(nested, list):
            return self.entity(nested, e, (e,), {})[0]
        if e in path:
            return {":db/id": e}
        if nested != "...":
            left = {**left, key: left.get(key, nested) - 1}
        return self.entity(pattern, e, (*path, e), left)[0]

    def part(self, e: int, path: tuple[int, ...]) -> dict[Any, Any]:
        """Expand a component: everything it has, and its own components."""
        if e in path:
            return {":db/id": e}
        return self.entity([STAR], e, (*path, e), {})[0]


def read(expr: Any) -> tuple[str, dict[str, Any]]:
    """Return the name and the options of `[name option value …]`."""
    name, *options = expr
    return name, dict(zip(options[::2], options[1::2], strict=True))
