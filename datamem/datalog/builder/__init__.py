"""Composing queries in Python: immutable values that print as EDN and run on any database.

    from datamem import query

    adults = (
        query.find("?name", "?age")
        .where(["?e", "user/name", "?name"], ["?e", "user/age", "?age"])
        .filter("?age", ">=", 18)
    )
    adults.order_by(query.desc("?age")).limit(3).run(db)

    query.entities("user/name").where("user/age", ">=", 18).select("user/name", "user/age").run(db)

Every method returns a new query. The values of filters travel as inputs and are no part of the text,
so what somebody typed cannot change what is asked.
"""

from __future__ import annotations

from typing import Any

from datamem.datalog.builder.entities import Entities
from datamem.datalog.builder.find import Find
from datamem.datalog.builder.forms import Desc, Value, element_form

__all__ = ["Entities", "Find", "desc", "entities", "find", "value"]


def find(*elements: Any) -> Find:
    """Start a query in clauses.

    Args:
        elements: variables, `"?name"`; aggregates, `("count", "?e")` or `"(count ?e)"`; and
            `("pull", "?e", ["user/name"])`.
    """
    return Find(tuple(element_form(element) for element in elements))


def entities(*attributes: str) -> Entities:
    """Start a query for the entities that have all of these attributes."""
    return Entities(required=attributes)


def value(item: Any) -> Value:
    """Mark what clauses shall take as it is, even a text that looks like a variable."""
    return Value(item)


def desc(key: Any) -> Desc:
    """Mark a key of `order_by`: from the greatest to the least."""
    return Desc(key)
