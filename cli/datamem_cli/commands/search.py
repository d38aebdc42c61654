"""The command that searches: by words or by vectors."""

from __future__ import annotations

from typing import Any

import click

from datamem_cli.commands.query import entity_id
from datamem_cli.options import format_option, text_of_argument, view_options


@click.command()
@view_options
@format_option
@click.option(
    "--in",
    "attributes",
    multiple=True,
    metavar="ATTRIBUTE",
    help="Where to search; one vector attribute, or several of words. All words if left out.",
)
@click.option("-k", "count", default=10, show_default=True, help="How many to show.")
@click.option("--near", metavar="ENTITY", help="Search for the vector that this entity has.")
@click.option("--exact", is_flag=True, help="Compare every vector; no approximation.")
@click.option("--pull", "pattern", metavar="PATTERN", help="Show these parts of what is found.")
@click.argument("query", required=False)
def search(
    *,
    db: Any,
    fmt: str,
    attributes: tuple[str, ...],
    count: int,
    near: str | None,
    exact: bool,
    pattern: str | None,
    query: str | None,
) -> None:
    r"""Find the best matches: texts by words, or vectors by nearness.

    QUERY is words, or a vector as a JSON or EDN list. It may be `-`, which reads it from standard
    input, or `@FILE`. With --as-of it searches what held then.

    \b
    Examples:
      datamem search 'green tea'
      datamem search --in :message/content --as-of 2024-03-20 '"train ticket"'
      datamem search --in :memory/embedding @query.json
      datamem search --in :memory/embedding --near '[:memory/name "tea"]' --pull '[:memory/content]'
    """
    from datamem_cli.show.printing import print_records

    if (query is None) == (near is None):
        message = "give a QUERY, or --near an entity"
        raise click.UsageError(message)
    spec = _vector_attribute(db, attributes)
    if spec is not None:
        hits = _near(db, attributes[0], count, near, query, exact=exact)
    elif near is not None:
        message = "--near needs --in a vector attribute"
        raise click.UsageError(message)
    else:
        from datamem.text import search as search_texts

        hits = search_texts(db, list(attributes) or None, text_of_argument(str(query)), count)
    print_records(_records(db, hits, pattern, is_text=spec is None), fmt)


def _vector_attribute(db: Any, names: tuple[str, ...]) -> Any:
    found = db.schema.get(_ident(names[0])) if len(names) == 1 else None
    return found if found is not None and found.vector is not None else None


def _ident(name: str) -> str:
    return name if name.startswith(":") else f":{name}"


def _near(
    db: Any, attribute: str, count: int, near: str | None, query: str | None, *, exact: bool
) -> Any:
    """Return the nearest vectors to a query, or to the vector of an entity."""
    from datamem.edn import read
    from datamem.vector import search as search_vectors

    name = _ident(attribute)
    if near is None:
        wanted = read(text_of_argument(str(query)))
    else:
        eid = db.resolve(entity_id(near))
        words = [] if eid is None else db.words(eid, db.schema.get(name).id)
        if not words:
            from datamem_cli.commands.look import not_found

            raise not_found(near)
        wanted = db.decode(db.schema.get(name).value_type, words)[0]
    return search_vectors(db, name, wanted, count, exact=exact or None)


def _records(db: Any, hits: Any, pattern: str | None, *, is_text: bool) -> list[dict[str, Any]]:
    """Return a record for each hit, best first."""
    from datamem.ids import t_of_tx
    from datamem.schema.types import ValueType

    values = db.decode(ValueType.STRING, hits.v) if is_text else [None] * len(hits.e)
    rows = []
    for e, tx, score, value in zip(
        hits.e.tolist(), hits.tx.tolist(), hits.score.tolist(), values, strict=True
    ):
        row = {"score": round(score, 4), "entity": e, "t": t_of_tx(tx)}
        if pattern is not None:
            row["found"] = db.pull(text_of_argument(pattern), e)
        elif is_text:
            row["text"] = value
        rows.append(row)
    return rows


COMMANDS = (search,)
