"""Making the parser's table: `python -m datamem.datalog.parse.grammar_table` after a change of the grammar.

Only this needs lark, which holds the grammar and knows how to make a table of it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

GRAMMAR: Final = Path(__file__).with_name("grammar.lark")
TABLE: Final = Path(__file__).with_name("grammar.json")
STARTS: Final = ("query", "rules")


def table_of(grammar: str) -> dict[str, Any]:
    """Return a grammar as `lr.Table` takes it."""
    from lark import Lark
    from lark.lexer import Lexer

    class NoLexer(Lexer):
        """Tokens are made elsewhere."""

        def __init__(self, conf: Any) -> None:
            pass

        def lex(self, *_: Any) -> Any:
            raise AssertionError

    parser = Lark(grammar, parser="lalr", lexer=NoLexer, start=list(STARTS))
    made = parser.parser.parser._parse_table  # noqa: SLF001  # lark shows its table to nobody
    order = _ordered(made)
    number = {state: i for i, state in enumerate(order)}
    rules = {rule: i for i, rule in enumerate(parser.rules)}
    states = []
    for state in order:
        row = {}
        for symbol, (action, target) in sorted(made.states[state].items()):
            row[symbol] = number[target] if action.name == "Shift" else -rules[target] - 1
        states.append(row)
    return {
        "start": {name: number[made.start_states[name]] for name in STARTS},
        "end": {name: number[made.end_states[name]] for name in STARTS},
        "rules": [[*_rule(rule)] for rule in parser.rules],
        "states": states,
    }


def _ordered(table: Any) -> list[int]:
    """Return the states as they are reached from the first ones; lark numbers them by chance."""
    order = [table.start_states[name] for name in STARTS]
    for state in order:
        for _, (action, target) in sorted(table.states[state].items()):
            if action.name == "Shift" and target not in order:
                order.append(target)
    return order


def _rule(rule: Any) -> tuple[str, int, str | None]:
    name = str(rule.origin.name)
    method = None if name.startswith("_") else str(rule.alias or name)
    return name, len(rule.expansion), method


def table_text(grammar: str) -> str:
    """Return the table as JSON, a line for each rule and state."""
    table = table_of(grammar)
    parts = [f'"{key}": {json.dumps(table[key])}' for key in ("start", "end")]
    for key in ("rules", "states"):
        lines = ",\n".join(json.dumps(item, separators=(",", ":")) for item in table[key])
        parts.append(f'"{key}": [\n{lines}\n]')
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    TABLE.write_text(table_text(GRAMMAR.read_text("utf-8")), encoding="utf-8")
