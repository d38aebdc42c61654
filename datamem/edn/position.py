"""Where in a text something is: line, column, and the line itself with a caret under it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

from datamem.errors import DatamemError

_WIDTH: Final = 76
_FIELDS: Final = ("offset", "line", "column")

ErrorT = TypeVar("ErrorT", bound=DatamemError)


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a text: `offset` counts characters from 0, `line` and `column` count from 1."""

    offset: int
    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


START: Final = Position(0, 1, 1)


def locate(text: str, offset: int, start: Position = START) -> Position:
    """Return the position of `text[offset]`, where `text` itself begins at `start`."""
    newlines = text.count("\n", 0, offset)
    column = offset - text.rfind("\n", 0, offset)
    if not newlines:
        column = start.column + offset
    return Position(start.offset + offset, start.line + newlines, column)


def excerpt(text: str, offset: int, line: int) -> str:
    """Show the line that holds `text[offset]` with a caret under it, cut to a terminal's width."""
    begin = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    end = len(text) if end < 0 else end
    cut = max(begin, offset - _WIDTH * 2 // 3)
    shown = text[cut : min(end, cut + _WIDTH)]
    shown = "".join([c if c.isprintable() else " " for c in shown])
    label = f"  {line} | "
    return f"{label}{shown}\n{' ' * (len(label) + offset - cut)}^"


def placed(error: ErrorT, text: str, offset: int, start: Position = START) -> ErrorT:
    """Return the same refusal with its place: in the data, and as an excerpt in the message.

    Args:
        error: what is wrong, not yet placed; every kind of `DatamemError` will do.
        text: what was read.
        offset: where in `text` the fault is, 0 <= offset <= len(text).
        start: the position of `text[0]`, when `text` is only a part.

    Returns:
        A new error of the same class and code, with `line`, `column` and `offset` in its data.
    """
    position = locate(text, offset, start)
    shown = excerpt(text, offset, position.line)
    return type(error)(
        f"{error.message}, at {position}\n{shown}",
        code=error.code,
        hint=error.hint,
        **(error.data | {name: getattr(position, name) for name in _FIELDS}),
    )
