"""Transitive attributes: `:friend+` and `:friend*` in a pattern, for any ref attribute `:friend`.

`[?a :friend+ ?b]` follows the attribute one step or more, `[?a :friend* ?b]` none or more (there ?a
must be bound: everything reaches itself); `:_friend+` and `:_friend*` lead backwards. All become calls of a rule that is made here, so they cost
what a rule costs, and run backward as well as forward.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from datamem.datalog.syntax import (
    BindScalar,
    Blank,
    Clause,
    Constant,
    FunctionCall,
    Not,
    Optional,
    Or,
    Pattern,
    Rule,
    RuleCall,
    Term,
    Variable,
)
from datamem.db.pull.shape import forward_name
from datamem.edn import Keyword
from datamem.schema.schema import Schema
from datamem.schema.types import ValueType

_X: Final = Variable("?x")
_Y: Final = Variable("?y")
_Z: Final = Variable("?z")


def expand(
    clauses: Sequence[Clause],
    schemas: Mapping[str, Schema | None],
    rules: dict[str, list[Rule]],
) -> tuple[Clause, ...]:
    """Return the clauses with transitive patterns as rule calls; their rules are added to `rules`."""
    return tuple(_expanded(clause, schemas, rules) for clause in clauses)


def _expanded(
    clause: Clause, schemas: Mapping[str, Schema | None], rules: dict[str, list[Rule]]
) -> Clause:
    match clause:
        case Pattern(source, (e, Constant(str() as name), *rest), offset) if name[-1:] in "+*":
            base, is_reverse = _base(schemas.get(source), name)
            if base is None:
                return clause
            value: Term = rest[0] if rest else Blank()
            _add_rules(name, base, rules, is_reverse=is_reverse)
            return RuleCall(source, name, (e, value), offset)
        case Not(variables, nested, offset):
            return Not(variables, expand(nested, schemas, rules), offset)
        case Optional(nested, offset):
            return Optional(expand(nested, schemas, rules), offset)
        case Or(required, variables, branches, offset):
            made = tuple(expand(branch, schemas, rules) for branch in branches)
            return Or(required, variables, made, offset)
        case _:
            pass
    return clause


def _base(schema: Schema | None, name: str) -> tuple[Keyword | None, bool]:
    """Return the ref attribute that a transitive name follows, or None, and whether backwards."""
    if schema is None or schema.get(name) is not None:
        return None, False
    forward = forward_name(name[:-1])
    is_reverse = forward is not None and schema.get(name[:-1]) is None
    attribute = schema.get(forward if is_reverse and forward is not None else name[:-1])
    is_ref = attribute is not None and attribute.value_type is ValueType.REF
    return (attribute.ident if is_ref and attribute is not None else None), is_reverse


def _add_rules(
    name: str, base: Keyword, rules: dict[str, list[Rule]], *, is_reverse: bool
) -> None:
    if name in rules:
        return
    more = f"{name[:-1]}+"
    step = Constant(base)

    def link(start: Variable, end: Variable) -> Pattern:
        return Pattern("$", (end, step, start) if is_reverse else (start, step, end))

    if name.endswith("*"):
        same = FunctionCall("identity", (_X,), BindScalar(_Y))
        rules[name] = [
            Rule(name, (_X,), (_Y,), (same,)),
            Rule(name, (_X,), (_Y,), (RuleCall("$", more, (_X, _Y)),)),
        ]
    rules.setdefault(
        more,
        [
            Rule(more, (), (_X, _Y), (link(_X, _Y),)),
            Rule(
                more,
                (),
                (_X, _Y),
                (link(_X, _Z), RuleCall("$", more, (_Z, _Y))),
            ),
        ],
    )
