"""What people type for the inputs of a query: values, rules, and sources beside the database itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from datamem_cli.options import Point, text_of_argument

_EDN_STARTS: Final = tuple("[({#\"\\:'^")


def query_inputs(db: Any, query: str, arguments: Sequence[str]) -> list[Any]:
    """Return the arguments after a query as its inputs; `@FILE` and `-` stand for what they hold.

    Rules stay text, so that errors show their place.
    """
    from datamem.datalog.syntax import RulesInput, SourceName

    items = db.prepare(query).query.inputs[1:]
    made: list[Any] = []
    for i, argument in enumerate(arguments):
        text = text_of_argument(argument)
        match items[i] if i < len(items) else None:
            case RulesInput():
                made.append(text)
            case SourceName():
                made.append(source_value(db, text))
            case _:
                made.append(input_value(text))
    return made


def input_value(text: str) -> Any:
    """Return the value that a text means: EDN, except that words without quotes are a string."""
    from datamem.edn import Symbol, read
    from datamem.errors import EdnError

    try:
        value = read(text)
    except EdnError:
        if not text.strip() or text.lstrip().startswith(_EDN_STARTS):
            raise
        return text
    return value.text if isinstance(value, Symbol) else value


def source_value(db: Any, text: str) -> Any:
    """Return the source that a text means: the database at a point in time, or rows as EDN."""
    import click

    text = text.strip()
    if text in ("now", "history"):
        return db if text == "now" else db.history()
    try:
        point = Point().convert(text, None, None)
    except click.BadParameter:
        return input_value(text)
    return db.as_of(point)
