"""Probes: what a data pattern's constants select, and how many datoms a scan of that would read."""

from __future__ import annotations

from typing import Any, Final

from datamem.datalog.columns.values import print_value
from datamem.datalog.execute.context import Context
from datamem.datalog.execute.ranges import after_prefix, prefix_of, value_bounds
from datamem.datalog.execute.sources import (
    NO_VALUE,
    DatabaseSource,
    RowsLike,
    coerce,
)
from datamem.datalog.faults import placed, query_error
from datamem.datalog.resolve.steps import PatternStep
from datamem.datalog.syntax import Constant, Variable
from datamem.db.database import Db
from datamem.db.ranks import codes_between
from datamem.edn import Keyword
from datamem.errors import DatamemError
from datamem.ids import TX_BASE
from datamem.schema.attribute import Attribute
from datamem.schema.types import ValueType

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
