"""Commands that show what is there: entity, log, schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from datamem_cli.commands.query import entity_id
from datamem_cli.options import (
    PRINT_FORMATS,
    Point,
    db_option,
    format_option,
    view_options,
)


@click.command()
@view_options
@format_option
@click.argument("name")
def entity(db: Any, fmt: str, name: str) -> None:
    r"""Show every fact of an entity, and since when it holds.

    With --history also what it no longer is. NAME is an id, an ident or a lookup ref.

    \b
    Examples:
      datamem entity 17
      datamem entity --history '[:memory/id #uuid "5a0f0000-0000-4000-8000-000000000002"]'
    """
    from datamem_cli.show.printing import print_records

    print_records(entity_rows(db, name), fmt)


def entity_rows(db: Any, name: str) -> list[dict[str, Any]]:
    """Return a record for every fact of an entity, with `added` in a view of history.

    Raises:
        DatamemError: `entity/not-found`.
    """
    eid = db.resolve(entity_id(name))
    rows = [] if eid is None else [datom_record(db, d) for d in db.datoms("eavt", eid)]
    if db.is_history:
        rows.sort(key=lambda row: (str(row["attribute"]), row["t"], row["added"]))
    if not rows:
        raise not_found(name)
    shown = ["attribute", "value", "t", "instant", *(["added"] if db.is_history else [])]
    return [{key: row[key] for key in shown} for row in rows]


def not_found(name: str) -> Exception:
    """Return the error for an entity of which this view knows nothing."""
    from datamem.errors import DatamemError

    return DatamemError(
        f"nothing is known of {name} in this view",
        code="entity/not-found",
        hint="try --history, or a later --as-of",
        entity=name,
    )


def datom_record(db: Any, datom: Any) -> dict[str, Any]:
    """Return a datom with names for its ids and the instant of its transaction."""
    from datamem.db.time import instant_of_t
    from datamem.ids import t_of_tx

    t = t_of_tx(datom.tx)
    return {
        "entity": datom.e,
        "attribute": db.ident(datom.a) or datom.a,
        "value": datom.v,
        "t": t,
        "instant": instant_of_t(db, t),
        "added": datom.added,
    }


@click.command()
@db_option
@format_option
@click.option("--start", type=Point(), help="From this point on (a t, a date, an instant).")
@click.option("--end", type=Point(), help="To before this point.")
@click.option("--last", type=int, metavar="N", help="Only the newest N transactions.")
@click.option("--datoms", is_flag=True, help="Every fact that was added or retracted.")
def log(*, path: str, fmt: str, start: Any, end: Any, last: int | None, datoms: bool) -> None:
    r"""Show the transactions in order, and who made them.

    \b
    Examples:
      datamem log --last 5
      datamem log --start 2024-04-01 --end 2024-05-01 --datoms
    """
    from datamem_cli.opening import open_reading
    from datamem_cli.show.printing import print_records

    with open_reading(path) as conn:
        if last is not None:
            start = max(1, conn.db.basis_t + 1 - last)
        entries = conn.log(start, end)
        make = datom_records if datoms else entry_records
        print_records(list(make(conn.db, entries)), fmt)


def entry_records(db: Any, entries: Any) -> Iterator[dict[str, Any]]:
    """Yield a line a transaction: number, instant, how many facts, and its own attributes."""
    for entry in entries:
        own = [d for d in entry.datoms if d.e == entry.tx]
        meta = {db.ident(d.a): d.v for d in own if db.ident(d.a) != ":db/txInstant"}
        yield {
            "t": entry.t,
            "instant": entry.instant,
            "added": sum(d.added for d in entry.datoms),
            "retracted": sum(not d.added for d in entry.datoms),
            "about": meta or None,
        }


def datom_records(db: Any, entries: Any) -> Iterator[dict[str, Any]]:
    """Yield a line a datom, transaction by transaction."""
    for entry in entries:
        for datom in entry.datoms:
            yield {
                "t": entry.t,
                "instant": entry.instant,
                "added": datom.added,
                "entity": datom.e,
                "attribute": db.ident(datom.a) or datom.a,
                "value": datom.v,
            }


@click.command()
@view_options
@click.option(
    "--format",
    "fmt",
    type=click.Choice((*PRINT_FORMATS, "mermaid", "dot")),
    default="table",
    show_default=True,
    help="mermaid and dot draw the kinds of entities and what refers to what.",
)
@click.option("--all", "everything", is_flag=True, help="Also the database's own attributes.")
@click.argument("prefix", required=False, default="")
def schema(db: Any, fmt: str, everything: bool, prefix: str) -> None:
    r"""Show the attributes and their types.

    Those that no schema declared, whose type the first value gave, are marked inferred.

    `--format edn` prints a schema that `datamem init --schema` reads again.

    \b
    Examples:
      datamem schema
      datamem schema :message
      datamem schema --format edn > schema.edn
      datamem schema --format dot | dot -Tsvg > schema.svg
    """
    from datamem_cli.show.attributes import print_schema

    if fmt in {"mermaid", "dot"}:
        from datamem.jupyter.schemas import schema_graph

        drawn = schema_graph(db, only_used=not everything)
        click.echo(drawn.to_mermaid() if fmt == "mermaid" else drawn.to_dot())
        return
    print_schema(db.schema, fmt, prefix=prefix, everything=everything)


@click.command()
@view_options
@click.option(
    "--format",
    "fmt",
    type=click.Choice(("mermaid", "dot", "svg")),
    default="mermaid",
    show_default=True,
)
@click.option("--depth", type=click.IntRange(1), default=2, show_default=True)
@click.option("--most", type=click.IntRange(1), default=40, show_default=True)
@click.argument("name")
def graph(db: Any, fmt: str, depth: int, most: int, name: str) -> None:
    r"""Draw the entities around one of them.

    NAME is an id, an ident or a lookup ref; references are followed in both directions.

    \b
    Examples:
      datamem graph 17
      datamem graph --as-of 2024-03-20 --format svg '[:user/name "Mira"]' > mira.svg
    """
    from datamem.jupyter.graphs import graph as graph_of

    found = graph_of(db, entity_id(name), depth=depth, most=most)
    drawn = {"mermaid": found.to_mermaid, "dot": found.to_dot, "svg": found._repr_svg_}
    click.echo(drawn[fmt]())


COMMANDS = (entity, graph, log, schema)
