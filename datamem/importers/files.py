"""A file of any known format into a database: read, prepare the schema, import."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from datamem.edn import Keyword
from datamem.errors import ImportFileError
from datamem.importers.batch import Connection, ImportReport, Progress
from datamem.importers.chat import read_chats
from datamem.importers.entities import (
    entity_batches,
    read_edn_maps,
    read_json_maps,
    undeclared_attributes,
)
from datamem.importers.graph import IMPORT_KEY, EntityGraph, attributes_in
from datamem.importers.jsonfile import decode_text, parse_json, parse_json_lines, read_bytes
from datamem.importers.jsonvalues import from_json_value
from datamem.importers.load import import_batches
from datamem.importers.locomo import read_locomo
from datamem.importers.names import digest_of_bytes
from datamem.importers.shipped import agent_schema, ensure_attributes

FORMATS: Final = ("locomo", "chat", "runs", "edn", "jsonl")

_PROVENANCE: Final = (Keyword(":import/source"), Keyword(":import/format"), IMPORT_KEY)


def import_file(
    conn: Connection,
    path: str | Path,
    *,
    format: str | None = None,  # noqa: A002  # the word users know
    source: str | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a file; a second time adds nothing.

    Args:
        conn: where to.
        path: a LoCoMo file, chat transcripts (JSON, JSON Lines), or entities (EDN, JSON Lines).
        format: one of `FORMATS`; guessed from the file when None. "runs" is "chat", and besides the run
            that each conversation shows: its events, calls and traces, which can be replayed.
        source: the name under which the file's own ids are known. Two files with one source may
            refer to each other's ids. Default: the format for conversations, which carry ids
            themselves, and the file's digest for entities.
        progress: called after every transaction.

    Raises:
        ImportFileError: the file cannot be read, or is not of the format.
        TransactError: what the file says contradicts the database.
    """
    path = Path(path)
    chosen = guess_format(path) if format is None else format
    if chosen not in FORMATS:
        raise ImportFileError(
            f"{chosen!r} is not a format",
            code="import/unknown-format",
            hint=f"one of {', '.join(FORMATS)}",
            format=chosen,
        )
    if chosen in {"edn", "jsonl"}:
        return _import_entities(conn, path, chosen, source, progress)
    ensure_attributes(conn, agent_schema())
    report = ImportReport(chosen, source or ("chat" if chosen == "runs" else chosen))
    if chosen == "locomo":
        batches = read_locomo(path, report.source)
    else:
        batches = read_chats(path, report.source, with_runs=chosen == "runs")
    return import_batches(conn, batches, report, progress)


def _import_entities(
    conn: Connection, path: Path, chosen: str, source: str | None, progress: Progress | None
) -> ImportReport:
    maps = read_edn_maps(path) if chosen == "edn" else read_json_maps(path)
    ensure_attributes(conn, [*attributes_in(maps), *_PROVENANCE])
    if not conn.db.schema.strict and (missing := undeclared_attributes(maps, conn.db.schema)):
        conn.transact(missing)
    schema = conn.db.schema
    graph = EntityGraph(schema, from_json_value) if chosen == "jsonl" else EntityGraph(schema)
    for entity in maps:
        graph.add(entity)
    report = ImportReport(chosen, source or digest_of_bytes(read_bytes(path)))
    return import_batches(conn, entity_batches(graph, report.source), report, progress)


def guess_format(path: Path) -> str:
    """Return the format that a file looks like, one of `FORMATS`.

    Raises:
        ImportFileError: `import/unknown-format`, when it looks like none.
    """
    suffix = path.suffix.lower()
    if suffix == ".edn":
        return "edn"
    if suffix in {".json", ".jsonl", ".ndjson"}:
        return _guess_json(_first_value(path, suffix))
    raise ImportFileError(
        f"{path}: its name does not tell its format",
        code="import/unknown-format",
        hint=f"name it with --format: {', '.join(FORMATS)}",
        file=str(path),
    )


def _first_value(path: Path, suffix: str) -> Any:
    text = decode_text(read_bytes(path), path)
    if suffix == ".json":
        return parse_json(text, path)
    return next((value for _, value in parse_json_lines(text, path)), None)


def _guess_json(value: Any) -> str:
    first = value[0] if isinstance(value, list) and value else value
    if isinstance(first, list) and len(first) == 1 and "role" not in (first[0] or ()):
        first = first[0]
    if not isinstance(first, Mapping):
        return "chat"
    if isinstance(first.get("conversation"), Mapping):
        return "locomo"
    return "jsonl" if any("/" in str(name) for name in first) else "chat"
