"""What a session writes to and asks: a terminal with pages, or a pipe without."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Protocol

import click


class Screen(Protocol):
    """Where a session's answers go."""

    @property
    def width(self) -> int | None:
        """Columns of the terminal; None where lines are not cut."""

    @property
    def is_interactive(self) -> bool:
        """Tell whether a person sits there, who can be asked."""

    def say(self, text: str) -> None:
        """Show a line or several."""

    def show(self, lines: Iterable[str]) -> None:
        """Show lines, a page at a time where they are many."""

    def ask(self, question: str) -> bool:
        """Ask yes or no; no is the default."""

    def complain(self, text: str) -> None:
        """Show why something was refused."""


class Terminal:
    """Standard output: pages through `$PAGER` when a person reads, plain lines into a pipe."""

    def __init__(self) -> None:
        self._out_is_terminal = sys.stdout.isatty()

    @property
    def width(self) -> int | None:
        """Columns of the terminal; None for a pipe."""
        return shutil.get_terminal_size((100, 24)).columns if self._out_is_terminal else None

    @property
    def is_interactive(self) -> bool:
        """Tell whether both ends are terminals."""
        return self._out_is_terminal and sys.stdin.isatty()

    def say(self, text: str) -> None:
        """Print a text."""
        click.echo(text)

    def show(self, lines: Iterable[str]) -> None:
        """Print lines; more than a screenful goes through the pager."""
        rest = iter(lines)
        if not self.is_interactive:
            for line in rest:
                click.echo(line)
            return
        first = list(islice(rest, shutil.get_terminal_size((100, 24)).lines - 1))
        more = next(rest, None)
        if more is None:
            click.echo("\n".join(first))
        else:
            click.echo_via_pager(_with_breaks(chain(first, (more,), rest)))

    def ask(self, question: str) -> bool:
        """Ask a person; without one the answer is yes, as scripts want it."""
        return click.confirm(question, default=False) if self.is_interactive else True

    def complain(self, text: str) -> None:
        """Print on standard error."""
        click.echo(text, err=True)


def _with_breaks(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield line + "\n"
