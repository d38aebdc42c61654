"""Attributes: which one a pattern is about, and whether its positions are what the schema says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from datamem.datalog.faults import near, query_error
from datamem.datalog.syntax import Blank, Constant, Pattern, Term
from datamem.edn import Keyword
from datamem.errors import QueryError
from datamem.schema.attribute import Attribute
from datamem.schema.schema import Schema
from datamem.schema.types import ValueType

_SHAPE: Final = "a pattern is [entity attribute value tx added]"
_ONE: Final = "a pattern holds one attribute; write one clause for each"


def check_positions(clause: Pattern, schema: Schema, text: str | None) -> None:
    """Refuse a pattern that is too long, or has something else where tx and added stand.

    Raises:
        QueryError: `query/syntax`.
    """
    terms = clause.terms
    if len(terms) > 5:
        raise _refused(
            f"a pattern has at most 5 positions (e a v tx added), this one has {len(terms)}",
            clause.offset,
            text,
            None,
        )
    tx = terms[3] if len(terms) > 3 else None
    is_attribute = isinstance(tx, Constant) and isinstance(tx.value, Keyword)
    if (
        len(terms) == 5
        and isinstance(terms[4], Constant)
        and not isinstance(terms[4].value, bool)
    ):
        raise _refused(
            "the fifth position of a pattern is true or false: added or retracted",
            terms[4].offset,
            text,
            _ONE if is_attribute else _SHAPE,
        )
    if isinstance(tx, Constant) and is_attribute and schema.get(tx.value) is not None:
        raise _refused(
            f"{tx.value} stands where a pattern has its transaction", tx.offset, text, _ONE
        )


def _refused(message: str, offset: int, text: str | None, hint: str | None) -> QueryError:
    return query_error(message, code="query/syntax", hint=hint, text=text, offset=offset)


def attribute_of(
    clause: Pattern, schema: Schema, text: str | None
) -> tuple[Attribute | None, tuple[Term, ...]]:
    """Return a pattern's attribute, None where there is none, and its terms, a reverse one turned round.

    Raises:
        QueryError: `query/not-an-attribute`, `query/not-a-ref`, `query/unknown-attribute`.
    """
    terms = clause.terms
    written = terms[1]
    assert isinstance(written, Constant)
    name = written.value
    attribute = schema.get(name) if isinstance(name, str | int) else None
    if attribute is not None:
        return attribute, terms
    forward = _forward(name)
    if forward is not None:
        terms = _reversed(terms, clause, forward)
        attribute = schema.get(forward)
        if attribute is not None:
            _check_ref(attribute, written, text)
            return attribute, terms
    if not isinstance(name, str):
        raise query_error(
            f"{name!r} stands where an attribute is expected",
            code="query/not-an-attribute",
            hint=_SHAPE,
            text=text,
            offset=written.offset,
        )
    if schema.strict:
        raise query_error(
            f"there is no attribute {name}",
            code="query/unknown-attribute",
            hint=near(name, (str(item.ident) for item in schema)),
            text=text,
            offset=written.offset,
            attribute=str(name),
        )
    return None, terms


def _check_ref(attribute: Attribute, written: Constant, text: str | None) -> None:
    if attribute.value_type is not ValueType.REF:
        raise query_error(
            f"{attribute.ident} holds {attribute.value_type.keyword}, and only references are"
            " followed backwards",
            code="query/not-a-ref",
            hint=f"[?e {attribute.ident} ?v]",
            text=text,
            offset=written.offset,
        )


def _reversed(terms: Sequence[Term], clause: Pattern, forward: str) -> tuple[Term, ...]:
    value = terms[2] if len(terms) > 2 else Blank()
    name = Constant(Keyword(forward), clause.offset)
    if isinstance(terms[0], Blank) and isinstance(value, Blank):
        return (value, name, *terms[3:])
    return (value, name, terms[0], *terms[3:])


def _forward(name: Any) -> str | None:
    """Return `:a/b` for the reverse attribute `:a/_b`, else None."""
    if not isinstance(name, str):
        return None
    before, slash, after = name.rpartition("/")
    return f"{before}/{after[1:]}" if slash and after.startswith("_") else None
