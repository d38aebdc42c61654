"""What may be typed next: attributes, functions, variables, commands."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from datamem_cli.repl.scan import Kind, pieces

if TYPE_CHECKING:
    from datamem_cli.repl.session import Session

MOST: Final = 100
_SECTIONS: Final = (
    ":find",
    ":in",
    ":where",
    ":with",
    ":order-by",
    ":limit",
    ":keys",
    ":having",
)
_FORMS: Final = (
    "not",
    "not-join",
    "or",
    "or-join",
    "and",
    "pull",
    "count",
    "sum",
    "min",
    "max",
    "avg",
)


class Suggestion(NamedTuple):
    """A word that fits, how many characters before the cursor it replaces, and what it is."""

    text: str
    replaces: int
    about: str = ""


class _Table(NamedTuple):
    """The idents of a schema, sorted; and (name without namespace, ident), sorted."""

    idents: list[str]
    by_name: list[tuple[str, str]]
    about: dict[str, str]


class Completer:
    """Suggests words for a session; what the schema gives is sorted once per schema."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._schema: Any = None
        self._table = _Table([], [], {})

    def suggest(self, before: str) -> list[Suggestion]:
        """Return what fits the text before the cursor, best first, at most `MOST`."""
        if before.startswith("\\") and " " not in before:
            return list(self._commands(before[1:]))
        last = None
        for piece in pieces(before):
            last = piece
        if last is None or last.is_open or last.kind in {Kind.COMMENT, Kind.NUMBER}:
            return []
        if last.kind is Kind.BRACKET and last.text == "(":
            return self._named(_functions(), "", 0)
        return self._of_word(last.kind, last.text, before)

    def _of_word(self, kind: Kind, word: str, before: str) -> list[Suggestion]:
        match kind:
            case Kind.KEYWORD:
                return self._keywords(word)
            case Kind.VARIABLE:
                names = {
                    p.text for p in pieces(before[: -len(word)]) if p.kind is Kind.VARIABLE
                }
                known = sorted(names | set(self._session.variables))
                return self._named(known, word, len(word))
            case Kind.CALL:
                return self._named(_functions(), word, len(word))
            case _:
                return []

    def _commands(self, word: str) -> Iterator[Suggestion]:
        from datamem_cli.repl.commands import COMMANDS

        for name, command in COMMANDS.items():
            if name.startswith(word):
                yield Suggestion(f"\\{name}", len(word) + 1, command.about)

    def _keywords(self, word: str) -> list[Suggestion]:
        schema = self._session.database.now.schema
        if schema is not self._schema:
            self._schema, self._table = schema, _table_of(schema)
        table = self._table
        whole = _starting_with(table.idents, word)
        inner = _starting_with(table.by_name, word[1:]) if len(word) > 1 else []
        found = dict.fromkeys([*whole, *(ident for _, ident in inner)])
        sections = [name for name in _SECTIONS if name.startswith(word)]
        return [
            Suggestion(text, len(word), table.about.get(text, ""))
            for text in [*sections, *found][:MOST]
        ]

    def _named(self, names: Iterable[str], word: str, replaces: int) -> list[Suggestion]:
        found = [name for name in names if name.startswith(word) and name != word]
        return [Suggestion(name, replaces) for name in found[:MOST]]


def _table_of(schema: Any) -> _Table:
    idents = sorted(str(attribute.ident) for attribute in schema)
    by_name = sorted((ident.partition("/")[2], ident) for ident in idents)
    about = {str(a.ident): a.value_type.keyword.removeprefix(":db.type/") for a in schema}
    return _Table(idents, by_name, about)


def _starting_with(table: list[Any], prefix: str) -> list[Any]:
    """Return the entries of a sorted table that start with a prefix, at most `MOST`."""
    is_pair = bool(table) and isinstance(table[0], tuple)
    at = bisect_left(table, (prefix, "") if is_pair else prefix)
    found = []
    for entry in table[at : at + MOST]:
        if not (entry[0] if is_pair else entry).startswith(prefix):
            break
        found.append(entry)
    return found


@lru_cache(maxsize=1)
def _functions() -> tuple[str, ...]:
    from datamem.datalog.functions.registry import function_names
    from datamem.hooks import HOOKS

    hooked = (key.partition(" ")[2] for key in HOOKS if " " in key)
    return tuple(sorted({*_FORMS, *function_names(), *hooked}))
