"""Hints: what somebody meant who wrote a token where none like it can stand."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final, NamedTuple

from datamem.datalog.faults import near
from datamem.datalog.functions.registry import AGGREGATE_NAMES
from datamem.edn import Keyword, Symbol

SECTIONS: Final = {
    ":find": "FIND",
    ":with": "WITH",
    ":in": "IN",
    ":where": "WHERE",
    ":keys": "KEYS",
    ":strs": "KEYS",
    ":syms": "KEYS",
    ":order-by": "ORDER_BY",
    ":having": "HAVING",
    ":limit": "NUMBER_KEY",
    ":offset": "NUMBER_KEY",
    ":timeout": "NUMBER_KEY",
    ":after": "AFTER",
}
HEADS: Final = {
    "not": "NOT",
    "not-join": "NOT_JOIN",
    "or": "OR",
    "or-join": "OR_JOIN",
    "and": "AND",
    "optional": "OPTIONAL",
    "pull": "PULL",
}
_COMPARISONS: Final = ("<", "<=", ">", ">=", "=", "==", "!=", "not=")
_OTHER_WORDS: Final = {
    ":sort": "rows are ordered with :order-by",
    ":order": "rows are ordered with :order-by",
    ":group-by": "rows are grouped by what :find holds beside aggregates",
    ":select": "a query asks with :find",
    ":from": "sources are named in :in",
    ":distinct": "a result is a set: no row is there twice",
}
_IN_SECTION: Final = {
    "FIND": ":find names variables, and clauses bind them: [:find ?v :where [?e {} ?v]]",
    "KEYS": "names are written without a colon: :keys name age",
    "ORDER_BY": "rows are ordered by variables, that clauses bind: [?e {} ?v]",
}
_PYTHON: Final = {"True": "true", "False": "false", "None": "nil"}
_RULES: Final = (
    "rules are a list of rules, each with its head first: [[(name ?x) [?x :attribute ?y]]]"
)


class Place(NamedTuple):
    """Where a token stood that could not stand there.

    Attributes:
        value: of the token; a bracket's is its text.
        text: the value as text, a symbol's too.
        expected: the kinds of token that could stand there.
        section: the token of the section, such as "WHERE"; "" in rules and before the first.
        is_map: the query is a map.
    """

    value: Any
    text: Any
    expected: frozenset[str]
    section: str
    is_map: bool

    @property
    def is_variable(self) -> bool:
        """Whether a variable stood there."""
        return isinstance(self.value, Symbol) and self.text.startswith("?")


def hint_for(
    value: Any, expected: Collection[str] = (), section: str = "", *, is_map: bool = False
) -> str | None:
    """Return what was meant by a token that cannot stand where it stands, where that is plain."""
    text = value.text if isinstance(value, Symbol) else value
    place = Place(value, text, frozenset(expected), section, is_map)
    for hint in (_of_text, _of_shape, _BY_SECTION.get(section, _nothing)):
        if (found := hint(place)) is not None:
            return found
    return None


def hint_for_key(key: str, section: str) -> str | None:
    """Return what was meant by a section that does not exist."""
    if key in _OTHER_WORDS:
        return _OTHER_WORDS[key]
    return near(key, SECTIONS) or _IN_SECTION.get(section, "").format(key) or None


def hint_for_term(value: Any) -> str:
    """Return what was meant by a name in a clause that is no term."""
    if (
        found := _of_text(Place(value, value.text, frozenset(), "WHERE", is_map=False))
    ) is not None:
        return found
    name = value.text
    if name.endswith("'"):
        return f'strings have double quotes: "{name[:-1]}"'
    if name in HEADS:
        return f"({name} …) has parentheses"
    if name in _PYTHON:
        return f"write {_PYTHON[name]}"
    if "/" in name:
        return f"attributes and keywords start with a colon, variables with ?: :{name}"
    return (
        f'keywords start with a colon, variables with ?, strings have quotes: :{name}, ?{name}, "{name}";'
        f" a rule is called with parentheses, ({name} …)"
    )


def _nothing(_: Place) -> str | None:
    return None


def _of_text(place: Place) -> str | None:
    """Return a hint that the token itself gives."""
    value, text = place.value, place.text
    if not isinstance(text, str) or isinstance(value, Keyword):
        return None
    if isinstance(value, Symbol):
        if f":{text}" in SECTIONS:
            return f"did you mean :{text}?"
        if text in _COMPARISONS and place.section in ("", "WHERE"):
            return f"compare in a clause of its own: [?e :attribute ?v] [({text} ?v …)]"
        return None
    if text.startswith("?"):
        return f"variables are written without quotes: {text}"
    if "FIND" in place.expected:
        return near(f":{text.removeprefix(':')}", SECTIONS)
    return None


def _of_shape(place: Place) -> str | None:
    """Return a hint that the kinds of token give which could stand there."""
    value, expected = place.value, place.expected
    if not place.section and expected in _RULE_STARTS:
        return f"{_RULES}; in Python data the head is a tuple" if value == "[" else _RULES
    if not place.section and expected in ({"VAR", "RPAR"}, {"VAR", "RPAR", "LSQB"}):
        return "the head of a rule names variables; what they must be is said in its clauses"
    if expected == {"LSQB", "LBRACE"}:
        return "a query is a vector, [:find ?e :where [?e :attribute ?value]], or a map"
    if expected == {"$END"} and value in ("]", ")", "}"):
        return "there is a bracket too many"
    if place.is_map and expected in ({"LSQB"}, {"LPAR", "LSQB", "RSQB"}):
        return "in a map every part is a list: {:find [?x] :where [[?e :attribute ?x]]}"
    return None


def _in_find(place: Place) -> str | None:
    value, text, expected = place.value, place.text, place.expected
    if value == ")" and "LSET" in expected:
        return "pull needs a variable and a pattern: (pull ?e [*])"
    if text == "..." or (place.is_variable and expected == {"RSQB"}):
        return "a list of values is asked for in brackets: [?x ...]"
    if text == ".":
        return "one value is asked for without brackets: ?x ."
    if "CONST" in expected:
        return "an aggregate takes constants and a variable: (count ?e)"
    if text == "*":
        return "everything of an entity is (pull ?e [*])"
    if text in AGGREGATE_NAMES or text in ("count", "min", "max", "rand"):
        return f"an aggregate has its name inside of the parentheses: ({text} ?x)"
    if "WHERE" in expected and place.is_variable:
        return "variables to find come before a dot; a clause stands in :where"
    if isinstance(value, Symbol) and text != "_":
        return f"variables start with a question mark: ?{text.lstrip('?')}"
    return ":find names variables, that clauses bind: ?x"


def _in_where(place: Place) -> str | None:
    value, text, expected = place.value, place.text, place.expected
    if place.is_variable and "NOT_JOIN" in expected:
        return "a pattern has brackets, [?e :attribute ?value]; (…) calls a rule"
    if place.is_variable and expected == {"LSQB"}:
        return "its variables are listed first, in brackets: (or-join [?e] …)"
    if place.is_variable and expected == {"RSQB"}:
        return "several results are bound in brackets: [(f …) [?x ?y]]"
    if place.is_variable:
        return (
            "a clause has brackets, [?e :attribute ?value], also inside of (not …) and (or …)"
        )
    if value == "(" and "NOT_JOIN" in expected:
        return "a predicate has square brackets around it: [(> ?a 3)]"
    if isinstance(value, Symbol) and text.startswith("$"):
        return "a call has square brackets around it, [(f $ …)]; the source of a rule comes first, ($ rule …)"
    if expected == {"LPAR", "LSQB", "RSQB", "BLANK", "VAR"}:
        return "a result is bound to a variable, [(f ?x) ?y], and compared in a clause of its own: [(= ?y …)]"
    return None


def _in_order(place: Place) -> str | None:
    if place.text in ("asc", "desc"):
        return f"directions are keywords: :{place.text}"
    if place.text in (":asc", ":desc"):
        return f"one direction behind each variable: ?x {place.text}"
    return "variables, each with its direction behind it, in one list: [?x :desc ?y]"


def _in_number(place: Place) -> str | None:
    if isinstance(place.value, Symbol | str) and "WHERE" not in place.expected:
        return "a number, or a variable of :in"
    return None


_RULE_STARTS: Final = (
    {"LPAR"},
    {"LPAR", "LSQB"},
    {"LPAR", "RPAR", "LSQB"},
    {"LPAR", "RSQB", "LSQB"},
)
_BY_SECTION: Final[dict[str, Callable[[Place], str | None]]] = {
    "FIND": _in_find,
    "WHERE": _in_where,
    "ORDER_BY": _in_order,
    "HAVING": lambda _: (
        "predicates over aggregates, each in brackets: [(> (count ?e) 1)] [(< (sum ?x) 9)]"
    ),
    "IN": lambda _: "sources $, rules %, and variables: ?x, [?x ...], [?x ?y] or [[?x ?y]]",
    "NUMBER_KEY": _in_number,
}
