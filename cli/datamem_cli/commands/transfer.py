"""Commands that bring data in and out: import, export."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click

from datamem_cli.options import db_option, view_options

_FORMATS = ("locomo", "chat", "runs", "edn", "jsonl")


@click.command("import")
@db_option
@click.option(
    "--format", "fmt", type=click.Choice(_FORMATS), help="Guessed from the file when left out."
)
@click.option("--source", metavar="NAME", help="Under which the file's own ids are known.")
@click.option(
    "--embed",
    "embedder",
    metavar="NAME",
    help="Then give texts without a vector one: hash, wordllama, minilm, …; goes on if interrupted.",
)
@click.argument("file")
def import_(
    path: str, fmt: str | None, source: str | None, embedder: str | None, file: str
) -> None:
    r"""Import a file; a second time adds nothing.

    \b
    Formats:
      locomo  long conversations of two people (JSON)
      chat    chat messages in the OpenAI format, with tool calls (JSON, JSON Lines)
      edn     entities, as `datamem export` and (pull ?e [*]) print them
      jsonl   the same, an object a line

    \b
    Examples:
      datamem import --db agent.dm conversations.json
      datamem import --db agent.dm --format chat --source support transcripts.jsonl
      datamem export --db old.dm | datamem import --db new.dm --format edn -

    The database is made when there is none.
    """
    from datamem_cli.show.importing import import_and_tell

    with file_of(file, fmt) as place:
        import_and_tell(path, place, fmt, source, embedder)


@contextmanager
def file_of(file: str, fmt: str | None) -> Iterator[Path]:
    """Give the file to read; `-` puts standard input into one for a while."""
    if file != "-":
        yield Path(file)
        return
    if fmt is None:
        raise click.UsageError("standard input has no name to guess from: say --format")
    suffix = ".edn" if fmt == "edn" else ".jsonl" if fmt == "jsonl" else ".json"
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory) / f"standard-input{suffix}"
        place.write_bytes(sys.stdin.buffer.read())
        yield place


@click.command()
@view_options
@click.option(
    "--format",
    "fmt",
    type=click.Choice(("edn", "jsonl", "jsonld")),
    default="edn",
    show_default=True,
    help="edn and jsonl can be imported again; jsonld is for tools that read RDF.",
)
@click.option("-o", "--output", metavar="FILE", help="Instead of standard output.")
def export(db: Any, fmt: str, output: str | None) -> None:
    r"""Write every entity, for `datamem import`.

    The schema is not part of it: see `datamem schema --format edn`.

    \b
    Examples:
      datamem export -o backup.edn
      datamem export --as-of 2024-03-20 --format jsonl | wc -l
    """
    if output is None:
        write_entities(db, fmt, sys.stdout)
        return
    with Path(output).open("w", encoding="utf-8") as stream:
        count = write_entities(db, fmt, stream)
    click.echo(f"wrote {count} entities to {output}")


def write_entities(db: Any, fmt: str, stream: IO[str]) -> int:
    """Write every entity of a view in a format; return how many."""
    from datamem.importers import export_entities
    from datamem.importers.jsonld import jsonld_context, jsonld_nodes
    from datamem_cli.show.printing import edn_of, json_of

    match fmt:
        case "jsonl":
            return _write(stream, map(json_of, export_entities(db)))
        case "jsonld":
            head = f'{{"@context": {json_of(jsonld_context(db))},\n "@graph": [\n'
            return _write(stream, map(json_of, jsonld_nodes(db)), head, ",\n", "\n ]}\n")
        case _:
            entities = (f"[{edn_of(pulled)}]" for pulled in export_entities(db))
            return _write(stream, entities, "[", "\n ", "\n]\n")


def _write(
    stream: IO[str], items: Iterable[str], head: str = "", between: str = "\n", tail: str = "\n"
) -> int:
    """Write texts between a head and a tail; return how many there were."""
    count = 0
    stream.write(head)
    for count, item in enumerate(items, start=1):
        stream.write(between + item if count > 1 else item)
    stream.write(tail if count or head else "")
    return count


COMMANDS = (import_, export)
