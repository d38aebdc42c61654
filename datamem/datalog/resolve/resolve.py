"""Resolving: syntax -> steps. Knows the schemas of the sources and the rules, never the data.

Attribute names become attributes, nested variables that are local get names of their own, every
step learns which variables it needs and gives, and a clause that no order can feed is refused.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from datamem.datalog.faults import near, query_error
from datamem.datalog.parse.check import (
    find_variables,
    function_hint,
    input_variables,
)
from datamem.datalog.parse.rename import rename_clause, with_source
from datamem.datalog.resolve.attributes import attribute_of, check_positions
from datamem.datalog.resolve.inline import Inliner
from datamem.datalog.resolve.narrowing import (
    check_source,
    input_links,
    narrow_searches,
    search_step,
    uses_of_search,
)
from datamem.datalog.resolve.push import know_inputs, push_ranges
from datamem.datalog.resolve.safety import (
    Needs,
    clause_needs,
    outer_of,
    required_positions,
    stuck_clauses,
    unbound_error,
)
from datamem.datalog.resolve.steps import (
    FunctionStep,
    Names,
    NotStep,
    OptionalStep,
    OrStep,
    PatternStep,
    PredicateStep,
    Resolved,
    ResolvedRule,
    RuleBody,
    RuleStep,
    Scope,
    SearchStep,
    Step,
    Use,
)
from datamem.datalog.resolve.strata import check_strata
from datamem.datalog.resolve.transitive import expand
from datamem.datalog.resolve.uses import use_kind, uses_of_call, uses_of_find
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
    Predicate,
    Query,
    Rule,
    RuleCall,
    Search,
    SourceName,
    Term,
    Variable,
    all_variables,
    variables_of,
)
from datamem.schema.attribute import Attribute
from datamem.schema.schema import Schema

_NOT_REFS: Final = "neither an entity id, an ident nor a lookup ref"


def resolve_query(
    query: Query, schemas: Mapping[str, Schema | None], rules: Sequence[Rule] = ()
) -> Resolved:
    """Resolve a query.

    Args:
        query: as parsed.
        schemas: the schema of each source by name; None for a collection of tuples.
        rules: the rules that `%` stands for.

    Raises:
        QueryError: an unknown attribute (strict schemas), an unbound variable, an unknown rule, a
            rule called with the wrong number of arguments.
    """
    return _Resolver(query, schemas, rules).resolve()


class _Resolver:
    """The state of resolving one query."""

    def __init__(
        self, query: Query, schemas: Mapping[str, Schema | None], rules: Sequence[Rule]
    ) -> None:
        self._query = query
        self._text = query.text
        self._schemas = schemas
        self._uses: dict[str, set[Use]] = {}
        self._fresh = itertools.count(1)
        self._rules: dict[str, list[Rule]] = {}
        for rule in rules:
            self._rules.setdefault(rule.name, []).append(rule)
        self._where = expand(query.where, schemas, self._rules)
        for name, bodies in list(self._rules.items()):
            self._rules[name] = [
                replace(rule, body=expand(rule.body, schemas, self._rules)) for rule in bodies
            ]
        self._required = required_positions(
            {
                name: [(rule.required, rule.params, rule.body) for rule in bodies]
                for name, bodies in self._rules.items()
            }
        )
        inliner = Inliner(self._rules, self._required, self._fresh)
        self._where = inliner.clauses(self._where)
        self._rules = {
            name: [replace(rule, body=inliner.clauses(rule.body)) for rule in bodies]
            for name, bodies in self._rules.items()
        }
        self._links = input_links(query)
        self._resolved: dict[tuple[str, str], ResolvedRule] = {}
        self._param_uses: dict[tuple[str, str], list[set[Use]]] = {}

    def resolve(self) -> Resolved:
        check_strata([self._narrowed(r) for rules in self._rules.values() for r in rules], None)
        inputs = input_variables(self._query)
        asked = {variable.name for variable in find_variables(self._query)}
        scope = self._scope(self._where, inputs, asked, inputs=frozenset(inputs))
        know_inputs(scope.steps, self._query)
        self._use(uses_of_find(self._query))
        self._check_asked(scope)
        asked.update(variable.name for variable in self._query.with_variables)
        return Resolved(
            self._query,
            scope,
            self._resolved,
            self._uses,
            frozenset(asked),
            frozenset(self._rules),
        )

    def _narrowed(self, rule: Rule) -> Rule:
        """Return a rule with its searches narrowed, as its body will be resolved."""
        head = {variable.name for variable in rule.head}
        return replace(rule, body=narrow_searches(rule.body, head, (), self._positions))

    def _check_asked(self, scope: Scope) -> None:
        for variable in (*find_variables(self._query), *self._query.with_variables):
            if variable.name not in scope.provides:
                raise query_error(
                    f"{variable.name} is asked for, but no clause binds it",
                    code="query/unbound-variable",
                    hint=near(variable.name, scope.provides),
                    text=self._text,
                    offset=variable.offset,
                    variable=variable.name,
                )

    # scopes

    def _scope(
        self,
        clauses: Sequence[Clause],
        bound: Iterable[str],
        visible: Iterable[str] = (),
        *,
        inputs: Names = frozenset(),
    ) -> Scope:
        """Resolve a conjunction whose surroundings bind `bound` and know `visible`.

        `inputs` are variables of `:in` whose relations stand beside the clauses.
        """
        have = set(bound)
        known = have | set(visible)
        links = self._links if inputs else ()
        clauses = narrow_searches(clauses, have, links, self._positions)
        needs = [
            (
                clause,
                clause_needs(
                    clause,
                    outer_of(clauses, clause, have, self._positions),
                    known,
                    self._positions,
                ),
            )
            for clause in clauses
        ]
        for clause, _ in needs:
            self._check_call(clause)
        stuck, provided = stuck_clauses(needs, have)
        if stuck:
            raise unbound_error(stuck, provided, self._rules, self._text)
        steps = []
        for clause, (requires, provides) in needs:
            if isinstance(clause, RuleCall):
                steps += self._rule_call(clause, requires, provides)
            elif isinstance(clause, Search):
                steps.append(self._search(clause, (requires, provides), have, known, inputs))
            else:
                steps.append(self._step(clause, requires, provides))
        push_ranges(steps)
        return Scope(tuple(steps), frozenset(have), frozenset(provided))

    def _positions(self, _source: str, name: str) -> frozenset[int]:
        return self._required.get(name, frozenset())

    def _step(
        self,
        clause: Pattern | Predicate | FunctionCall | Not | Or | Optional,
        requires: frozenset[str],
        provides: frozenset[str],
    ) -> Step:
        match clause:
            case Pattern():
                return self._pattern(clause, provides)
            case Predicate(function, args, offset):
                self._use(uses_of_call(clause))
                return PredicateStep(function, args, requires, provides, offset)
            case FunctionCall(function, args, binding, offset):
                self._use(uses_of_call(clause))
                return FunctionStep(function, args, binding, requires, provides, offset)
            case Not():
                return self._not(clause, requires)
            case Or():
                return self._or(clause, requires, provides)
            case Optional(clauses, offset):
                return OptionalStep(self._scope(clauses, requires), requires, provides, offset)

    def _not(self, clause: Not, requires: frozenset[str]) -> NotStep:
        if clause.variables is None and not requires and all_variables(clause.clauses):
            raise query_error(
                "this not shares no variable with the clauses around it",
                code="query/not-unjoined",
                hint="use one of its variables outside too, or write not-join",
                text=self._text,
                offset=clause.offset,
            )
        clauses = self._localised(clause.clauses, requires, clause.variables is not None)
        return NotStep(self._scope(clauses, requires), requires, frozenset(), clause.offset)

    def _or(self, clause: Or, requires: frozenset[str], provides: frozenset[str]) -> OrStep:
        visible = variables_of(clause)
        branches = []
        for branch in clause.branches:
            local = self._localised(branch, visible, clause.variables is not None)
            scope = self._scope(local, requires, visible)
            branches.append(Scope(scope.steps, frozenset(visible), scope.provides))
        return OrStep(
            tuple(sorted(visible)), tuple(branches), requires, provides, clause.offset
        )

    def _search(
        self, clause: Search, needs: Needs, bound: set[str], visible: set[str], inputs: Names
    ) -> SearchStep:
        check_source(clause, self._schemas, self._text)
        self._use((name, Use(clause.source, kind)) for name, kind in uses_of_search(clause))

        def scope(given: Names, used: Names) -> Scope:
            return self._scope(clause.narrowing, given, visible, inputs=used)

        return search_step(clause, needs[0], bound, inputs, scope)

    def _localised(
        self, clauses: Sequence[Clause], keep: Iterable[str], is_join: bool
    ) -> tuple[Clause, ...]:
        """Rename the local variables of not-join and or-join, which may repeat outer names."""
        if not is_join:
            return tuple(clauses)
        kept = set(keep)
        number = next(self._fresh)
        names = {
            name: f"{name}#{number}"
            for name in all_variables(tuple(clauses))
            if name not in kept
        }
        return tuple(rename_clause(clause, names) for clause in clauses)

    # patterns

    def _pattern(self, clause: Pattern, provides: frozenset[str]) -> PatternStep:
        schema = self._schemas[clause.source]
        attribute: Attribute | None = None
        known = True
        terms = clause.terms
        if schema is not None:
            check_positions(clause, schema, self._text)
            if len(terms) > 1 and isinstance(terms[1], Constant):
                attribute, terms = attribute_of(clause, schema, self._text)
                known = attribute is not None
            self._use_terms(clause.source, terms, attribute)
        return PatternStep(
            clause.source, terms, attribute, known, frozenset(), provides, clause.offset
        )

    def _use_terms(
        self, source: str, terms: Sequence[Term], attribute: Attribute | None
    ) -> None:
        kinds = ["entity", "attribute", use_kind(attribute), "tx"]
        for term, kind in zip(terms, kinds, strict=False):
            if isinstance(term, Variable) and kind:
                self._use([(term.name, Use(source, kind))])

    def _use(self, uses: Iterable[tuple[str, Use]]) -> None:
        for name, use in uses:
            self._uses.setdefault(name, set()).add(use)

    # rules

    def _check_call(self, clause: Clause) -> None:
        if not isinstance(clause, RuleCall):
            return
        bodies = self._rules.get(clause.name)
        if bodies is None:
            raise query_error(
                f"there is no rule {clause.name}",
                code="query/unknown-rule",
                hint=function_hint(clause.name)
                or near(clause.name, self._rules)
                or "functions and predicates need brackets: [(f ?x)]",
                text=self._text,
                offset=clause.offset,
                rule=clause.name,
            )
        arity = len(bodies[0].head)
        if len(clause.args) != arity:
            raise query_error(
                f"rule {clause.name} takes {arity} argument{'s' * (arity != 1)}, not"
                f" {len(clause.args)}",
                code="query/rule-arity",
                hint=f"({clause.name} {' '.join(v.name for v in bodies[0].head)})",
                text=self._text,
                offset=clause.offset,
                rule=clause.name,
            )
        for i in sorted(self._required[clause.name]):
            if isinstance(clause.args[i], Blank):
                head = bodies[0].head[i].name
                raise query_error(
                    f"rule {clause.name} needs to be given {head}, and _ is nothing",
                    code="query/unbound-variable",
                    hint=f"give a variable that other clauses bind, or bind {head} in every body",
                    text=self._text,
                    offset=clause.offset,
                    rule=clause.name,
                )

    def _resolve_rule(self, source: str, name: str) -> None:
        key = (source, name)
        if key in self._resolved or key in self._param_uses:
            return
        bodies = self._rules[name]
        arity = len(bodies[0].head)
        self._param_uses[key] = [set() for _ in range(arity)]
        required = self._required[name]
        outer_uses, self._uses = self._uses, {}
        resolved = []
        for rule in bodies:
            head = tuple(variable.name for variable in rule.head)
            body = tuple(with_source(clause, source) for clause in rule.body)
            scope = self._scope(body, {head[i] for i in required}, head)
            resolved.append(RuleBody(head, scope))
            for i, variable in enumerate(head):
                self._param_uses[key][i] |= self._uses.pop(variable, set())
        self._uses = outer_uses
        self._resolved[key] = ResolvedRule(source, name, arity, required, tuple(resolved))

    def _rule_call(
        self, call: RuleCall, requires: frozenset[str], provides: frozenset[str]
    ) -> list[Step]:
        """Resolve a call; its constants become hidden variables that a step of their own binds."""
        self._resolve_rule(call.source, call.name)
        uses = self._param_uses[call.source, call.name]
        self._use_args(call.source, call.name, call.args)
        steps: list[Step] = []
        args: list[Term] = []
        hidden: set[str] = set()
        for arg, used in zip(call.args, uses, strict=True):
            if not isinstance(arg, Constant):
                args.append(arg)
                continue
            variable = Variable(f"?const#{next(self._fresh)}", arg.offset)
            is_entity = any(use.kind in ("entity", "ref", "tx") for use in used)
            function = "\0entity" if is_entity else "ground"
            given = (SourceName(call.source), arg) if is_entity else (arg,)
            bound = frozenset((variable.name,))
            binding = BindScalar(variable)
            steps.append(
                FunctionStep(function, given, binding, frozenset(), bound, call.offset)
            )
            args.append(variable)
            hidden.add(variable.name)
        required = self._required[call.name]
        must = {v.name for i, v in enumerate(args) if i in required and isinstance(v, Variable)}
        both = requires | provides | hidden
        needs = frozenset(must)
        steps.append(
            RuleStep(call.source, call.name, tuple(args), needs, both - needs, call.offset)
        )
        return steps

    def _use_args(self, source: str, name: str, args: Sequence[Term]) -> None:
        for arg, uses in zip(args, self._param_uses[source, name], strict=True):
            if isinstance(arg, Variable) and uses:
                self._uses.setdefault(arg.name, set()).update(uses)
