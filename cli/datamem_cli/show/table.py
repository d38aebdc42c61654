"""Plain tables: columns as wide as they need, cut to the terminal when there is one."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Sequence

_GAP = "  "
_LEAST_WIDTH = 8


def cell_width(text: str) -> int:
    """Return how many columns of a terminal a text takes; wide characters take two.

    Example:
        >>> cell_width("abc"), cell_width("日本"), cell_width("é")
        (3, 4, 1)
    """
    if text.isascii():
        return len(text)
    return sum(_char_width(char) for char in text)


def _char_width(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in {"Cf", "Me", "Mn"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def table_text(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[bool] = (),
    max_width: int | None = None,
) -> str:
    """Return a table with a header, a rule, and a line a row.

    Args:
        header: one name a column.
        rows: cells without line breaks.
        right: columns to align right; missing ones align left.
        max_width: longest line; the widest columns are cut, with an ellipsis. None cuts nothing.

    Example:
        >>> print(table_text(["name", "n"], [["Ann", "10"], ["Bo", "9"]], right=[False, True]))
        name   n
        ----  --
        Ann   10
        Bo     9
    """
    widths = [
        max([cell_width(name), *(cell_width(row[i]) for row in rows)])
        for i, name in enumerate(header)
    ]
    if max_width is not None:
        widths = fit_widths(widths, max_width - len(_GAP) * (len(widths) - 1))
    aligned = [*right, *([False] * len(widths))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(line_of(line, widths, aligned) for line in lines)


def fit_widths(widths: Sequence[int], room: int) -> list[int]:
    """Return widths that fit into `room`: the widest columns give way first.

    Example:
        >>> fit_widths([5, 100, 60], 65)
        [5, 30, 30]
    """
    fitted = list(widths)
    while sum(fitted) > room and max(fitted) > _LEAST_WIDTH:
        widest = max(fitted)
        second = max((width for width in fitted if width < widest), default=_LEAST_WIDTH)
        columns = [i for i, width in enumerate(fitted) if width == widest]
        excess = sum(fitted) - room
        step = max(1, min(widest - max(second, _LEAST_WIDTH), -(-excess // len(columns))))
        for column in columns:
            fitted[column] = widest - step
    return fitted


def line_of(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    """Return one line of a table whose columns have these widths."""
    shown = [_cell(*cell) for cell in zip(cells, widths, right, strict=False)]
    return _GAP.join(shown).rstrip()


def _cell(text: str, width: int, right: bool) -> str:
    if cell_width(text) > width:
        text = _cut(text, width - 1) + "…"
    padding = " " * (width - cell_width(text))
    return padding + text if right else text + padding


def _cut(text: str, width: int) -> str:
    taken = 0
    for i, char in enumerate(text):
        taken += _char_width(char)
        if taken > width:
            return text[:i]
    return text


def terminal_width(*, is_terminal: bool) -> int | None:
    """Return how wide lines may be: the terminal's width, or None when piped."""
    return shutil.get_terminal_size((100, 24)).columns if is_terminal else None
