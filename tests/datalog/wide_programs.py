"""Seeded random queries over values of every type, for the reference evaluator alone.

What `programs.py` leaves out for the sake of other engines is here: types that others lack, the bounds of
numbers, 1 beside 1.0 and true, lookup refs and idents, several sources, transactions and variable
attributes in patterns, rules with required variables, orders and pages.
"""

from __future__ import annotations

import random  # noqa: TID251  # seeded
from dataclasses import dataclass
from typing import Any

from datamem.edn import print_edn

from .pasts import IDENT, MANY, OFTEN, POOLS, TYPES, plain
from .wide_rules import RULE_ARGS

LIKE = ("a%", "%b", "_b%", "ab", "%", "", "a_", ":%")
REGULAR = (
    "^a",
    "a",
    "ab?",
    "^ab*c",
    "^a|b",
    "(?i)^A",
    "^(a|b)",
    "a{0}b",
    "^a.",
    "^",
    "b$",
    "^:a",
    "^[ab]",
)
NUMBERS = ("long", "double", "bigint", "bigdec", "ref")


@dataclass
class Asked:
    """A query in parts.

    Attributes:
        clauses: in an order that binds; any other means the same.
        inputs: what `:in` names after the sources and rules, and the values.
    """

    find: str
    clauses: list[str]
    inputs: list[tuple[str, Any]]
    rest: str
    names: str = "$ %"

    def text(self, clauses: list[str] | None = None) -> str:
        names = " ".join(name for name, _ in self.inputs)
        where = " ".join(self.clauses if clauses is None else clauses)
        return f"[:find {self.find} {self.rest} :in {self.names} {names} :where {where}]"

    @property
    def values(self) -> list[Any]:
        return [value for _, value in self.inputs]


class Writer:
    """Writes one query."""

    def __init__(
        self,
        rng: random.Random,
        *,
        is_history: bool = False,
        second: str = "",
        has_table: bool = False,
    ) -> None:
        self.rng = rng
        self.is_history = is_history
        self.second = second
        self.has_table = has_table
        self.kinds: dict[str, str] = {}
        self.count = 0
        self.inputs: list[tuple[str, Any]] = []
        self.given: set[str] = set()

    def write(self) -> Asked:
        """Return a query of one to five clauses, now and then of one call of a rule."""
        if self.rng.random() < 0.08:
            return self._only_rule()
        for _ in range(self.rng.choice([0, 0, 0, 0, 1, 2])):
            self._input()
        self.given = set(self.kinds)
        clauses = [self._pattern(self.kinds)]
        makers = [
            self._pattern, self._star, self._star, self._predicate, self._predicate, self._function,
            self._not, self._not_join, self._or, self._or_join, self._rule, self._ground, self._optional,
            self._paths, self._shared, *([self._tuples] if self.has_table else []), *([] if self.is_history else [self._lookup]),
        ]  # fmt: skip
        for _ in range(self.rng.choice([0, 0, 1, 1, 2, 3, 4])):
            made = self.rng.choice(makers)(self.kinds)
            if made is not None:
                clauses.append(made)
        find, rest = self._find()
        return Asked(find, clauses, self.inputs, rest, self._sources())

    def _only_rule(self) -> Asked:
        """Return a query of one call, from all or from one entity."""
        name = self.rng.choice(sorted(n for n in RULE_ARGS if n != "above"))
        find = self.rng.choice(["?x ?y", "?y ?x", "?x", "?y"])
        if len(find) == 2 and self.rng.random() < 0.8:
            given = "?y" if find == "?x" else "?x"
            self.inputs.append((given, self.rng.choice(POOLS["ref"])))
        return Asked(find, [f"({name} ?x ?y)"], self.inputs, "", self._sources())

    def _sources(self) -> str:
        return f"$ {self.second} {'$t' * self.has_table} %"

    # terms

    def _new(self, kinds: dict[str, str], kind: str) -> str:
        self.count += 1
        name = f"?{kind[0]}{self.count}"
        kinds[name] = kind
        return name

    def _bound(self, kinds: dict[str, str], *wanted: str) -> str | None:
        names = sorted(name for name, kind in kinds.items() if not wanted or kind in wanted)
        return self.rng.choice(names) if names else None

    def _constant(self, kind: str, *, position: str = "") -> str:
        value = self.rng.choice(POOLS[kind])
        if kind == "ref" and self.rng.random() < 0.3:
            reference = str(IDENT) if self.is_history else f"[:w/id {value}]"
            return self.rng.choice([reference, str(IDENT)])
        if kind == "symbol":
            return "_" if position else '"a"'
        if position == "v" and kind in ("long", "double", "bigint") and self.rng.random() < 0.2:
            return self.rng.choice(["1", "1.0", "2.0", "0", "1N", "1.5", "true", '"a"'])
        return print_edn(plain(value))

    def _term(
        self, kinds: dict[str, str], kind: str, position: str = "v", beside: str = ""
    ) -> str:
        choice = self.rng.random()
        near = kind if self.rng.random() < 0.97 else self.rng.choice(sorted(POOLS))
        known = {n: k for n, k in kinds.items() if n != beside or choice < 0.02}
        if near != kind:  # what is given is converted to what it is compared with
            known = {n: k for n, k in known.items() if n not in self.given}
        bound = self._bound(known, near)
        if bound is not None and choice < 0.45:
            return bound
        if choice < 0.85:
            return self._new(kinds, kind)
        return "_" if choice < 0.92 else self._constant(kind, position=position)

    def _one_of(self, kinds: dict[str, str], kind: str, *others: str) -> str:
        """Return a bound variable, a new one, or one of the others."""
        bound = self._bound(kinds, kind)
        if bound is not None and self.rng.random() < 0.3:
            return bound
        return self._new(kinds, kind) if self.rng.random() < 0.5 else self.rng.choice(others)

    def _source(self) -> str:
        return f"{self.second} " if self.second and self.rng.random() < 0.4 else ""

    # clauses

    def _name(self, *kinds: str) -> str:
        return self.rng.choice([n for n in OFTEN if not kinds or TYPES[n] in kinds])

    def _pattern(self, kinds: dict[str, str]) -> str:
        choice = self.rng.random()
        source = self._source()
        if choice > 0.97:
            t = self._one_of(kinds, "tx", "_")
            return f"[{source}{t} :db/txInstant {self._term(kinds, 'instant')}]"
        e = self._term(kinds, "ref", "e")
        if choice < 0.06:
            return f"[{source}{e} {self._any_attribute(kinds)}"
        name = self._name()
        if choice < 0.1:
            return f"[{source}{e} {name}]"
        if choice < 0.15 and TYPES[name] == "ref":
            other = self._term(kinds, "ref", "e", beside=e)
            return f"[{source}{e} {name.replace('/', '/_')} {other}]"
        v = self._term(kinds, TYPES[name], beside=e)
        if choice < 0.85 and not self.is_history:
            return f"[{source}{e} {name} {v}]"
        tx = self._one_of(kinds, "tx", "_", "_", "3")
        added = ""
        if self.rng.random() < 0.5:
            added = f" {self._one_of(kinds, 'boolean', 'true', 'false', '_')}"
        return f"[{source}{e} {name} {v} {tx}{added}]"

    def _star(self, kinds: dict[str, str]) -> str:
        """Return a pattern about an entity that is bound, if there is one."""
        e = self._bound(kinds, "ref")
        if e is None:
            return self._pattern(kinds)
        name = self._name()
        return f"[{self._source()}{e} {name} {self._term(kinds, TYPES[name], beside=e)}]"

    def _any_attribute(self, kinds: dict[str, str]) -> str:
        """Return the rest of a pattern of whatever attribute."""
        a = self._one_of(kinds, "attr", "_")
        kind = self.rng.choice(["edn", "long", "string", "ref", "double"])
        v = self._term(kinds, kind) if self.rng.random() < 0.7 else ""
        return f"{a} {v}]"

    def _predicate(self, kinds: dict[str, str]) -> str | None:
        left = self._bound(kinds)
        if left is None:
            return None
        kind = kinds[left]
        if kind == "string" and self.rng.random() < 0.4:
            return self.rng.choice(
                [
                    f"[(starts-with? {left} {self._constant('string')})]",
                    f'[(like {left} "{self.rng.choice(LIKE)}")]',
                    f'[({self.rng.choice(["re-find", "re-matches"])} "{self.rng.choice(REGULAR)}" {left})]',
                ]
            )
        group = NUMBERS if kind in NUMBERS else (kind,)
        if self.rng.random() < 0.1:
            group = tuple(sorted(POOLS))
        known = self._bound({n: k for n, k in kinds.items() if n != left}, *group)
        right = known if known and self.rng.random() < 0.5 else None
        operator = self.rng.choice(["<", "<=", ">", ">=", "=", "not="])
        group = tuple(k for k in group if k in POOLS and k not in ("symbol", "ref"))
        if right is None and not group:
            return None
        other = right or self._constant(self.rng.choice(group))
        pair = (left, other) if self.rng.random() < 0.7 else (other, left)
        third = (
            f" {self._constant(kind)}"
            if kind in ("long", "double") and self.rng.random() < 0.1
            else ""
        )
        return f"[({operator} {pair[0]} {pair[1]}{third})]"

    def _function(self, kinds: dict[str, str]) -> str | None:
        number, text = (
            self._bound(kinds, "long", "double", "bigint"),
            self._bound(kinds, "string"),
        )
        calls = []
        if number is not None:
            other = self._bound(kinds, "long", "double") or "3"
            calls += [f"(+ {number} {other})", f"(* {number} 2)", f"(- {number} {other})",
                      f"(inc {number})", f"(* {number} 0.5)"]  # fmt: skip
        if text is not None:
            calls += [f"(count {text})", f'(str {text} "b")']
        if (some := self._bound(kinds, "long")) and text:
            calls += [f"(tuple {some} {text})"]
        if (pair := self._bound(kinds, "tuple")) is not None:
            one, other = self._new(kinds, "long"), self._new(kinds, "string")
            return f"[(untuple {pair}) [{one} {other}]]"
        if (same := self._bound(kinds)) is not None and self.rng.random() < 0.3:
            return f"[(identity {same}) {self._new(kinds, kinds[same])}]"
        if not calls:
            return None
        call = self.rng.choice(calls)
        kind = {"(str": "string", "(tup": "tuple", "(cou": "long"}.get(call[:4])
        if kind is None:
            kind = "double" if kinds.get(number or "") == "double" or "0.5" in call else "long"
        bound = self._bound(kinds, kind, "edn")
        result = bound if bound and self.rng.random() < 0.4 else self._new(kinds, kind)
        return f"[{call} {result}]"

    def _about(self, kinds: dict[str, str], seed: str) -> str:
        name = self._name()
        return f"[{self._source()}{seed} {name} {self._term(kinds, TYPES[name], beside=seed)}]"

    def _inner(self, kinds: dict[str, str], seed: str) -> str:
        clauses = self._about(kinds, seed)
        for maker in self.rng.sample(
            [self._pattern, self._predicate, self._not, self._rule],
            self.rng.choice([0, 0, 1, 2]),
        ):
            clauses += f" {maker(kinds) or ''}"
        return clauses

    def _not(self, kinds: dict[str, str]) -> str | None:
        seed = self._bound(kinds, "ref")
        return None if seed is None else f"(not {self._inner(dict(kinds), seed)})"

    def _not_join(self, kinds: dict[str, str]) -> str | None:
        seed = self._bound(kinds, "ref")
        if seed is None:
            return None
        also = self._bound({n: k for n, k in kinds.items() if n != seed})
        names = [seed, also] if also and self.rng.random() < 0.4 else [seed]
        return (
            f"(not-join [{' '.join(names)}] {self._inner({n: kinds[n] for n in names}, seed)})"
        )

    def _optional(self, kinds: dict[str, str]) -> str | None:
        seed = self._bound(kinds, "ref")
        if seed is None:
            return None
        name = self._name()
        self.count += 1
        fresh = f"?opt{self.count}"
        test = (
            f" [(not= {fresh} {self._constant(TYPES[name])})]"
            if TYPES[name] != "ref" and self.rng.random() < 0.3
            else ""
        )
        kinds[fresh] = "nilable"
        return f"(optional [{seed} {name} {fresh}]{test})"

    def _or(self, kinds: dict[str, str]) -> str:
        kind = self.rng.choice(["ref", "long", "string", "double", "edn"])
        group = [n for n in sorted(TYPES) if TYPES[n] == kind]
        e = self._bound(kinds, "ref") or self._new(kinds, "ref")
        v = self._bound(kinds, kind) if self.rng.random() < 0.4 else None
        v = self._new(kinds, kind) if v is None or v == e else v
        branches = []
        for _ in range(self.rng.randint(1, 3)):
            branch = f"[{self._source()}{e} {self.rng.choice(group)} {v}]"
            if self.rng.random() < 0.4:
                branch = f"(and {branch} {self._predicate({v: kind}) or ''})"
            elif self.rng.random() < 0.3:
                branch = f"(and {branch} (not [{e} :w/next _]))"
            branches.append(branch)
        return f"(or {' '.join(branches)})"

    def _or_join(self, kinds: dict[str, str]) -> str | None:
        kind = self.rng.choice(["ref", "long", "string"])
        names = [n for n in sorted(TYPES) if TYPES[n] == kind]
        must = self._bound(kinds, "ref")
        e = must or self._new(kinds, "ref")
        v = self._new(kinds, kind)
        one, other = self.rng.choice(names), self.rng.choice(names)
        local = self._new({}, "ref")
        head = f"[{e}] {v}" if must and self.rng.random() < 0.5 else f"{e} {v}"
        rest = f"(and [{e} {self._name('ref')} {local}] [{local} {other} {v}])"
        return f"(or-join [{head}] [{e} {one} {v}] {rest})"

    def _rule(self, kinds: dict[str, str]) -> str:
        name = self.rng.choice(sorted(RULE_ARGS))
        args: list[str] = []
        for i, kind in enumerate(RULE_ARGS[name]):
            bound = self._bound(kinds, kind)
            if name == "above" and i == 0:
                args.append(bound or "1")
                continue
            choice = self.rng.random()
            if bound and choice < 0.5:
                args.append(bound)
            elif choice < 0.8:
                args.append(self._new(kinds, kind))
            else:
                args.append("_" if choice < 0.9 or kind == "edn" else self._constant(kind))
        source = self._source() if name != "above" else ""
        return f"({source}{name} {' '.join(args)})"

    def _paths(self, kinds: dict[str, str]) -> str:
        name = self._name("ref")
        e = self._bound(kinds, "ref")
        if self.rng.random() < 0.2:
            end = self._new(kinds, "ref")
            return f"[{self._source()}{self.rng.choice(['_', '1', end])} {name}+ {end}]"
        sign = self.rng.choice("+*") if e else "+"
        other = self._term(kinds, "ref", "e")
        return f"[{self._source()}{e or self._new(kinds, 'ref')} {name}{sign} {other}]"

    def _shared(self, kinds: dict[str, str]) -> str:
        """Return two patterns that share their value, maybe of two types."""
        v = self._new(kinds, "edn")
        one, other = self._new(kinds, "ref"), self._term(kinds, "ref", "e")
        return f"[{self._source()}{one} {self._name()} {v}] [{self._source()}{other} {self._name()} {v}]"

    def _tuples(self, kinds: dict[str, str]) -> str:
        """Return a pattern of a collection of tuples."""
        first = self._term(kinds, "edn") if self.rng.random() < 0.7 else "1"
        if self.rng.random() < 0.2:
            return f"[$t {first}]"
        kind = self.rng.choice(["ref", "long", "string"])
        return f"[$t {first} {self._term(kinds, kind, beside=first)}]"

    def _lookup(self, kinds: dict[str, str]) -> str | None:
        e = self._bound(kinds, "ref")
        if e is None:
            return None
        name = self.rng.choice([n for n in sorted(TYPES) if n not in MANY])
        source = self._source() or "$"
        choice = self.rng.random()
        if choice < 0.3:
            return f"[(missing? {source} {e} {name})]"
        if choice < 0.5:
            return f"[(get-some {source} {e} {name} :w/long) [_ {self._new(kinds, 'edn')}]]"
        if choice < 0.6 and (known := self._bound(kinds, TYPES[name])):
            return f"[(get-else {source} {e} {name} {known}) {self._new(kinds, TYPES[name])}]"
        default = "nil" if self.rng.random() < 0.2 else self._constant(TYPES[name])
        kind = "nilable" if default == "nil" else TYPES[name]
        return f"[(get-else {source} {e} {name} {default}) {self._new(kinds, kind)}]"

    def _ground(self, kinds: dict[str, str]) -> str:
        kind = self.rng.choice(
            ["ref", "long", "string", "double", "edn", "tuple", "bigdec", "instant"]
        )
        some = [plain(v) for v in self.rng.choices(POOLS[kind], k=self.rng.randint(1, 3))]
        bound = self._bound(kinds, kind) if self.rng.random() < 0.5 else None
        name = bound or self._new(kinds, kind)
        match self.rng.choice(["many", "one", "rows"]):
            case "many":
                return f"[(ground {print_edn(some)}) [{name} ...]]"
            case "one":
                return f"[(ground {print_edn(some[0])}) {name}]"
        other = self._new(kinds, "long")
        rows = [[v, i % 2] for i, v in enumerate(some)]
        return f"[(ground {print_edn(rows)}) [[{name} {other}]]]"

    def _input(self) -> None:
        kind = self.rng.choice(sorted(POOLS))
        pool = POOLS[kind]
        value = self.rng.choice(pool)
        some = self.rng.choices(pool, k=self.rng.choice([0, 1, 2, 3, 4, 4]))
        name = self._new(self.kinds, kind)
        match self.rng.choice(["one", "many", "rows", "tuple", "deep"]):
            case "one":
                self.inputs.append((name, value))
            case "many":
                self.inputs.append((f"[{name} ...]", some))
            case "tuple":
                self.inputs.append((f"[_ {name}]", [0, value]))
            case "deep":
                other = self._new(self.kinds, "long")
                rows = [["x", [i % 2, v]] for i, v in enumerate(some)]
                self.inputs.append((f"[[_ [{other} {name}]] ...]", rows))
            case _:
                other = self._new(self.kinds, "long")
                rows = [[v, self.rng.choice(POOLS["long"])] for v in some]
                self.inputs.append((f"[[{name} {other}]]", rows))

    # find

    def _find(self) -> tuple[str, str]:
        names = sorted(self.kinds)
        chosen = self.rng.sample(names, min(len(names), self.rng.randint(1, 3)))
        if not chosen:
            self.kinds["?z"] = "long"
            self.inputs.append(("?z", 7))
            return "?z", ""
        others = [name for name in names if name not in chosen]
        choice = self.rng.random()
        if choice < 0.5:
            return " ".join(chosen), ""
        if choice < 0.7:
            return " ".join(chosen), self._page(chosen, others)
        *keys, last = chosen
        if keys and self.rng.random() < 0.2:
            keys = []
        how = ["count", "count-distinct", "min", "max", "min 2", "max 2"]
        if self.kinds[last] in ("long", "ref", "double", "bigint"):
            how += ["sum", "avg", "median", "variance", "stddev"]
        made = self.rng.choice(how)
        more = self.rng.sample(others, min(len(others), self.rng.randint(0, 2)))
        rest = f":with {' '.join(more)}" if more else ""
        if self.rng.random() < 0.3:
            rest += f" :having [({self.rng.choice('<>=')} (count {last}) 1)]"
        if self.rng.random() < 0.3 and keys:
            order = self.rng.choice([":asc", ":desc"])
            rest += f" :order-by [(count {last}) {order} {' '.join(keys)}]"
        return f"{' '.join(keys)} ({made} {last})", rest

    def _page(self, chosen: list[str], others: list[str]) -> str:
        """Return an order of all columns, maybe of one that is not found first, and a page."""
        order = self.rng.sample(chosen, len(chosen))
        if others and self.rng.random() < 0.4:
            order.insert(0, self.rng.choice(others))
        keys = " ".join(f"{n} {self.rng.choice([':asc', ':desc', ''])}" for n in order)
        rest = f":order-by [{keys}]"
        if self.rng.random() < 0.6:
            rest += f" :limit {self.rng.randint(0, 4)} :offset {self.rng.randint(0, 2)}"
        return rest
