"""Commands that ask: q, pull."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from datamem_cli.inputs import input_value, query_inputs
from datamem_cli.options import format_option, text_of_argument, view_options
from datamem_cli.show.printing import print_records, print_value


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

    INPUTS are the values of :in after $, written as EDN; words without quotes are a string, and
    `@FILE` is what a file holds. Another source is a point in time (a t, a date, an instant, now,
    history), or rows. A negative number goes behind `--`.

    \b
    Examples:
      datamem q '[:find ?name :where [_ :user/name ?name]]'
      datamem q '[:find ?text :in $ ?name :where [?u :user/name ?name]
                  [?m :message/sender ?u] [?m :message/content ?text]]' Mira
      datamem q --as-of 2024-03-20 --format json @question.edn
      datamem q '[:find ?old :in $ $then % :where ($then told ?old)]' 2024-03-20 @rules.edn
    """
    from datamem_cli.show.answers import print_answer

    options = {"timeout": timeout, "max_rows": max_rows}
    given = {name: value for name, value in options.items() if value is not None}
    text = text_of_argument(query)
    values = query_inputs(db, text, inputs)
    if explain:
        _print_plan(db.explain(text, *values, analyze=True), fmt)
        return
    answer = db.q(text, *values, **given)
    print_answer(answer, fmt)
    for note in db.prepare(text).notes(*values):
        click.echo(f"note: {note}", err=True)


def _print_plan(plan: Any, fmt: str) -> None:
    if fmt == "table":
        click.echo(str(plan))
    elif fmt == "csv":
        print_records(plan.steps, fmt)
    else:
        whole = {
            "steps": plan.steps,
            "rows": plan.rows,
            "seconds": plan.seconds,
            "way": plan.way,
        }
        print_value(_plain(whole), fmt)


def _plain(value: Any) -> Any:
    """Return nested mappings as dicts."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def entity_id(text: str) -> Any:
    """Return what names an entity: an id, an ident, or a lookup ref like `[:user/name "Mira"]`."""
    return input_value(text)


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
    shape = text_of_argument(pattern)
    if len(entities) == 1:
        print_value(db.pull(shape, entity_id(entities[0])), fmt)
    else:
        for found in db.pull_many(shape, [entity_id(text) for text in entities]):
            print_value(found, fmt)
    for note in _notes_of_pattern(db, shape):
        click.echo(f"note: {note}", err=True)


def _notes_of_pattern(db: Any, shape: str) -> tuple[str, ...]:
    """Return what is noted of a query that pulls by this pattern."""
    text = "[:find (pull ?e pattern) :in $ ?e pattern :where [?e]]"
    notes: tuple[str, ...] = db.prepare(text).notes(0, shape)
    return notes


COMMANDS = (q, pull)
