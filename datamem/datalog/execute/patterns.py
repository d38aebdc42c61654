"""Data patterns: from a step and what is bound already to a relation, by the cheapest access.

Three ways in: *scan* what the constants select; *probe by entity* with the distinct entities that
are bound; *probe by value* likewise. Which one is chosen depends on how many keys there are beside
how many datoms a scan would read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from datamem.datalog.columns import kernels
from datamem.datalog.columns.domains import Domain
from datamem.datalog.columns.kernels import Int64Array
from datamem.datalog.columns.relation import Relation, empty
from datamem.datalog.columns.values import normal, print_value
from datamem.datalog.execute.context import Context
from datamem.datalog.execute.ranges import after_prefix, prefix_of, value_bounds
from datamem.datalog.execute.sources import (
    NO_VALUE,
    DatabaseSource,
    RowsLike,
    TableSource,
    coerce,
)
from datamem.datalog.faults import placed, query_error
from datamem.datalog.resolve.steps import PatternStep
from datamem.datalog.syntax import Constant, Term, Variable
from datamem.db.database import Db
from datamem.db.ranks import codes_between
from datamem.edn import Keyword
from datamem.errors import DatamemError
from datamem.ids import TX_BASE
from datamem.schema.attribute import Attribute
from datamem.schema.types import ValueType

_PROBE_FACTOR: Final = 12
"""A probed key costs about as much as this many scanned rows."""

_WORTH_COUNTING: Final = 4
"""With more rows than this many times the keys worth probing, finding the keys costs a scan."""

_POSITIONS: Final = ("e", "a", "v", "tx", "added")


class Probe:
    """A pattern with its constants turned to words, for one execution.

    Attributes:
        e, a, v, tx: words of constants, or None.
        added: the constant of the fifth position, or None.
        possible: False where a constant can match nothing.
        names: variables by position; repeated ones are in `repeats`.
    """

    __slots__ = (
        "_narrowed",
        "a",
        "added",
        "e",
        "names",
        "possible",
        "repeats",
        "source",
        "step",
        "tx",
        "v",
    )

    def __init__(self, step: PatternStep, context: Context) -> None:
        source = context.sources[step.source]
        assert isinstance(source, DatabaseSource)
        self.step = step
        self.source = source
        self.possible = step.attribute_is_known or not _names_attribute(step)
        self.a = None if step.attribute is None else step.attribute.id
        self.e: int | None = None
        self.v: int | None = None
        self.tx: int | None = None
        self.added: bool | None = None
        self.names: dict[str, str] = {}
        self.repeats: list[tuple[str, str]] = []
        self._narrowed: tuple[RowsLike | None, str] | None = None
        for position, term in zip(_POSITIONS, step.terms, strict=False):
            if isinstance(term, Variable):
                if term.name in self.names.values():
                    self.repeats.append((position, term.name))
                else:
                    self.names[position] = term.name
            elif isinstance(term, Constant) and position != "a":
                self._set(position, term, context)

    def _set(self, position: str, term: Constant, context: Context) -> None:
        if position == "added":
            self.added = term.value is True
            self.possible &= isinstance(term.value, bool)
            return
        attribute = self.step.attribute
        if position == "v" and attribute is None:
            return
        if (
            position == "v"
            and attribute is not None
            and attribute.value_type is not ValueType.REF
        ):
            word = constant_word(self.source, attribute, term.value)
        else:
            word = entity_word(self.source, term, position, context)
        setattr(self, position, word)
        self.possible &= word is not None

    def count(self) -> int:
        """Return how many datoms the constants select, about."""
        if not self.possible:
            return 0
        return self.source.count(self.e, self.a, self.v)

    def narrowed(self, context: Context) -> tuple[RowsLike | None, str]:
        """Return the datoms within bounds that constants and inputs set, and how they were found.

        None where nothing bounds the value.

        Cost: of a prefix, the attribute's distinct values are sorted at the first time; else searches.
        """
        if self._narrowed is None:
            self._narrowed = _narrowed(self, context)
        return self._narrowed

    def range_count(self, context: Context) -> int | None:
        """Return how many datoms a range of numbers or instants holds; None where there is none."""
        attribute = self.step.attribute
        if not self.step.ranges or not self.possible or attribute is None:
            return None
        if attribute.value_type is ValueType.STRING or self.source.db.view.keep is not None:
            return None
        rows, _ = self.narrowed(context)
        return None if rows is None else len(rows)

    def is_known(self, bound: set[str] | frozenset[str]) -> bool:
        """Tell whether the pattern gives at most one row per row that binds `bound`."""
        attribute = self.step.attribute
        if attribute is None or self.source.db.is_history or self.repeats:
            return False
        e = self.e is not None or self.names.get("e") in bound
        v = self.v is not None or self.names.get("v") in bound
        return (e and (v or not attribute.many)) or (v and attribute.unique is not None)


def _narrowed(probe: Probe, context: Context) -> tuple[RowsLike | None, str]:
    attribute, ranges, db = probe.step.attribute, probe.step.ranges, probe.source.db
    if attribute is None or not ranges or probe.e is not None or probe.v is not None:
        return None, ""
    if attribute.value_type is ValueType.STRING:
        prefix = prefix_of(ranges, context)
        if not prefix or not isinstance(db, Db):
            return None, ""
        last = after_prefix(prefix)
        codes = codes_between(db, attribute.id, prefix, last, open_low=False, open_high=True)
        return db.lookup_values(attribute.id, codes), "prefix"
    bounds = value_bounds(ranges, attribute.value_type, (), context)
    return (None, "") if bounds is None else (db.value_range(attribute.id, *bounds), "range")


def _names_attribute(step: PatternStep) -> bool:
    return len(step.terms) > 1 and isinstance(step.terms[1], Constant)


def constant_word(source: DatabaseSource, attribute: Attribute, value: Any) -> int | None:
    """Return the word of a constant compared with an attribute's values; None matches nothing."""
    value_type = attribute.value_type
    coerced = coerce(value_type, value)
    if coerced is NO_VALUE or coerced is None:
        return None
    try:
        if value_type in (ValueType.TUPLE, ValueType.DOC, ValueType.VECTOR, ValueType.EDN):
            coerced = attribute.check(coerced)
        return source.db.encode(attribute, coerced)
    except (DatamemError, TypeError, ValueError, AttributeError):
        return None


def entity_word(
    source: DatabaseSource, term: Constant, position: str, context: Context
) -> int | None:
    """Return the entity that a constant names in an entity, ref or transaction position.

    Raises:
        QueryError: `query/not-an-entity` for values that can name none; `lookup-ref/missing` and its kin.
    """
    value = term.value
    if isinstance(value, Keyword) or (isinstance(value, list | tuple) and len(value) == 2):
        try:
            found = source.db.resolve(value)
        except DatamemError as error:
            raise placed(error, context.text, term.offset) from None
        if found is None and not isinstance(value, Keyword):
            raise query_error(
                f"no entity has {value}",
                code="lookup-ref/missing",
                hint="give it as a collection input, [?e ...], to get no rows instead",
                text=context.text,
                offset=term.offset,
                lookup_ref=value,
            )
        return found
    if isinstance(value, int) and not isinstance(value, bool):
        return value + TX_BASE if position == "tx" and value < TX_BASE else value
    if isinstance(value, float):
        return int(value) if value.is_integer() and position == "v" else None
    raise query_error(
        f"{print_value(value)} is compared with an entity, and can never be one",
        code="query/not-an-entity",
        hint="use a lookup ref, [:attribute value], or join through its attribute",
        text=context.text,
        offset=term.offset,
        value=value,
    )


def probe_of(step: PatternStep, context: Context) -> Probe:
    """Return the pattern's probe, made once per execution."""
    probe: Probe | None = context.probes.get(step)
    if probe is None:
        probe = context.probes[step] = Probe(step, context)
    return probe


def fetch(
    step: PatternStep, components: Sequence[Relation], context: Context
) -> tuple[Relation, str]:
    """Return a relation that holds every row of the pattern that can join with the components.

    Returns:
        The relation over the pattern's variables, and how it was made, for `explain`.
    """
    source = context.sources[step.source]
    if isinstance(source, TableSource):
        return _table_rows(step, source, context), "collection"
    probe = probe_of(step, context)
    if not probe.possible:
        return empty(_names(step), context.domains.integer), "nothing"
    if probe.a is None:
        from datamem.datalog.execute.anyattr import fetch_any  # rare, and it imports this

        return fetch_any(probe, components, context)
    rows, how = _rows(probe, components, context)
    return relation_of(rows, probe, context, [how]), how


def _names(step: PatternStep) -> list[str]:
    return list(dict.fromkeys(t.name for t in step.terms if isinstance(t, Variable)))


def bound_words(
    components: Sequence[Relation], name: str | None, domain: Domain
) -> Int64Array | None:
    """Return the distinct words that a variable can have, in `domain`; None where it is free."""
    for component in components:
        if name in component.names:
            words = component.column(name)
            own = component.domain(name)
            if own is domain and component.sorted_on == name and kernels.is_strict(words):
                return words
            if own is not domain:
                words, mask = own.cast(words, domain)
                words = words[mask]
            return kernels.distinct(words)
    return None


def _rows(
    probe: Probe, components: Sequence[Relation], context: Context
) -> tuple[RowsLike, str]:
    db = probe.source.db
    a = probe.a
    assert a is not None
    attribute = probe.step.attribute
    assert attribute is not None
    if probe.e is not None:
        return db.rows(e=probe.e, a=a, v=probe.v), "entity"
    total = probe.count()
    limit = total // _PROBE_FACTOR + 8
    es = _few(components, probe.names.get("e"), context.domains.integer, limit)
    if es is not None:
        rows = db.lookup_many(a, es)
        return rows, "probe e"
    if probe.v is None:
        domain = probe.source.domain_of(attribute.value_type)
        vs = _few(components, probe.names.get("v"), domain, limit)
        if vs is not None:
            return db.lookup_values(a, vs), "probe v"
    narrow, how = probe.narrowed(context)
    if narrow is not None:
        return narrow, how
    if probe.v is None and probe.step.ranges:
        bounds = value_bounds(probe.step.ranges, attribute.value_type, components, context)
        if bounds is not None:
            return db.value_range(a, *bounds), "range"
    if probe.v is None and _joins_by_value(probe, components):
        return db.value_range(a), "scan by value"
    return db.rows(a=a, v=probe.v), "value" if probe.v is not None else "scan"


def _joins_by_value(probe: Probe, components: Sequence[Relation]) -> bool:
    """Tell whether the value is bound and the entity is not: rows in the value's order join best."""
    bound = {name for component in components for name in component.names}
    return probe.names.get("v") in bound and probe.names.get("e") not in bound


def _few(
    components: Sequence[Relation], name: str | None, domain: Domain, limit: int
) -> Int64Array | None:
    """Return the distinct words of a bound variable if they are few enough to probe with."""
    if name is None:
        return None
    for component in components:
        if name in component.names:
            if component.size > _WORTH_COUNTING * limit:
                return None
            words = bound_words([component], name, domain)
            return words if words is not None and len(words) <= limit else None
    return None


def relation_of(
    rows: RowsLike, probe: Probe, context: Context, how: Sequence[str] = ()
) -> Relation:
    """Make a relation of datoms: constants checked, repeated variables unified, rows distinct."""
    domains = context.domains
    attribute = probe.step.attribute
    assert attribute is not None
    value_domain = probe.source.domain_of(attribute.value_type)
    by_position = {
        "e": domains.integer,
        "a": domains.integer,
        "v": value_domain,
        "tx": domains.integer,
        "added": domains.boolean,
    }
    keep: Any = None
    if probe.v is not None and how and how[0] == "probe e":
        keep = rows.v == probe.v
    if probe.tx is not None:
        keep = _and(keep, rows.tx == probe.tx)
    if probe.added is not None:
        keep = _and(keep, column_of(rows, "added") == int(probe.added))
    names = list(probe.names.values())
    columns = [column_of(rows, position) for position in probe.names]
    kinds = [by_position[position] for position in probe.names]
    relation = Relation(names, columns, kinds, len(rows), _sorted_on(rows, probe))
    if keep is not None:
        relation = relation.keep(keep)
    for position, name in probe.repeats:
        extra = column_of(rows, position)
        extra = extra if keep is None else extra[keep]
        relation = unify_column(relation, name, extra, by_position[position])
    return relation if _is_distinct(probe) else _deduplicated(relation)


def _sorted_on(rows: RowsLike, probe: Probe) -> str | None:
    """Return the variable by which rows ascend; rows of several levels often do, and are looked at."""
    if rows.sorted_by is not None or "e" not in probe.names or len(rows) < kernels.SMALL:
        return probe.names.get(rows.sorted_by or "")
    return probe.names["e"] if kernels.is_sorted(rows.e) else None


def _and(keep: Any, mask: Any) -> Any:
    return mask if keep is None else keep & mask


def column_of(rows: RowsLike, position: str) -> Int64Array:
    """Return a column of datoms by position name; `added` as 0 and 1."""
    if position == "added":
        added = rows.added
        return np.ones(len(rows), np.int64) if added is None else added.astype(np.int64)
    column: Int64Array = getattr(rows, position)
    return column


def unify_column(relation: Relation, name: str, words: Int64Array, domain: Domain) -> Relation:
    """Keep the rows where a variable's second column says the same as its first."""
    from datamem.datalog.execute.bind import bind_column  # only for repeated variables

    return bind_column(relation, name, words, domain)


def _is_distinct(probe: Probe) -> bool:
    """Tell whether the pattern's variables and constants identify a datom."""
    attribute = probe.step.attribute
    assert attribute is not None
    names = probe.names
    e = "e" in names or probe.e is not None
    v = "v" in names or probe.v is not None
    if probe.source.db.is_history:
        return False
    return (e and (v or not attribute.many)) or (v and attribute.unique is not None)


def _deduplicated(relation: Relation) -> Relation:
    if not relation.names:
        return Relation((), (), (), min(relation.size, 1))
    if relation.size < 2:
        return relation
    columns = kernels.distinct_rows(relation.columns)
    return Relation(relation.names, columns, relation.domains, len(columns[0]))


def _table_rows(step: PatternStep, source: TableSource, context: Context) -> Relation:
    if source.size and len(step.terms) > len(source.columns):
        raise query_error(
            f"the pattern has {len(step.terms)} positions, and the tuples of {step.source}"
            f" have {len(source.columns)}",
            code="query/tuple-size",
            text=context.text,
            offset=step.offset,
        )
    names = _names(step)
    if not source.size:
        return empty(names, context.domains.integer)
    relation = Relation((), (), (), source.size)
    for term, words, domain in zip(step.terms, source.columns, source.domains, strict=False):
        position = f"\0{len(relation.names)}"
        relation = relation.with_column(position, words, domain)
        if isinstance(term, Constant):
            relation = relation.keep(_equals(relation, position, term))
    picked: dict[str, int] = {}
    for i, term in enumerate(step.terms):
        if isinstance(term, Variable):
            if term.name in picked:
                words, domain = relation.columns[i], relation.domains[i]
                relation = unify_column(
                    relation, relation.names[picked[term.name]], words, domain
                )
            else:
                picked[term.name] = i
    chosen = relation.select([relation.names[i] for i in picked.values()]).rename(list(picked))
    return _deduplicated(chosen)


def _equals(relation: Relation, name: str, term: Term) -> Any:
    assert isinstance(term, Constant)
    word = relation.domain(name).encode(normal(term.value))
    if word is None:
        return np.zeros(relation.size, np.bool_)
    return relation.column(name) == word
