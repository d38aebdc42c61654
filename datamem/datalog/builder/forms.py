"""What authors of queries write in Python, as forms of EDN; values in it stay apart as `Value`s."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from datamem.datalog.faults import near, query_error
from datamem.edn import EdnList, Keyword, Symbol, read, read_all
from datamem.errors import QueryError

_NAMED_JOINS: Final = frozenset({"or-join", "not-join"})


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A value that becomes an input of the query."""

    item: Any

    @classmethod
    def of(cls, item: Any) -> Value:
        """Return an item as a value, whatever it looks like."""
        return item if isinstance(item, Value) else cls(item)


@dataclass(frozen=True, slots=True)
class Desc:
    """A key that orders from the greatest to the least."""

    key: Any


def _refused(message: str, hint: str | None = None) -> QueryError:
    return query_error(message, code="query/syntax", hint=hint)


def keyword_form(attribute: str) -> Any:
    """Return an attribute as a keyword; variables and `_` stay symbols."""
    symbol = term_form(attribute)
    return symbol if isinstance(symbol, Symbol) else Keyword(attribute)


def term_form(item: Any) -> Any:
    """Return a term: text that looks like one is a variable, a source, `_` or a keyword."""
    if isinstance(item, Keyword) or not isinstance(item, str):
        return (
            Value(item) if isinstance(item, Mapping | AbstractSet) or callable(item) else item
        )
    if item in ("_", "...", "%", ".") or (item[:1] in ("?", "$") and " " not in item):
        return Symbol(item)
    return Keyword(item) if item.startswith(":") and len(item) > 1 else item


def variable_form(name: Any) -> Symbol:
    """Return a variable.

    Raises:
        QueryError: `query/syntax`, for what is none.
    """
    symbol = Symbol(name) if isinstance(name, str) and not isinstance(name, Keyword) else name
    if isinstance(symbol, Symbol) and symbol.text.startswith("?") and len(symbol.text) > 1:
        return symbol
    hint = (
        f"variables start with ?: ?{name}" if isinstance(name, str) else "a text such as ?name"
    )
    raise _refused(f"{name!r} is not a variable", hint)


def function_form(test: Any) -> Any:
    """Return the name of a function, or a callable as a value.

    Raises:
        QueryError: `query/unknown-function`, with near names.
    """
    if callable(test):
        return Value(test)
    if not isinstance(test, str):
        raise _refused(f"{test!r} is no test", 'name one, then its other arguments: ">", 3')
    from datamem.datalog.functions.registry import find_function, function_names

    name = str(test)
    if find_function(name) is None:
        raise query_error(
            f"there is no function {name}",
            code="query/unknown-function",
            hint=near(name, function_names()),
            function=name,
        )
    return Symbol(name)


def clause_forms(clause: Any) -> Iterator[Any]:
    """Return the clauses that an author's clause is: one, or those of an EDN text.

    Raises:
        QueryError: `query/syntax`.
    """
    if isinstance(clause, str):
        if clause.lstrip()[:1] not in ("[", "("):
            raise _refused(
                f"{clause!r} is no clause", 'a list, or EDN text: "[?e :user/name ?name]"'
            )
        yield from read_all(clause)
    elif isinstance(clause, EdnList):
        yield clause
    elif isinstance(clause, tuple) and clause:
        yield _compound(clause)
    elif isinstance(clause, list) and clause:
        yield _call_clause(clause) if isinstance(clause[0], tuple) else pattern_form(clause)
    else:
        raise _refused(f"{clause!r} is no clause", 'such as ["?e", "user/name", "?name"]')


def pattern_form(clause: list[Any]) -> list[Any]:
    """Return a data pattern: attributes are keywords, pairs in other places are lookup refs."""
    source = 1 if isinstance(clause[0], str) and clause[0].startswith("$") else 0
    return [
        keyword_form(item) if i == source + 1 and isinstance(item, str) else _lookup(item)
        for i, item in enumerate(clause)
    ]


def _lookup(item: Any) -> Any:
    if isinstance(item, list) and len(item) == 2:
        return [keyword_form(item[0]), term_form(item[1])]
    return term_form(item)


def _compound(clause: tuple[Any, ...]) -> EdnList:
    """Return `(not …)`, `(or …)` and their kin, or a rule call."""
    name, rest = str(clause[0]), clause[1:]
    head: list[Any] = [Symbol(name)]
    if name.startswith("$") and rest:
        inner = _compound(rest)
        return EdnList([*head, *inner])
    if name in _NAMED_JOINS and rest:
        head.append(input_form(rest[0]))
        rest = rest[1:]
    if name in {"not", "or", "and", "optional", *_NAMED_JOINS}:
        return EdnList([*head, *(form for item in rest for form in clause_forms(item))])
    return EdnList([*head, *map(_lookup, rest)])


def _call_clause(clause: list[Any]) -> list[Any]:
    return [_call(clause[0]), *map(input_form, clause[1:])]


def _call(call: tuple[Any, ...]) -> EdnList:
    head = call[0] if callable(call[0]) else Symbol(str(call[0]))
    args = (
        _call(arg)
        if isinstance(arg, tuple)
        else Value(arg)
        if isinstance(arg, list)
        else term_form(arg)
        for arg in call[1:]
    )
    return EdnList([Value(head) if callable(head) else head, *args])


def input_form(item: Any) -> Any:
    """Return a binding: `"?x"`, `["?x", "..."]`, `[["?a", "?b"]]`; or a source, or `"%"`."""
    if isinstance(item, list | tuple):
        return [input_form(part) for part in item]
    if isinstance(item, str) and item.startswith("["):
        return read(item)
    form = term_form(item)
    if isinstance(form, Symbol):
        return form
    raise _refused(f"{item!r} binds nothing", 'a variable, "?x", or ["?x", "..."]')


def element_form(element: Any) -> Any:
    """Return an element of `find`: a variable, an aggregate, or a pull."""
    if isinstance(element, str) and element.startswith("("):
        return read(element)
    if not isinstance(element, tuple):
        return variable_form(element)
    name, *args = element
    if name == "pull" and len(args) > 1:
        return EdnList([Symbol("pull"), *map(term_form, args[:-1]), Value(args[-1])])
    head = Value(name) if callable(name) else Symbol(str(name))
    return EdnList(
        [
            head,
            *(element_form(arg) if isinstance(arg, tuple) else term_form(arg) for arg in args),
        ]
    )


def order_forms(key: Any) -> Iterator[Any]:
    """Return a key of `order_by`, and its direction."""
    if isinstance(key, str) and key.lstrip(":") in ("asc", "desc"):
        raise _refused(f"{key!r} is no key", 'from the greatest to the least: query.desc("?x")')
    inner = key.key if isinstance(key, Desc) else key
    yield inner if type(inner) is int else element_form(inner)
    if isinstance(key, Desc):
        yield Keyword(":desc")


def count_of(number: Any, what: str) -> int:
    """Return a count.

    Raises:
        QueryError: `query/bad-count`.
    """
    if type(number) is int and number >= 0:
        return number
    raise query_error(f"{what} needs 0 or more, not {number!r}", code="query/bad-count")


def symbols_in(form: Any) -> set[str]:
    """Return the texts of all symbols in a form."""
    if isinstance(form, Symbol):
        return {form.text}
    if isinstance(form, list | tuple):
        return set().union(*(symbols_in(item) for item in form))
    return set()


def with_named_values(form: list[Any]) -> tuple[list[Symbol], list[Any], list[Any]]:
    """Return an input variable for each `Value` in a form, the values, and the form with those."""
    taken = symbols_in(form)
    fresh = (name for n in count(1) if (name := f"?value{n}") not in taken)
    names: list[Symbol] = []
    values: list[Any] = []

    def named(item: Any) -> Any:
        match item:
            case Value():
                names.append(Symbol(next(fresh)))
                values.append(item.item)
                return names[-1]
            case EdnList():
                return EdnList(map(named, item))
            case list() | tuple():
                return [named(part) for part in item]
            case _:
                return item

    return names, values, [named(part) for part in form]
