"""Collections, tuples and documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from collections.abc import Set as AbstractSet
from typing import Any, Final

from datamem.datalog.columns.values import identity, print_value
from datamem.datalog.functions.function import Function, fn
from datamem.edn import EdnList, Keyword, Symbol
from datamem.errors import QueryError
from datamem.schema.values import tag_of

MOST_NUMBERS: Final = 10_000_000
"""The longest `range`: more would not fit into memory."""


def count(value: Any) -> int:
    """Count items, entries, or the code points of a string; nil has none."""
    return len(sized(value, "count"))


def sized(value: Any, name: str) -> Any:
    """Return a collection or a string as it is, and nil as an empty list.

    Raises:
        QueryError: `query/not-a-collection`.
    """
    if value is None:
        return []
    if isinstance(value, Sized):
        return value
    raise QueryError(
        f"({name} …) needs a collection or a string, and got {print_value(value)}",
        code="query/not-a-collection",
        value=value,
    )


def contains(items: Any, key: Any) -> bool:
    """`contains?`: a key of a map, a member of a set, an index of a vector.

    Raises:
        QueryError: `query/not-a-collection`; a string has no keys.
    """
    if isinstance(items, str):
        raise QueryError(
            f"(contains? …) looks for keys and members, and got the string {print_value(items)}",
            code="query/not-a-collection",
            hint="(includes? text part) looks inside a string",
            value=items,
        )
    items = sized(items, "contains?")
    if isinstance(items, Mapping):
        return any(identity(known) == identity(key) for known in _keys(items, key))
    if isinstance(items, AbstractSet):
        return member(key, items)
    return isinstance(key, int) and 0 <= key < len(items)


def _keys(items: Mapping[Any, Any], key: Any) -> list[Any]:
    return [known for known in items if known == key]


def get(items: Any, key: Any, default: Any = None) -> Any:
    """Return the value of a key, the member of a set or the item of an index."""
    if isinstance(items, Mapping):
        return items.get(_doc_key(items, key), default)
    if isinstance(items, AbstractSet):
        return key if member(key, items) else default
    if isinstance(items, Sequence) and isinstance(key, int) and 0 <= key < len(items):
        return items[key]
    return default


def _doc_key(items: Mapping[Any, Any], key: Any) -> Any:
    """A document's keys are strings; a keyword finds the string of its name."""
    if key not in items and isinstance(key, Keyword):
        return str(key)[1:]
    return key


def get_in(items: Any, path: Sequence[Any], default: Any = None) -> Any:
    """`get-in`: follow a path of keys and indexes through nested maps and lists."""
    missing = object()
    for key in path:
        items = get(items, key, missing)
        if items is missing:
            return default
    return items


def doc_get(document: Any, *path: Any) -> Any:
    """`doc/get`: follow a path, given as arguments or as one list."""
    is_list = len(path) == 1 and isinstance(path[0], list | tuple)
    return get_in(document, path[0] if is_list else path)


def member(value: Any, items: Any) -> bool:
    """Tell whether a collection has an equal item; True is not 1."""
    key = identity(value)
    return any(identity(item) == key for item in sized(items, "in"))


def hash_map(*items: Any) -> dict[Any, Any]:
    """`hash-map`.

    Raises:
        QueryError: `query/arity`, for a key without a value.
    """
    if len(items) % 2:
        raise QueryError(
            f"a map takes keys and values in turn, and {print_value(items[-1])} has no value",
            code="query/arity",
        )
    return dict(zip(items[::2], items[1::2], strict=True))


def _entries(items: Any, name: str) -> Mapping[Any, Any]:
    if items is None or isinstance(items, Mapping):
        return items or {}
    raise QueryError(
        f"({name} …) needs a map, and got {print_value(items)}",
        code="query/not-a-collection",
        value=items,
    )


def type_name(value: Any) -> Keyword:
    """`type`: the value's type as a keyword, such as `:db.type/long`; `:nil` for nil."""
    return Keyword(":nil") if value is None else Keyword(tag_of(value).keyword)


def _item(items: Any, index: Any, name: str = "nth") -> Any:
    items = sized(items, name)
    if not isinstance(items, Sequence):
        items = list(items)
    is_inside = type(index) is int and 0 <= index < len(items)
    return items[index] if is_inside else None


def _last(items: Any) -> Any:
    return _item(items, count(items) - 1, "last")


def numbers(*args: Any) -> list[int]:
    """`range`.

    Raises:
        QueryError: `query/not-a-number`, `query/out-of-range`.
    """
    for arg in args:
        if type(arg) is not int:
            raise QueryError(
                f"(range …) needs whole numbers, and got {print_value(arg)}",
                code="query/not-a-number",
                value=arg,
            )
    found = range(*args) if len(args) < 3 or args[2] else None
    if found is None or len(found) > MOST_NUMBERS:
        raise QueryError(
            f"(range {' '.join(map(str, args))}) is longer than {MOST_NUMBERS:,} numbers",
            code="query/out-of-range",
        )
    return list(found)


FUNCTIONS: Final[tuple[Function, ...]] = (
    fn("count", count, 1),
    fn("empty?", lambda value: count(value) == 0, 1),
    fn("not-empty", lambda value: value if count(value) else None, 1),
    fn("contains?", contains, 2),
    fn("get", get, 2, 3),
    fn("get-in", get_in, 2, 3),
    fn("doc/get", doc_get, 1, None),
    fn("idoc-get", doc_get, 1, None),
    fn("in", member, 2),
    fn("not-in", lambda value, items: not member(value, items), 2),
    fn("vector", lambda *items: list(items), 0, None),
    fn("tuple", lambda *items: tuple(items), 0, None),
    fn("untuple", lambda items: items, 1),
    fn("list", lambda *items: EdnList(items), 0, None),
    fn("set", lambda items: frozenset(sized(items, "set")), 1),
    fn("hash-map", hash_map, 0, None),
    fn("array-map", hash_map, 0, None),
    fn("keys", lambda items: list(_entries(items, "keys")), 1),
    fn("vals", lambda items: list(_entries(items, "vals").values()), 1),
    fn("first", lambda items: _item(items, 0, "first"), 1),
    fn("second", lambda items: _item(items, 1, "second"), 1),
    fn("last", _last, 1),
    fn("nth", _item, 2),
    fn("range", numbers, 1, 3),
    fn("type", type_name, 1),
    fn("coll?", lambda value: isinstance(value, Mapping | AbstractSet | list | tuple), 1),
    fn("map?", lambda value: isinstance(value, Mapping), 1),
    fn("set?", lambda value: isinstance(value, AbstractSet), 1),
    fn("vector?", lambda value: isinstance(value, list | tuple), 1),
    fn("symbol?", lambda value: isinstance(value, Symbol), 1),
    fn("boolean?", lambda value: isinstance(value, bool), 1),
)
