"""Reading tokens by a table: an LR parser that calls a builder's method for each rule of the grammar.

The table is made from `grammar.lark` by `grammar_table.py` and shipped, since making it takes longer than most
programs run. A test compares the two.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

END: Final = "$END"
_TABLE: Final = Path(__file__).with_name("grammar.json")

_States = list[dict[str, int]]
"""For each state, what a symbol does: go to a state (0 and up), or apply rule -action - 1."""


class Token:
    """One token of the grammar.

    Attributes:
        type: which terminal it is.
        value: what it stands for.
        start_pos: where it stood in the text; None in a query that is no text.
        section: the token of the query's section that it is in, such as "WHERE".
        is_map: the query is a map.
    """

    __slots__ = ("is_map", "section", "start_pos", "type", "value")

    def __init__(self, type_: str, value: Any, start_pos: int | None = None) -> None:
        self.type = type_
        self.value = value
        self.start_pos = start_pos
        self.section = ""
        self.is_map = False


class UnexpectedToken(Exception):  # noqa: N818  # always caught by the parser's caller
    """A token stands where the grammar allows for none.

    Attributes:
        token: which.
        accepts: the terminals that could stand there.
    """

    def __init__(self, token: Token, accepts: set[str]) -> None:
        super().__init__(token, accepts)
        self.token = token
        self.accepts = accepts


class _Spliced(list[Any]):
    """What a repeated part of a rule matched: it becomes part of that rule's own parts."""

    __slots__ = ()


class Table:
    """A grammar as states and rules.

    Attributes:
        rules: for each rule its symbol, how many parts it has, and the builder's method, None for a
            repeated part of another rule.
        states: what each symbol does in each state.
        start, end: the first and the last state for each start symbol.
    """

    __slots__ = ("end", "rules", "start", "states")

    def __init__(self, data: dict[str, Any]) -> None:
        self.rules: list[tuple[str, int, str | None]] = [tuple(rule) for rule in data["rules"]]
        self.states: _States = data["states"]
        self.start: dict[str, int] = data["start"]
        self.end: dict[str, int] = data["end"]

    def parse(self, tokens: Iterable[Token], start: str, builder: Any) -> Any:
        """Return what the builder's method for `start` makes of the tokens.

        Raises:
            UnexpectedToken: they do not follow the grammar.
            QueryError: what the builder refuses.
        """
        stack, end = [self.start[start]], self.end[start]
        values: list[Any] = []
        for token in _with_end(tokens):
            while (action := self.states[stack[-1]].get(token.type)) is not None and action < 0:
                symbol, count, method = self.rules[-action - 1]
                parts = _spliced(values[len(values) - count :])
                del values[len(values) - count :], stack[len(stack) - count :]
                made = _Spliced(parts) if method is None else getattr(builder, method)(*parts)
                values.append(made)
                stack.append(self.states[stack[-1]][symbol])
                if token.type == END and stack[-1] == end:
                    return values[-1]
            if action is None:
                raise UnexpectedToken(token, self._accepted(stack))
            stack.append(action)
            values.append(token)
        raise AssertionError

    def _accepted(self, stack: list[int]) -> set[str]:
        """Return the terminals that can come next."""
        return {name for name in self.states[stack[-1]] if self._takes(name, list(stack))}

    def _takes(self, terminal: str, stack: list[int]) -> bool:
        if not terminal.lstrip("$").isupper():
            return False
        while (action := self.states[stack[-1]].get(terminal)) is not None and action < 0:
            symbol, count, _ = self.rules[-action - 1]
            del stack[len(stack) - count :]
            stack.append(self.states[stack[-1]][symbol])
            if terminal == END and stack[-1] in self.end.values():
                return True
        return action is not None


def _with_end(tokens: Iterable[Token]) -> Iterator[Token]:
    yield from tokens
    yield Token(END, "")


def _spliced(parts: list[Any]) -> list[Any]:
    if not any(type(part) is _Spliced for part in parts):
        return parts
    found: list[Any] = []
    for part in parts:
        if type(part) is _Spliced:
            found += part
        else:
            found.append(part)
    return found


@cache
def query_table() -> Table:
    """Return the table of the query grammar."""
    text = Path(__file__).with_name("grammar.json").read_text("utf-8")
    return Table(json.loads(text))
