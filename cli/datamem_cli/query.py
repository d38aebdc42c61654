"""Commands that ask: q, pull."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from datamem_cli.options import format_option, text_of_argument, view_options


@click.command()
@view_options
@format_option
@click.option(
    "--explain",
    is_flag=True,
    help="Show how it is answered, step by step, with rows and times.",
)
@click.option("--timeout", type=float, metavar="SECONDS", help="Give up after this long.")
@click.option("--max-rows", type=int, metavar="N", help="Give up when a step grows beyond.")
@click.argument("query")
@click.argument("inputs", nargs=-1)
def q(
    *,
    db: Any,
    fmt: str,
    explain: bool,
    timeout: float | None,
    max_rows: int | None,
    query: str,
    inputs: tuple[str, ...],
) -> None:
    r"""Answer a Datalog query.

    QUERY may be `-`, which reads it from standard input, or `@FILE`.

    INPUTS are the values of :in after $, written as EDN; a bare word is a string.

    \b
    Examples:
      datamem q '[:find ?name :where [_ :user/name ?name]]'
      datamem q '[:find ?text :in $ ?name :where [?u :user/name ?name]
                  [?m :message/sender ?u] [?m :message/content ?text]]' Mira
      datamem q --as-of 2024-03-20 --format json @question.edn
    """
    from datamem_cli.answers import print_answer

    options = {"timeout": timeout, "max_rows": max_rows}
    given = {name: value for name, value in options.items() if value is not None}
    text = text_of_argument(query)
    values = input_values(db, text, inputs)
    if explain:
        click.echo(str(db.explain(text, *values, analyze=True)))
        return
    answer = db.q(text, *values, **given)
    print_answer(answer, fmt)
    for note in db.prepare(text).notes(*values):
        click.echo(f"note: {note}", err=True)


def input_values(db: Any, query: str, inputs: Sequence[str]) -> list[Any]:
    """Return the arguments after a query as its inputs; rules stay text, so that errors show their place."""
    from datamem.datalog.syntax import RulesInput

    items = db.prepare(query).query.inputs[1:]
    return [
        text_of_argument(text)
        if i < len(items) and isinstance(items[i], RulesInput)
        else input_value(text)
        for i, text in enumerate(inputs)
    ]


def input_value(text: str) -> Any:
    """Return an argument as the value it means: EDN, except that a bare word is a string."""
    from datamem.edn import Symbol, read

    value = read(text_of_argument(text))
    return value.text if isinstance(value, Symbol) else value


def entity_id(text: str) -> Any:
    """Return what names an entity: an id, an ident, or a lookup ref like `[:user/name "Mira"]`."""
    from datamem.edn import read

    return read(text)


@click.command()
@view_options
@format_option
@click.argument("pattern")
@click.argument("entities", nargs=-1, required=True)
def pull(db: Any, fmt: str, pattern: str, entities: tuple[str, ...]) -> None:
    r"""Show parts of entities as nested data.

    \b
    Examples:
      datamem pull '[*]' 17
      datamem pull '[:user/name {:message/_sender [:message/content]}]' '[:user/external-id "a/b"]'
    """
    from datamem_cli.printing import print_value

    shape = text_of_argument(pattern)
    if len(entities) == 1:
        print_value(db.pull(shape, entity_id(entities[0])), fmt)
        return
    for found in db.pull_many(shape, [entity_id(text) for text in entities]):
        print_value(found, fmt)


COMMANDS = (q, pull)
