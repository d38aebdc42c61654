"""A little SVG: boxes, lines and texts that fit, enough for pictures of runs."""

from __future__ import annotations

from html import escape
from typing import Final

FONT: Final = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"
CHAR_WIDTH: Final = 7.3
"""Width of a character of 12 px text, in px; monospace, so that a text's width is known."""
ROW: Final = 24
INK, FAINT, PAPER, RULE = "#1f2933", "#6b7785", "#ffffff", "#e3e8ee"
FAILED: Final = "#c62828"

COLOURS: Final = {
    "run": "#37474f",
    "model": "#6a4fb3",
    "tool": "#1f77b4",
    "transact": "#2e7d32",
    "event": "#8d6e63",
    "trace": "#b26a00",
    "clock": "#90a4ae",
    "read": "#90a4ae",
}


def colour_of(kind: str, *, is_failed: bool = False) -> str:
    """Return the colour of a kind of step."""
    return FAILED if is_failed else COLOURS.get(kind, "#78909c")


def fitted(text: str, width: float) -> str:
    """Return the text cut to `width` px, with an ellipsis where it was cut."""
    room = max(int(width / CHAR_WIDTH), 1)
    line = " ".join(text.split())
    return line if len(line) <= room else f"{line[: room - 1]}…"


class Svg:
    """A picture under construction; sizes in px."""

    def __init__(self, width: float, height: float, title: str) -> None:
        self._size = (round(width), round(height))
        self._parts: list[str] = [f"<title>{escape(title)}</title>"]
        self.box(0, 0, width, height, fill=PAPER)

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: str,
        radius: float = 0,
        stroke: str = "none",
        tip: str = "",
    ) -> None:
        """Draw a rectangle; `tip` is shown when the pointer rests on it."""
        inner = f"<title>{escape(tip)}</title>" if tip else ""
        self._parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'rx="{radius:g}" fill="{fill}" stroke="{stroke}">{inner}</rect>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, *, colour: str = RULE) -> None:
        """Draw a straight line."""
        self._parts.append(
            f'<path d="M{x1:.1f} {y1:.1f} L{x2:.1f} {y2:.1f}" stroke="{colour}" fill="none"/>'
        )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        colour: str = INK,
        width: float | None = None,
        anchor: str = "start",
        is_bold: bool = False,
    ) -> None:
        """Write a line of 12 px; `y` is its middle, `width` cuts it."""
        shown = escape(text if width is None else fitted(text, width))
        weight = ' font-weight="600"' if is_bold else ""
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}" '
            f'dominant-baseline="central" xml:space="preserve"{weight}>{shown}</text>'
        )

    def __str__(self) -> str:
        width, height = self._size
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" font-family="{FONT}" font-size="12">'
        )
        return "\n".join([head, *self._parts, "</svg>"])
