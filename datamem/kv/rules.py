"""Rules of a scope: what values under a prefix must be, and how long they live."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from datamem.db import Db
from datamem.errors import StateError
from datamem.kv.jsonvalue import plain_json
from datamem.kv.reading import values_of
from datamem.kv.scopes import Scope
from datamem.kv.shapes import check_schema, find_fault


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds for the keys that begin with a prefix.

    Attributes:
        schema: JSON Schema of the values, None: any.
        ttl_us: how long values live that were put without a time to live, µs; None: for ever.
    """

    prefix: str = ""
    schema: dict[str, Any] | None = None
    ttl_us: int | None = None

    def check(self, key: str, value: Any) -> None:
        """Raise `kv/schema-mismatch` unless a value is what the schema says.

        Raises:
            StateError: with the place inside the value.
        """
        fault = None if self.schema is None else find_fault(self.schema, value)
        if fault is not None:
            raise StateError(
                f"the value of {key} {fault}",
                code="kv/schema-mismatch",
                hint=f"the rule for keys that begin with {self.prefix!r} says what it must be",
                key=key,
                prefix=self.prefix,
            )


NO_RULE = Rule()


def rule_map(
    scope: Scope, prefix: str, schema: Mapping[str, Any] | None, ttl_us: int | None
) -> dict[str, Any]:
    """Return a rule as the map that transacts it.

    Raises:
        StateError: `kv/bad-schema`.
    """
    made: dict[str, Any] = {
        ":kv-rule/id": f"{scope}:{prefix}",
        ":kv-rule/namespace": str(scope),
        ":kv-rule/prefix": prefix,
    }
    if schema is not None:
        plain = plain_json(schema, "the schema")
        check_schema(plain)
        made[":kv-rule/schema"] = plain
    if ttl_us is not None:
        made[":kv-rule/ttl-us"] = ttl_us
    return made


def rule_of(db: Db, scope: Scope, key: str) -> Rule:
    """Return the rule with the longest prefix of a key."""
    attribute = db.schema.require(":kv-rule/namespace")
    word = db.encode(attribute, str(scope))
    if word is None:
        return NO_RULE
    best = NO_RULE
    for eid in db.referrers(word, attribute.id):
        values = values_of(db, eid)
        prefix = values[":kv-rule/prefix"]
        if key.startswith(prefix) and (best is NO_RULE or len(prefix) > len(best.prefix)):
            best = Rule(prefix, values.get(":kv-rule/schema"), values.get(":kv-rule/ttl-us"))
    return best
