"""Notes: why an answer may be empty, or hold what nobody meant, where the query itself shows it.

A pattern on an attribute that nobody ever used matches nothing, and so does a constant that the attribute
cannot hold; a string is never equal to a keyword. All are what was asked, so none is an error (a strict schema
refuses the first); but most often somebody misspelt a name or quoted a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from datamem.datalog.columns.values import print_value
from datamem.datalog.execute.sources import NO_VALUE, coerce
from datamem.datalog.faults import as_written, near
from datamem.datalog.functions.registry import READ_DATABASE
from datamem.datalog.notes.kinds import (
    ENTITY,
    Kind,
    Kinds,
    as_instant,
    comparison_note,
    kinds_of_constants,
    one_family,
    patterns_disagree,
)
from datamem.datalog.resolve.describe import describe
from datamem.datalog.resolve.steps import (
    FunctionStep,
    NotStep,
    OptionalStep,
    OrStep,
    PatternStep,
    PredicateStep,
    Resolved,
    ResolvedRule,
    RuleStep,
    Scope,
    SearchStep,
    Step,
)
from datamem.datalog.syntax import Constant, Pull, SourceName, Term, Variable
from datamem.db.pull.shape import unknown_attributes
from datamem.edn import Keyword
from datamem.errors import DatamemError
from datamem.schema.attribute import Attribute
from datamem.schema.schema import Schema
from datamem.schema.types import ValueType

_ANYTHING = frozenset({ValueType.EDN, ValueType.DOC, ValueType.TUPLE})
"""Types of which a mismatch is no plain mistake."""


def notes_of(
    resolved: Resolved,
    schemas: Mapping[str, Schema | None],
    given: Mapping[str, Any],
    sources: Mapping[str, Any],
) -> tuple[str, ...]:
    """Return what in a query can match nothing or is hardly meant so, one sentence each.

    Args:
        resolved: the query.
        schemas: of its sources by name; None for tuples.
        given: its scalar inputs, by variable.
        sources: the sources; none where there are rows, and no reason to look for names.
    """
    return tuple(dict.fromkeys(map(as_written, _Notes(schemas, given, sources).of(resolved))))


class _Notes:
    """What is noted of one query."""

    def __init__(
        self,
        schemas: Mapping[str, Schema | None],
        given: Mapping[str, Any],
        sources: Mapping[str, Any],
    ) -> None:
        self._schemas = schemas
        self._given = given
        self._sources = sources
        self._rules: Mapping[tuple[str, str], ResolvedRule] = {}

    def of(self, resolved: Resolved) -> Iterator[str]:
        kinds: Kinds = {}
        self._rules = resolved.rules
        yield from self._scope(resolved.scope, kinds)
        yield from self._inputs(resolved)
        for rule in resolved.rules.values():
            for body in rule.bodies:
                yield from self._scope(body.scope, {})
        for element in resolved.query.find.elements:
            if isinstance(element, Pull):
                yield from self._pull(element, kinds)

    def _inputs(self, resolved: Resolved) -> Iterator[str]:
        """Note inputs that stand for entities and name none."""
        for name, value in self._given.items():
            for use in resolved.uses.get(name, ()):
                db = self._sources.get(use.source)
                if use.kind in ("entity", "ref") and _names_nothing(db, value):
                    yield f"no entity is {print_value(value)}, which {name} is"

    def _scope(self, scope: Scope, kinds: Kinds) -> Iterator[str]:
        """Note what is odd in a conjunction; `kinds` are those of its surroundings, and it adds its own."""
        patterns = [step for step in scope.steps if isinstance(step, PatternStep)]
        for pattern in patterns:
            yield from self._pattern(pattern)
        kinds |= kinds_of_constants(scope.steps)
        yield from patterns_disagree(self._of_databases(patterns), kinds)
        for step in scope.steps:
            yield from self._other(step, kinds)

    def _other(self, step: Step, kinds: Kinds) -> Iterator[str]:
        match step:
            case PredicateStep() | FunctionStep():
                yield from self._call(step, kinds)
            case NotStep(scope=nested) | OptionalStep(scope=nested) | SearchStep(scope=nested):
                yield from self._scope(nested, dict(kinds))
            case OrStep(branches=branches):
                for branch in branches:
                    yield from self._scope(branch, dict(kinds))
            case RuleStep(source, name, args):
                params = self._params(source, name)
                for arg, param in zip(args, params, strict=True):
                    known = kinds.get(arg.name) if isinstance(arg, Variable) else None
                    if known and param and known.family != param.family:
                        yield f"{describe(step)} is given {known.said}, and takes {param.said}"
            case _:
                pass

    def _params(self, source: str, name: str) -> list[Kind | None]:
        """Return what a rule's patterns say of its parameters, where all its bodies say the same."""
        rule = self._rules[source, name]
        found: list[list[Kind | None]] = [[] for _ in range(rule.arity)]
        for body in rule.bodies:
            kinds: Kinds = {}
            steps = [step for step in body.scope.steps if isinstance(step, PatternStep)]
            list(patterns_disagree(self._of_databases(steps), kinds))
            for i, variable in enumerate(body.head):
                found[i].append(kinds.get(variable))
        return [one_family(kinds) for kinds in found]

    def _of_databases(self, steps: list[PatternStep]) -> list[PatternStep]:
        return [step for step in steps if self._schemas.get(step.source) is not None]

    def _pattern(self, step: PatternStep) -> Iterator[str]:
        schema = self._schemas.get(step.source)
        attribute = step.attribute
        if schema is None:
            yield from self._texts(step)
        if schema is None or len(step.terms) < 2:
            return
        _, name = self._known(step.terms[1])
        is_misspelt = step.attribute is None and isinstance(name, str) and not schema.get(name)
        if not step.attribute_is_known or is_misspelt:
            yield _unknown(name, schema)
        yield from self._names(step)
        if (
            attribute is not None
            and attribute.value_type not in _ANYTHING
            and len(step.terms) > 2
        ):
            yield from self._value(attribute, step.terms[2])

    def _texts(self, step: PatternStep) -> Iterator[str]:
        """Note keywords of a pattern that are plain strings in the tuples of its source."""
        rows = self._sources.get(step.source)
        keywords = {i: t.value for i, t in enumerate(step.terms) if isinstance(t, Constant)}
        for i, name in keywords.items():
            is_text = isinstance(name, Keyword) and isinstance(rows, list | tuple | AbstractSet)
            if is_text and any(type(row[i]) is str and row[i] == name for row in rows or ()):
                yield f"{name} is a keyword, and the tuples of {step.source} hold the string: Keyword({str(name)!r})"

    def _value(self, attribute: Attribute, term: Term) -> Iterator[str]:
        known, value = self._known(term)
        is_ref = attribute.value_type is ValueType.REF
        if not known or (is_ref and not isinstance(value, float)) or _holds(attribute, value):
            return
        if value is not None:
            kind = attribute.value_type.keyword
            wanted = attribute.value_type.name.lower()
            yield (
                f"{print_value(value)} is no {kind}, which {attribute.ident} holds"
                + as_instant((wanted, "string" if isinstance(value, str) else ""))
                + _as_collection(term, value)
            )
        elif isinstance(term, Constant):
            yield f"nil is no value: [(missing? $ ?e {attribute.ident})] finds what has none"

    def _names(self, step: PatternStep) -> Iterator[str]:
        """Note idents that no entity has, and retractions where there are none to see."""
        db = self._sources.get(step.source)
        if db is None:
            return
        is_ref = step.attribute is not None and step.attribute.value_type is ValueType.REF
        for i, term in enumerate(step.terms):
            name = term.value if isinstance(term, Constant) else None
            if i in (0, 2 * is_ref) and isinstance(name, Keyword) and db.resolve(name) is None:
                yield f"no entity has the ident {name}"
            if i == 4 and name is False and not db.is_history:
                yield f"{describe(step)}: only a history shows what was retracted"

    def _call(self, step: PredicateStep | FunctionStep, kinds: Kinds) -> Iterator[str]:
        if step.function in READ_DATABASE:
            yield from self._lookup(step, kinds)
        elif isinstance(step, PredicateStep):
            note = comparison_note(step, kinds, self._given)
            if note is not None:
                yield note

    def _lookup(self, step: PredicateStep | FunctionStep, kinds: Kinds) -> Iterator[str]:
        source, entity, *rest = (*step.args, None, None)[: max(2, len(step.args))]
        schema = self._schemas.get(source.name) if isinstance(source, SourceName) else None
        yield from _no_entity(describe(step), entity, kinds)
        names = rest if step.function == "get-some" else rest[:1]
        for term in names:
            name = term.value if isinstance(term, Constant) else None
            if schema is not None and isinstance(name, str) and schema.get(name) is None:
                yield from _misspelt(name, schema)

    def _pull(self, element: Pull, kinds: Kinds) -> Iterator[str]:
        schema = self._schemas.get(element.source)
        pattern = element.pattern
        if isinstance(pattern, Variable):
            pattern = self._given.get(pattern.name)
        yield from _no_entity(f"(pull {element.variable.name} …)", element.variable, kinds)
        if schema is not None:
            for name in unknown_attributes(schema, pattern):
                yield from _misspelt(name, schema)

    def _known(self, term: Term) -> tuple[bool, Any]:
        match term:
            case Constant(value):
                return True, value
            case Variable(name) if name in self._given:
                return True, self._given[name]
            case _:
                pass
        return False, None


def _names_nothing(db: Any, value: Any) -> bool:
    if not isinstance(value, str | list | tuple) or not hasattr(db, "resolve"):
        return False
    try:
        return db.resolve(value) is None
    except DatamemError:
        return False


def _unknown(name: Any, schema: Schema) -> str:
    base = schema.get(str(name)[:-1]) if str(name)[-1:] in ("+", "*") else None
    if base is not None:
        return f"{name} follows references, and {base.ident} holds {base.value_type.keyword}"
    hint = near(str(name), (str(attribute.ident) for attribute in schema))
    return f"there is no attribute {name}" + (f"; {hint}" if hint else "")


def _as_collection(term: Term, value: Any) -> str:
    """Return how several values are taken, where one variable was given them."""
    if isinstance(term, Variable) and isinstance(value, list | tuple | AbstractSet):
        return f"; several are taken by [{term.name} ...] in :in"
    return ""


def _misspelt(name: str, schema: Schema) -> Iterator[str]:
    """Note an attribute that nobody ever used, where one of a like name is: it has a default anyway."""
    note = _unknown(name if name.startswith(":") else f":{name}", schema)
    if ";" in note:
        yield note


def _no_entity(where: str, term: Any, kinds: Kinds) -> Iterator[str]:
    """Note a variable that can be no entity where one is read."""
    kind = kinds.get(term.name) if isinstance(term, Variable) else None
    if kind is not None and kind.family != ENTITY.family:
        yield f"{where} reads an entity, and {term.name} is {kind.said}"


def _holds(attribute: Attribute, value: Any) -> bool:
    coerced = coerce(attribute.value_type, value)
    if coerced is NO_VALUE:
        return False
    try:
        attribute.check(coerced)
    except (DatamemError, TypeError, ValueError, AttributeError):
        return False
    return True
