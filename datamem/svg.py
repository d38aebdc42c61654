"""Pictures as SVG text: lines, boxes and words, and what a notebook shows of them."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final

INK: Final = "#1f2933"
PALE: Final = "#9aa5b1"
GRID: Final = "#e4e7eb"
ADDED: Final = "#2f9e44"
REMOVED: Final = "#d9480f"
PALETTE: Final = (
    "#3366aa",
    "#c2562d",
    "#3b8132",
    "#8a4fad",
    "#b8860b",
    "#1b8a8a",
    "#b5366f",
    "#5f6b7a",
)
CHAR_WIDTH: Final = 6.6
"""About how wide a character of the 12-pixel font is."""


def shortened(text: str, most: int) -> str:
    """Return a text on one line, cut with an ellipsis where it has more characters.

    Example:
        >>> shortened("a long text", 6)
        'a lon…'
    """
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


class Canvas:
    """A picture being drawn; coordinates in pixels, y downwards."""

    def __init__(self, width: float, height: float) -> None:
        self.width = width
        self.height = height
        self._parts: list[str] = []

    def line(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        color: str = PALE,
        *,
        arrow: bool = False,
    ) -> None:
        """Draw a line, with an arrow head at its end if wanted."""
        end = ' marker-end="url(#arrow)"' if arrow else ""
        self._parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}"{end}/>'
        )

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        color: str,
        *,
        title: str = "",
        opacity: float = 1.0,
    ) -> None:
        """Draw a filled box; `title` is shown when the pointer rests on it."""
        self._parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height:.1f}" '
            f'rx="3" fill="{color}" fill-opacity="{opacity:g}">{_title(title)}</rect>'
        )

    def dot(self, x: float, y: float, radius: float, color: str, *, title: str = "") -> None:
        """Draw a filled circle."""
        self._parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{color}">{_title(title)}</circle>'
        )

    def curve(self, points: list[tuple[float, float]], color: str, *, title: str = "") -> None:
        """Draw straight lines through points."""
        at = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._parts.append(
            f'<polyline points="{at}" fill="none" stroke="{color}" stroke-width="1.6">'
            f"{_title(title)}</polyline>"
        )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        color: str = INK,
        *,
        anchor: str = "start",
        size: int = 12,
        bold: bool = False,
    ) -> None:
        """Write a line of text; `anchor` is "start", "middle" or "end" of it at x."""
        weight = ' font-weight="600"' if bold else ""
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" fill="{color}" text-anchor="{anchor}" '
            f'font-size="{size}"{weight}>{escape(text)}</text>'
        )

    def __str__(self) -> str:
        body = "\n".join(self._parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width:.0f}" '
            f'height="{self.height:.0f}" viewBox="0 0 {self.width:.0f} {self.height:.0f}" '
            'font-family="system-ui, sans-serif" style="background:#ffffff">\n'
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            f'markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="{PALE}"/></marker></defs>\n'
            f"{body}\n</svg>"
        )


def _title(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""


class Picture:
    """A finished picture: a notebook shows it, `save` writes it."""

    def __init__(self, svg: Canvas | str, about: str = "") -> None:
        self.svg = str(svg)
        self.about = about

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | Path) -> Path:
        """Write the picture as an SVG file."""
        target = Path(path)
        target.write_text(self.svg, encoding="utf-8")
        return target

    def __repr__(self) -> str:
        return f"<Picture {self.about}>"
