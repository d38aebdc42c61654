"""Values on their way out: words one at a time, lists in the order of their values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from datamem.edn import EdnList, EdnMap, Tagged
from datamem.index.words import double_of_word, instant_of_us
from datamem.schema.types import ValueType
from datamem.schema.values import order_key

FREE_FORM: Final = frozenset({ValueType.DOC, ValueType.EDN})
"""Types whose values may be lists and dicts, which a caller could change."""

_PLAIN_ORDER: Final = frozenset(ValueType) - FREE_FORM - {ValueType.TUPLE, ValueType.VECTOR}


def word_reader(value_type: ValueType) -> Callable[[int], Any] | None:
    """Return the function from word to value; None where the heap has the value."""
    return _READERS.get(value_type)


def _itself(word: int) -> int:
    return word


_READERS: Final[dict[ValueType, Callable[[int], Any]]] = {
    ValueType.REF: _itself,
    ValueType.LONG: _itself,
    ValueType.BOOLEAN: bool,
    ValueType.DOUBLE: double_of_word,
    ValueType.INSTANT: instant_of_us,
}


def sort_key_of(value_type: ValueType) -> Callable[[Any], Any] | None:
    """Return the key by which values of a type are sorted; None if they compare by themselves."""
    return None if value_type in _PLAIN_ORDER else order_key


def own_copy(value: Any) -> Any:
    """Return a document whose lists and dicts are its own; what cannot change is shared."""
    match value:
        case dict():
            return {key: own_copy(item) for key, item in value.items()}
        case list():
            return [own_copy(item) for item in value]
        case EdnList():
            return EdnList([own_copy(item) for item in value])
        case EdnMap():
            return EdnMap([(key, own_copy(value[key])) for key in value])
        case Tagged(tag, inner):
            return Tagged(tag, own_copy(inner))
        case _:
            return value
