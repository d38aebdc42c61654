"""Seeded random pasts: databases with values of every type, and the facts that each view of them shows."""

from __future__ import annotations

import random  # noqa: TID251  # seeded
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import datamem
from datamem.conn.connection import Connection
from datamem.db.database import Db
from datamem.edn import BigInt, Keyword, Symbol, print_edn
from datamem.ids import TX_BASE
from datamem.index.freeze import freeze

from .naive import Base, Fact

TYPES = {
    ":w/id": "long", ":w/ref": "ref", ":w/next": "ref", ":w/long": "long", ":w/longs": "long",
    ":w/double": "double", ":w/doubles": "double", ":w/flag": "boolean", ":w/name": "string",
    ":w/tags": "string", ":w/kind": "keyword", ":w/at": "instant", ":w/uuid": "uuid",
    ":w/big": "bigint", ":w/dec": "bigdec", ":w/symbol": "symbol", ":w/pair": "tuple",
    ":w/any": "edn", ":w/anys": "edn",
}  # fmt: skip
MANY = {":w/ref", ":w/longs", ":w/doubles", ":w/tags", ":w/anys"}
OFTEN = [*sorted(TYPES), *sorted(MANY), ":w/id", ":w/next", ":w/long", ":w/name", ":w/double"]
ENTITIES = range(1, 6)
IDENT = Keyword(":thing/one")
"""What entity 1 is called."""

POOLS: dict[str, list[Any]] = {
    "ref": list(ENTITIES),
    "long": [-(1 << 63), -1, 0, 1, 2, 3, (1 << 53) + 1, (1 << 63) - 1],
    "double": [float("-inf"), -1.5, 0.0, 1.0, 2.0, 0.5, 2.0**53, 2.0**53 + 2, 5e-324, float("inf")],
    "boolean": [True, False],
    "string": ["", "a", "ab", "abc", "b", ":a", "?x", "é", "\U0001f600"],
    "keyword": [Keyword(":a"), Keyword(":b"), Keyword(":a/b")],
    "instant": [
        datetime(1, 1, 1, tzinfo=UTC), datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2024, 2, 29, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    ],
    "uuid": [UUID(int=1), UUID(int=2), UUID(int=1 << 127)],
    "bigint": [BigInt(1), BigInt(-1), BigInt(1 << 63), BigInt(-(1 << 70))],
    "bigdec": [Decimal(1), Decimal("1.5"), Decimal("-0.1"), Decimal(100)],
    "symbol": [Symbol("a"), Symbol("b/c")],
    "tuple": [(1, "a"), (2, "a"), (1, "b")],
    "edn": [
        1, 1.0, True, "1", Keyword(":a"), BigInt(1), Decimal("1.5"), 2.0, 3, [1, "a"], UUID(int=1),
        datetime(2024, 2, 29, tzinfo=UTC), "a", False,
    ],
}  # fmt: skip


def schema_edn() -> str:
    """Return the schema; an id is unique."""
    items = []
    for name, value_type in TYPES.items():
        parts = [f":db/valueType :db.type/{value_type}"]
        parts += [":db/cardinality :db.cardinality/many"] if name in MANY else []
        parts += [":db/unique :db.unique/identity"] if name == ":w/id" else []
        parts += [":db/tupleTypes [:db.type/long :db.type/string]"] if name == ":w/pair" else []
        items.append(f"{name} {{{' '.join(parts)}}}")
    return f"{{{' '.join(items)}}}"


@dataclass
class Past:
    """A connection and all that was ever said to it.

    Attributes:
        events: (e, ident, v, tx, added) of the user's attributes, in order.
        held: what holds now, by entity, attribute and, where there are many, value.
        ts: of each transaction.
    """

    conn: Connection
    events: list[Fact] = field(default_factory=list)
    held: dict[Any, Fact] = field(default_factory=dict)
    ts: list[int] = field(default_factory=list)

    def step(self, rng: random.Random, size: int) -> None:
        """Transact random assertions and retractions."""
        forms: dict[Any, list[Any]] = {}
        ends: list[Fact] = []
        for _ in range(rng.randint(1, size)):
            name = rng.choice(OFTEN)
            e = rng.choice(ENTITIES)
            v = rng.choice(ENTITIES if name == ":w/id" else POOLS[TYPES[name]])
            key = (e, name, print_edn(v)) if name in MANY else (e, name)
            if key in forms or self._is_taken(e, name, v):
                continue
            known = self.held.get(key)
            if known is not None and rng.random() < 0.3:
                forms[key] = [":db/retract", *known[:3]]
                ends.append(self.held.pop(key))
            elif known is None or (type(known[2]), known[2]) != (type(v), v):
                forms[key] = [":db/add", e, name, plain(v)]
                ends += [known] if known is not None else []
                self.held[key] = (e, name, v, None, True)
        if not forms:
            return
        data = list(forms.values())
        if not self.ts:
            data.append([":db/add", 1, ":db/ident", IDENT])
        report = self.conn.transact(data)
        self.ts.append(report.t)
        self.events += [(*fact[:3], report.tx, False) for fact in ends]
        for key in forms:
            if key in self.held:
                self.held[key] = (*self.held[key][:3], report.tx, True)
                self.events.append(self.held[key])

    def _is_taken(self, e: int, name: str, v: Any) -> bool:
        """Tell whether another entity has an id; once it has given it up it may be handed over."""
        held = self.held.values()
        return name == ":w/id" and any(f[1:3] == (name, v) and f[0] != e for f in held)

    def facts(self, upto: int, after: int = 0) -> list[Fact]:
        """Return what held after one transaction, of what was asserted after another."""
        held: dict[Any, Fact] = {}
        for fact in self.events:
            if fact[3] > upto:
                break
            key = (*fact[:2], type(fact[2]), print_edn(fact[2]))
            if fact[4]:
                held[key] = fact
            else:
                held.pop(key)
        return [fact for fact in held.values() if fact[3] > after]


def plain(value: Any) -> Any:
    """Return a value as Python data that no transaction takes for something else."""
    return list(value) if isinstance(value, tuple) else value


def past(rng: random.Random, path: Any = ":memory:") -> Past:
    """Return a connection with a few transactions, its rows in one or several levels."""
    made = Past(datamem.connect(path, schema=schema_edn(), fsync="off"))
    levels = rng.choice(["novelty", "levels", "merged", "one"])
    for number in range(rng.randint(1, 6)):
        made.step(rng, rng.choice([4, 100]) if number else 150)
        writer = made.conn._writer  # how rows lie is nobody's business but ours
        if levels == "levels" or (levels == "merged" and rng.random() < 0.5):
            writer.alone(lambda w=writer: w.set_index(freeze(w.state.db.index)))
        elif levels == "merged":
            made.conn.compact()
    if levels == "one":
        made.conn.compact()
    return made


def views(rng: random.Random, made: Past) -> Iterator[tuple[str, Db, list[Fact]]]:
    """Yield views of a database: a name, the view, and the user's facts that it shows."""
    db = made.conn.db
    base = TX_BASE  # the transaction t is entity TX_BASE + t
    t, u = sorted(rng.choices([*made.ts, made.ts[0] - 1], k=2))
    last = made.ts[-1]
    yield "now", db, made.facts(base + last)
    yield f"as-of {t}", db.as_of(t), made.facts(base + t)
    yield f"as-of {u}", db.as_of(u), made.facts(base + u)
    yield f"since {t}", db.since(t), made.facts(base + last, base + t)
    yield f"since {t} as-of {u}", db.as_of(u).since(t), made.facts(base + u, base + t)
    yield "history", db.history(), made.events
    yield (
        f"history as-of {t}",
        db.as_of(t).history(),
        [fact for fact in made.events if fact[3] <= base + t],
    )
    extra = (2, ":w/longs", rng.choice(POOLS["long"]))
    added = [(*extra, base + last + 1, True)]
    if extra not in [fact[:3] for fact in made.facts(base + last)]:
        report = db.with_tx([[":db/add", *extra]])
        yield "with-tx", report.db_after, made.facts(base + last) + added
        with made.conn.fork(as_of=u) as fork:
            at = fork.transact([[":db/add", 2, ":w/anys", "only here"]]).tx
            here = (2, ":w/anys", "only here", at, True)
            yield f"fork {u}", fork.db, [*made.facts(base + u), here]
    hidden = db.schema.get(rng.choice(sorted(TYPES)))
    assert hidden is not None
    name = str(hidden.ident)
    yield (
        f"without {name}",
        db.as_of(u).filter(lambda _, datom, a=hidden.id: datom.a != a),
        [fact for fact in made.facts(base + u) if fact[1] != name],
    )


def base_of(view: Db, facts: list[Fact]) -> Base:
    """Return what the reference evaluator asks in place of a view: facts, and what the system says."""
    types = {str(a.ident): (a.id, a.value_type.name.lower()) for a in view.schema}
    idents = {a: ident for ident, (a, _) in types.items()}
    system = [
        (d.e, idents[d.a], d.v, d.tx, d.added)
        for d in view.datoms("eavt")
        if idents[d.a] not in TYPES
    ]
    return Base([*facts, *system], types)


def tuples(rng: random.Random) -> list[Fact]:
    """Return a collection of tuples, some of them twice."""
    others = [*POOLS["ref"], *POOLS["string"], *POOLS["long"]]
    made = [
        (rng.choice([1, 1, *POOLS["edn"], *POOLS["ref"]]), rng.choice(others))
        for _ in range(rng.randint(0, 8))
    ]
    return made + made[:2]
