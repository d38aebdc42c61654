"""Functions that read the database for every row at once: get-else, get-some, missing?."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np

from datamem.datalog.columns import kernels
from datamem.datalog.columns.domains import Domain
from datamem.datalog.columns.kernels import BoolArray, Int64Array
from datamem.datalog.columns.relation import TRUE, Relation, common_domain
from datamem.datalog.columns.values import normal
from datamem.datalog.execute.context import Context
from datamem.datalog.execute.probe import entity_word
from datamem.datalog.execute.sources import DatabaseSource
from datamem.datalog.faults import near, placed, query_error
from datamem.datalog.resolve.steps import FunctionStep, PredicateStep
from datamem.datalog.syntax import Constant, SourceName, Variable
from datamem.errors import DatamemError
from datamem.schema.attribute import Attribute


class Found(NamedTuple):
    """Rows of the relation that have a result, and the results."""

    rows: Int64Array
    words: Int64Array
    domain: Domain


def _database(step: PredicateStep | FunctionStep, context: Context) -> DatabaseSource:
    first = step.args[0] if step.args else None
    source = context.sources.get(first.name) if isinstance(first, SourceName) else None
    if isinstance(source, DatabaseSource):
        return source
    raise query_error(
        f"{step.function} needs a database as its first argument",
        code="query/arity",
        hint=f"({step.function} $ ?e :attribute …)",
        text=context.text,
        offset=step.offset,
    )


_SHAPES: Final[dict[Any, tuple[int, int | None, str]]] = {
    "get-else": (4, 4, "(get-else $ ?e :attribute default)"),
    "get-some": (3, None, "(get-some $ ?e :attribute …)"),
    "missing?": (3, 3, "(missing? $ ?e :attribute)"),
}
"""How few and how many arguments there are, and which."""


def check_lookup(step: PredicateStep | FunctionStep, context: Context) -> None:
    """Refuse a call with another number of arguments, or of what is no database.

    Raises:
        QueryError: `query/arity`.
    """
    if step.function not in _SHAPES:
        return
    least, most, shape = _SHAPES[str(step.function)]
    count = len(step.args)
    if count < least or (most is not None and count > most):
        raise query_error(
            f"{step.function} takes {'more' if count < least else 'fewer'} arguments: {shape}",
            code="query/arity",
            text=context.text,
            offset=step.offset,
        )
    source = _database(step, context)
    for index in range(2, count if most is None else 3):
        if isinstance(step.args[index], Constant):
            attribute = _attribute(step, index, TRUE, source, context)
            _check_cardinality(step, attribute, context)


def _check_cardinality(
    step: PredicateStep | FunctionStep, attribute: Attribute | None, context: Context
) -> None:
    if attribute is not None and attribute.many and step.function == "get-else":
        raise query_error(
            f"get-else takes one value, and {attribute.ident} has many",
            code="query/cardinality",
            hint="use a pattern, or (optional …)",
            text=context.text,
            offset=step.offset,
        )


def _attribute(
    step: PredicateStep | FunctionStep,
    index: int,
    relation: Relation,
    source: DatabaseSource,
    context: Context,
) -> Attribute | None:
    arg = step.args[index]
    name = arg.value if isinstance(arg, Constant) else None
    if isinstance(arg, Variable):
        if not relation.size:
            return None
        name = _one_value(step, arg.name, relation, context)
    schema = source.db.schema
    found = schema.get(name) if isinstance(name, str | int) else None
    if found is None and (schema.strict or not isinstance(name, str)):
        raise query_error(
            f"there is no attribute {name}",
            code="query/unknown-attribute",
            hint=near(str(name), (str(item.ident) for item in schema)),
            text=context.text,
            offset=step.offset,
            attribute=name,
        )
    return found


def _one_value(
    step: PredicateStep | FunctionStep, name: str, relation: Relation, context: Context
) -> Any:
    """Return what a variable is in all rows."""
    values = relation.domain(name).decode(kernels.distinct(relation.column(name)))
    if len(values) == 1:
        return values[0]
    raise query_error(
        f"{step.function} reads one attribute, and {name} is {len(values)} different ones",
        code="query/cardinality",
        hint=f"a pattern takes any number: [?e {name} ?v]",
        text=context.text,
        offset=step.offset,
    )


def _entities(
    step: PredicateStep | FunctionStep,
    relation: Relation,
    source: DatabaseSource,
    context: Context,
) -> tuple[Int64Array, BoolArray]:
    """Return the entity of each row, and which rows have one."""
    arg = step.args[1]
    if isinstance(arg, Variable):
        domain = relation.domain(arg.name)
        return domain.cast(relation.column(arg.name), context.domains.integer)
    value = arg.value if isinstance(arg, Constant) else None
    try:
        entity = source.db.resolve(value)
    except DatamemError as error:
        raise placed(error, context.text, step.offset) from None
    known = np.full(relation.size, entity is not None)
    return np.full(relation.size, entity or 0), known


def _first_words(
    source: DatabaseSource, attribute: Attribute, entities: Int64Array
) -> tuple[Int64Array, BoolArray]:
    """Return one word of each entity's attribute, and which entities have one."""
    rows = source.db.lookup_many(attribute.id, kernels.distinct(entities))
    es, vs = rows.e, rows.v
    if rows.added is not None:
        es, vs = es[rows.added], vs[rows.added]
    if not len(es):
        return np.zeros(len(entities), np.int64), np.zeros(len(entities), np.bool_)
    ordered, order = (es, None) if rows.sorted_by == "e" else kernels.sort_order(es)
    at = np.minimum(np.searchsorted(ordered, entities, "left"), len(ordered) - 1)
    found = ordered[at] == entities
    return (vs[at] if order is None else vs[order[at]]), found


def get_else(step: PredicateStep | FunctionStep, relation: Relation, context: Context) -> Found:
    """`(get-else $ ?e :attribute default)`: the value, or the default; nil keeps the row too."""
    source = _database(step, context)
    attribute = _attribute(step, 2, relation, source, context)
    _check_cardinality(step, attribute, context)
    entities, known = _entities(step, relation, source, context)
    every = np.arange(relation.size)
    if attribute is None:
        return Found(every, *_defaults(step, relation, context))
    words, found = _first_words(source, attribute, entities)
    found &= known
    domain = source.domain_of(attribute.value_type)
    if bool(found.all()):
        return Found(every, words, domain)
    default_words, default_domain = _defaults(step, relation, context)
    cast, fits = default_domain.cast(default_words, domain)
    if bool(fits.all()):
        return Found(every, np.where(found, words, cast), domain)
    common = common_domain([domain, default_domain])
    if default_domain is not common:
        default_words, _ = default_domain.cast(default_words, common)
    result = default_words.copy()
    result[found] = domain.cast(words[found], common)[0]
    return Found(every, result, common)


def _defaults(
    step: PredicateStep | FunctionStep, relation: Relation, context: Context
) -> tuple[Int64Array, Domain]:
    arg = step.args[3]
    if isinstance(arg, Variable):
        return relation.column(arg.name), relation.domain(arg.name)
    value = normal(arg.value) if isinstance(arg, Constant) else None
    words, domain = context.domains.column([value])
    return np.repeat(words, relation.size), domain


def get_some(step: PredicateStep | FunctionStep, relation: Relation, context: Context) -> Found:
    """`(get-some $ ?e :a :b …)`: `[attribute value]` of the first attribute there is."""
    source = _database(step, context)
    entities, waiting = _entities(step, relation, source, context)
    waiting = waiting.copy()
    results: dict[int, Any] = {}
    for index in range(2, len(step.args)):
        attribute = _attribute(step, index, relation, source, context)
        if attribute is None:
            continue
        words, found = _first_words(source, attribute, entities)
        rows = np.flatnonzero(found & waiting)
        values = source.domain_of(attribute.value_type).decode(words[rows])
        results.update(
            (row, (attribute.id, value))
            for row, value in zip(rows.tolist(), values, strict=True)
        )
        waiting &= ~found
    kept = sorted(results)
    words, domain = context.domains.column([results[row] for row in kept])
    return Found(np.array(kept, np.int64), words, domain)


def missing(step: PredicateStep | FunctionStep, relation: Relation, context: Context) -> Found:
    """`(missing? $ ?e :attribute)` as a function: true or false for every row."""
    mask = missing_mask(step, relation, context)
    return Found(np.arange(relation.size), mask.astype(np.int64), context.domains.boolean)


def missing_mask(
    step: PredicateStep | FunctionStep, relation: Relation, context: Context
) -> BoolArray:
    """`(missing? $ ?e :attribute)`: tell which rows' entities have no value of the attribute."""
    source = _database(step, context)
    attribute = _attribute(step, 2, relation, source, context)
    entities, known = _entities(step, relation, source, context)
    if attribute is None:
        return np.ones(relation.size, np.bool_)
    return ~(_first_words(source, attribute, entities)[1] & known)


def entity_constant(
    step: PredicateStep | FunctionStep, relation: Relation, context: Context
) -> Found:
    """Resolve a constant that a rule uses as an entity."""
    source = _database(step, context)
    constant = step.args[1]
    assert isinstance(constant, Constant)
    word = entity_word(source, constant, "e", context)
    rows = np.arange(relation.size if word is not None else 0)
    return Found(rows, np.full(len(rows), word or 0), context.domains.integer)


LOOKUPS: Final[
    dict[Any, Callable[[PredicateStep | FunctionStep, Relation, Context], Found]]
] = {
    "get-else": get_else,
    "get-some": get_some,
    "missing?": missing,
    "\0entity": entity_constant,
}
