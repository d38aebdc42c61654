"""JSON and JSON Lines from disk, with refusals that name the file and the line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Never

from datamem.errors import ImportFileError


def read_bytes(path: Path) -> bytes:
    """Return the file's content.

    Raises:
        ImportFileError: `import/unreadable`.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ImportFileError(
            f"cannot read {path}: {error.strerror or error}",
            code="import/unreadable",
            hint="name a file that exists and may be read",
            file=str(path),
        ) from error


def decode_text(data: bytes, path: Path) -> str:
    """Return the text of a file's content.

    Raises:
        ImportFileError: `import/not-text`, with the line of the first byte that is not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ImportFileError(
            f"{path}, line {line}: the file is not UTF-8",
            code="import/not-text",
            hint="convert it first, as iconv -f latin1 -t utf-8 does",
            file=str(path),
            line=line,
        ) from error


def parse_json(text: str, path: Path, first_line: int = 1) -> Any:
    """Return the JSON value of a text that starts at `first_line` of the file.

    Raises:
        ImportFileError: `import/bad-json`.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        raise ImportFileError(
            f"{path}, line {line}, column {error.colno}: {error.msg.lower()}",
            code="import/bad-json",
            file=str(path),
            line=line,
            column=error.colno,
        ) from error
    except RecursionError:
        raise ImportFileError(
            f"{path}: the JSON is nested too deeply", code="import/bad-json", file=str(path)
        ) from None


def parse_json_lines(text: str, path: Path) -> list[tuple[int, Any]]:
    """Return (line, value) of every line that is not empty."""
    lines = enumerate(text.split("\n"), start=1)
    return [(number, parse_json(line, path, number)) for number, line in lines if line.strip()]


def refuse_shape(path: Path, where: str, expected: str, line: int | None = None) -> Never:
    """Raise `import/wrong-shape`: the file is readable, and not of its format."""
    at = f"{path}, line {line}" if line is not None else str(path)
    raise ImportFileError(
        f"{at}: {where} is not {expected}",
        code="import/wrong-shape",
        hint="name the format with --format if this file is of another",
        file=str(path),
        line=line,
        where=where,
    )
