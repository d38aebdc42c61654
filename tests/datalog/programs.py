"""Seeded random programs: small databases, and queries whose clauses stand in an order that binds.

They keep to what DataScript and Datalevin mean as the language's documentation does: no rule called
with `_`, no variable twice in a clause, rules recursive at the right end only, no 1 beside 1.0, no
predicate before its variables. Our own engine is asked in any order of clauses.
"""

from __future__ import annotations

import json
import random  # noqa: TID251  # seeded
from dataclasses import dataclass, field
from typing import Any

from datamem.edn import print_edn
from datamem.schema.types import ValueType

from .worlds import DOUBLE, LONG, MANY, REF, STRING, World

ATTRIBUTES: dict[str, Any] = {
    ":n/ref": REF | MANY,
    ":n/next": REF,
    ":n/age": LONG,
    ":n/rank": LONG | MANY,
    ":n/score": DOUBLE,
    ":n/name": STRING,
    ":n/tag": STRING | MANY,
}
KINDS = {
    ":n/ref": "entity",
    ":n/next": "entity",
    ":n/age": "long",
    ":n/rank": "long",
    ":n/score": "double",
    ":n/name": "string",
    ":n/tag": "string",
}
ONE = [name for name, settings in ATTRIBUTES.items() if not settings.get("many")]
VALUES: dict[str, list[Any]] = {
    "entity": [1, 2, 3, 4, 5, 6],
    "long": [-1, 0, 1, 2, 3],
    "double": [-2.5, 0.5, 1.5, 2.5],
    "string": ["a", "b", "c", ""],
}
RULES = """[[(reach ?x ?y) [?x :n/ref ?y]]
            [(reach ?x ?y) [?x :n/ref ?z] (reach ?z ?y)]
            [(step ?a ?b) (or [?a :n/ref ?b] [?a :n/next ?b])]
            [(path ?x ?y) [?x :n/next ?y]]
            [(path ?x ?y) [?x :n/next ?z] (path ?z ?y)]
            [(older ?x ?y) [?x :n/age ?a] [?y :n/age ?b] [(> ?a ?b)]]
            [(lonely ?x ?y) [?x :n/age] [?y :n/age] (not [?x :n/ref ?y])]]"""
RULE_NAMES = ("reach", "path", "step", "older", "lonely")
FLAT_NAMES = ("step", "older", "lonely")
"""Two calls of recursive rules take DataScript minutes, mutual recursion for ever."""


@dataclass
class Program:
    """A query and its inputs.

    Attributes:
        clauses: in an order that binds; any other means the same.
        inputs: what `:in` names after `$ %`, and the values.
    """

    find: str
    clauses: list[str]
    inputs: list[tuple[str, Any]] = field(default_factory=list)
    rest: str = ""

    def text(self, clauses: list[str] | None = None) -> str:
        names = " ".join(name for name, _ in self.inputs)
        where = " ".join(self.clauses if clauses is None else clauses)
        return f"[:find {self.find} {self.rest} :in $ % {names} :where {where}]"

    @property
    def values(self) -> list[Any]:
        return [value for _, value in self.inputs]


def facts(rng: random.Random) -> list[tuple[int, str, Any]]:
    """Return the facts of a small database; one value for each entity of a single attribute."""
    held: dict[Any, tuple[int, str, Any]] = {}
    for _ in range(rng.randint(6, 40)):
        name = rng.choice(sorted(KINDS))
        e, v = rng.choice(VALUES["entity"]), rng.choice(VALUES[KINDS[name]])
        held[(e, name) if name in ONE else (e, name, v)] = (e, name, v)
    for e in VALUES["entity"]:  # to DataScript, a reference to an empty entity is no value
        held.setdefault((e, ":n/age"), (e, ":n/age", 0))
    return list(held.values())


def world(known: list[tuple[int, str, Any]], *, frozen: bool = False) -> World:
    """Return the facts as a database of ours."""
    made = World(ATTRIBUTES)
    made.add(known, frozen=frozen)
    return made


class Author:
    """Writes one query; a plain one has no or-join and compares within one type only."""

    def __init__(self, rng: random.Random, *, plain: bool = False) -> None:
        self.rng = rng
        self.plain = plain
        self.kinds: dict[str, str] = {}
        self.count = 0
        self.called = False
        self.inputs: list[tuple[str, Any]] = []

    def write(self) -> Program:
        """Return a query of one to five clauses."""
        for _ in range(self.rng.choice([0, 0, 0, 1, 2])):
            self._input()
        clauses = [self._pattern(self.kinds)]
        makers = [
            self._pattern, self._pattern, self._predicate, self._function, self._not, self._not_join,
            self._or, self._rule, self._lookup, self._ground, *([] if self.plain else [self._or_join]),
        ]  # fmt: skip
        for _ in range(self.rng.randint(0, 4)):
            made = self.rng.choice(makers)(self.kinds)
            if made is not None:
                clauses.append(made)
        find, rest = self._find()
        return Program(find, clauses, self.inputs, rest)

    # terms

    def _new(self, kinds: dict[str, str], kind: str) -> str:
        self.count += 1
        name = f"?{kind[0]}{self.count}"
        kinds[name] = kind
        return name

    def _bound(self, kinds: dict[str, str], *wanted: str) -> str | None:
        names = sorted(name for name, kind in kinds.items() if not wanted or kind in wanted)
        return self.rng.choice(names) if names else None

    def _constant(self, kind: str) -> str:
        return print_edn(self.rng.choice(VALUES[kind]))

    def _term(
        self, kinds: dict[str, str], kind: str, *, blank: bool = True, beside: str = ""
    ) -> str:
        """Return a variable other than the one beside it, a constant or a blank."""
        choice = self.rng.random()
        bound = self._bound({n: k for n, k in kinds.items() if n != beside}, kind)
        if bound is not None and choice < 0.5:
            return bound
        if choice < 0.85:
            return self._new(kinds, kind)
        return "_" if blank and choice < 0.9 else self._constant(kind)

    # clauses: each takes the variables that are bound, adds its own, and returns text

    def _pattern(self, kinds: dict[str, str]) -> str:
        name = self.rng.choice(sorted(KINDS))
        e = self._term(kinds, "entity")
        if self.rng.random() < 0.05:
            return f"[{e} {name}]"
        v = self._term(kinds, KINDS[name], beside=e)
        return f"[{e} {name} {v}]"

    def _predicate(self, kinds: dict[str, str]) -> str | None:
        left = self._bound(kinds, "long", "double", "string", "entity")
        if left is None:
            return None
        group = ("string",) if kinds[left] == "string" else ("long", "double", "entity")
        if self.plain:
            group = (kinds[left],)
        others = {name: kind for name, kind in kinds.items() if name != left}
        right = self._bound(others, *group) if self.rng.random() < 0.5 else None
        operator = self.rng.choice(["<", "<=", ">", ">=", "=", "not="])
        other = right or self._constant(self.rng.choice(group))
        pair = (left, other) if self.rng.random() < 0.7 else (other, left)
        return f"[({operator} {pair[0]} {pair[1]})]"

    def _function(self, kinds: dict[str, str]) -> str | None:
        number, text = self._bound(kinds, "long"), self._bound(kinds, "string")
        calls = []
        if number is not None:
            others = {name: kind for name, kind in kinds.items() if name != number}
            other = self._bound(others, "long") or "3"
            calls += [f"(+ {number} {other})", f"(* {number} 2)", f"(inc {number})", f"(- {number} {other})",
                      f"(quot {number} 2)", f"(mod {number} 2)", f"(max {number} {other} 1)"]  # fmt: skip
        if text is not None:
            calls += [f"(count {text})", f'(str {text} "a")']
        if not calls:
            return None
        call = self.rng.choice(calls)
        kind = "string" if call.startswith("(str") else "long"
        bound = self._bound(kinds, kind)
        result = bound if bound and self.rng.random() < 0.3 else self._new(kinds, kind)
        return f"[{call} {result}]"

    def _inner(self, kinds: dict[str, str], seed: str) -> str:
        """Return one or two patterns about a bound entity, in variables of their own or bound ones."""
        first = self._about(kinds, seed)
        return first if self.rng.random() < 0.6 else f"{first} {self._pattern(kinds)}"

    def _about(self, kinds: dict[str, str], seed: str) -> str:
        name = self.rng.choice(sorted(KINDS))
        return f"[{seed} {name} {self._term(kinds, KINDS[name], beside=seed)}]"

    def _not(self, kinds: dict[str, str]) -> str | None:
        seed = self._bound(kinds, "entity")
        if seed is None:
            return None
        inner = dict(kinds)
        clauses = self._inner(inner, seed)
        if self.rng.random() < 0.2 and (nested := self._not(inner)):
            clauses += f" {nested}"
        return f"(not {clauses})"

    def _not_join(self, kinds: dict[str, str]) -> str | None:
        seed = self._bound(kinds, "entity")
        if seed is None:
            return None
        return f"(not-join [{seed}] {self._inner({seed: 'entity'}, seed)})"

    def _or(self, kinds: dict[str, str]) -> str:
        kind = self.rng.choice(["entity", "long", "string"])
        names = [name for name in sorted(KINDS) if KINDS[name] == kind]
        e = self._bound(kinds, "entity") or self._new(kinds, "entity")
        v = self._bound(kinds, kind) if self.rng.random() < 0.4 else None
        if v is None or v == e:
            v = self._new(kinds, kind)
        branches = []
        for _ in range(self.rng.randint(1, 3)):
            branch = f"[{e} {self.rng.choice(names)} {v}]"
            if self.rng.random() < 0.4:
                more = self._predicate({v: kind}) or ""
                branch = f"(and {branch} {more})"
            elif self.rng.random() < 0.3:
                branch = f"(and {branch} (not [{e} :n/next _]))"
            branches.append(branch)
        return f"(or {' '.join(branches)})"

    def _or_join(self, kinds: dict[str, str]) -> str:
        kind = self.rng.choice(["entity", "long", "string"])
        names = [name for name in sorted(KINDS) if KINDS[name] == kind]
        e = self._bound(kinds, "entity") or self._new(kinds, "entity")
        v = self._new(kinds, kind)
        step = self.rng.choice([":n/ref", ":n/next"])
        one, other = self.rng.choice(names), self.rng.choice(names)
        local = self._new({}, "entity")
        return f"(or-join [{e} {v}] [{e} {one} {v}] (and [{e} {step} {local}] [{local} {other} {v}]))"

    def _rule(self, kinds: dict[str, str]) -> str:
        is_free = not self.called
        name = self.rng.choice(RULE_NAMES if is_free else FLAT_NAMES)
        self.called = True
        left = self._term(kinds, "entity", blank=False)
        right = self._term(kinds, "entity", blank=False, beside=left)
        if not left.startswith("?") and not right.startswith("?"):
            right = self._new(kinds, "entity")
        return f"({name} {left} {right})"

    def _lookup(self, kinds: dict[str, str]) -> str | None:
        e = self._bound(kinds, "entity")
        if e is None:
            return None
        name = self.rng.choice(ONE)
        if self.rng.random() < 0.4:
            return f"[(missing? $ {e} {name})]"
        default = self._constant(KINDS[name])
        return f"[(get-else $ {e} {name} {default}) {self._new(kinds, KINDS[name])}]"

    def _ground(self, kinds: dict[str, str]) -> str:
        kind = self.rng.choice(["entity", "long", "string"])
        values = print_edn(self.rng.sample(VALUES[kind], 2))
        bound = self._bound(kinds, kind) if self.rng.random() < 0.5 else None
        return f"[(ground {values}) [{bound or self._new(kinds, kind)} ...]]"

    def _input(self) -> None:
        kind = self.rng.choice(["entity", "long", "string"])
        value = self.rng.choice(VALUES[kind])
        some = self.rng.sample(VALUES[kind], self.rng.randint(0, 3))
        name = self._new(self.kinds, kind)
        match self.rng.choice(["one", "many", "rows", "tuple"]):
            case "one":
                self.inputs.append((name, value))
            case "many":
                self.inputs.append((f"[{name} ...]", some))
            case "tuple":
                self.inputs.append((f"[_ {name}]", [0, value]))
            case _:
                other = self._new(self.kinds, "long")
                rows = [[v, self.rng.choice(VALUES["long"])] for v in some]
                self.inputs.append((f"[[{name} {other}]]", rows))

    def _find(self) -> tuple[str, str]:
        names = sorted(self.kinds)
        chosen = self.rng.sample(names, min(len(names), self.rng.randint(1, 3)))
        if not chosen:
            self.kinds["?z"] = "long"
            self.inputs.append(("?z", 7))
            return "?z", ""
        if self.rng.random() < 0.7:
            return " ".join(chosen), ""
        *keys, last = chosen
        numeric = self.kinds[last] in ("long", "double")
        how = self.rng.choice(
            ["count", "count-distinct", "min", "max", *(["sum", "avg"] if numeric else [])]
        )
        others = [name for name in names if name not in chosen]
        more = self.rng.sample(others, min(len(others), self.rng.randint(0, 2)))
        rest = f":with {' '.join(more)}" if more else ""
        return f"{' '.join(keys)} ({how} {last})", rest


def programs(
    seed: int, count: int, *, plain: bool = False
) -> tuple[list[tuple[int, str, Any]], list[Program]]:
    """Return the facts and the queries of a seed."""
    rng = random.Random(seed)
    return facts(rng), [Author(rng, plain=plain).write() for _ in range(count)]


def request(known: list[tuple[int, str, Any]], queries: list[Program], *, typed: bool) -> str:
    """Return the line that asks a peer's process."""
    asked = [
        {"text": query.text(), "inputs": [print_edn(value) for value in query.values]}
        for query in queries
    ]
    program = {"schema": schema_edn(typed=typed), "facts": facts_edn(known), "rules": RULES}
    return json.dumps(program | {"queries": asked})


def schema_edn(*, typed: bool) -> str:
    """Return the schema as peers read it; DataScript knows no value types but ref."""
    items = []
    for name, settings in ATTRIBUTES.items():
        value_type = settings["value_type"].keyword
        parts = (
            [f":db/valueType {value_type}"]
            if typed or settings["value_type"] is ValueType.REF
            else []
        )
        parts += [":db/cardinality :db.cardinality/many"] if settings.get("many") else []
        items.append(f"{name} {{{' '.join(parts)}}}")
    return f"{{{' '.join(items)}}}"


def facts_edn(known: list[tuple[int, str, Any]]) -> str:
    """Return facts as transaction data of single assertions."""
    forms = (f"[:db/add {e} {name} {print_edn(v)}]" for e, name, v in known)
    return f"[{' '.join(forms)}]"


def shuffled(program: Program, seed: int) -> str:
    """Return the text with its clauses in another order."""
    clauses = program.clauses[:]
    random.Random(seed).shuffle(clauses)
    return program.text(clauses)
