"""Maps and sets that tell apart what Python calls equal: 1, true, 1.0 and 1N; `:a` and `":a"`."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from datamem.edn.forms import EdnList, Form, Tagged, WithMeta
from datamem.errors import EdnError

_NAN: Final = "nan"


def identity_of(form: Form) -> Hashable:
    """Return a key that is equal for two forms exactly when EDN and their types say they are equal.

    NaN equals itself here, 0.0 equals -0.0, and a vector equals a tuple but not a list `(…)`.

    Cost: as deep and as long as the form. Not for cyclic values.

    Example:
        >>> identity_of([1, True]) == identity_of((1, True))
        True
        >>> identity_of(1) == identity_of(True)
        False
    """
    match form:
        case list() | tuple():
            kind = EdnList if isinstance(form, EdnList) else tuple
            return kind, tuple([identity_of(item) for item in form])
        case Mapping():
            return Mapping, frozenset([(identity_of(k), identity_of(form[k])) for k in form])
        case AbstractSet():
            return AbstractSet, frozenset([identity_of(item) for item in form])
        case Tagged(tag, value):
            identity: Hashable = (Tagged, tag, identity_of(value))
        case WithMeta(meta, inner):
            identity = (WithMeta, identity_of(meta), identity_of(inner))
        case float() if form != form:  # noqa: PLR0124  # only NaN differs from itself
            identity = (float, _NAN)
        case _:
            identity = (type(form), form)
    return identity


class EdnMap(Mapping[Form, Form]):
    """An immutable map, hashable where its values are, whose keys are told apart by type too.

    The reader makes one where a `dict` would not do: a map inside a key or a set, and a map with
    keys such as `1` and `true`. Equal to any mapping with the same typed entries.

    Args:
        entries: pairs, in the order they will have.

    Raises:
        EdnError: `edn/duplicate-key`; `data["item"]` counts the entries before the second one.

    Example:
        >>> m = EdnMap([(1, "one"), (True, "yes")])
        >>> m[1], m[True], 1.0 in m
        ('one', 'yes', False)
    """

    __slots__ = ("_entries", "_hash")

    def __init__(self, entries: Iterable[tuple[Form, Form]] = ()) -> None:
        self._entries: dict[Hashable, tuple[Form, Form]] = {}
        self._hash: int | None = None
        for count, (key, value) in enumerate(entries):
            identity = identity_of(key)
            if identity in self._entries:
                raise _duplicate_error(key, count, code="edn/duplicate-key")
            self._entries[identity] = key, value

    def __getitem__(self, key: Form) -> Form:
        try:
            return self._entries[identity_of(key)][1]
        except (KeyError, TypeError):  # TypeError: what cannot be hashed is no key
            raise KeyError(key) from None

    def __contains__(self, key: object) -> bool:
        try:
            return identity_of(key) in self._entries
        except TypeError:
            return False

    def __iter__(self) -> Iterator[Form]:
        return iter([key for key, _ in self._entries.values()])

    def __len__(self) -> int:
        return len(self._entries)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        if len(self) != len(other):
            return False
        return all(key in self and self[key] == other[key] for key in other)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self._entries.values()))
        return self._hash

    def __repr__(self) -> str:
        return f"EdnMap({list(self._entries.values())!r})"

    def __reduce__(self) -> tuple[type[EdnMap], tuple[list[tuple[Form, Form]]]]:
        return EdnMap, (list(self._entries.values()),)


class EdnSet(AbstractSet[Form]):
    """An immutable, hashable set whose elements are told apart by type too, in the order given.

    The reader makes one only where a `frozenset` would lose an element, as in `#{1 true}`.

    Raises:
        EdnError: `edn/duplicate-element`; `data["item"]` counts the elements before the second one.
    """

    __slots__ = ("_elements",)

    def __init__(self, elements: Iterable[Form] = ()) -> None:
        self._elements: dict[Hashable, Form] = {}
        for count, element in enumerate(elements):
            identity = identity_of(element)
            if identity in self._elements:
                raise _duplicate_error(element, count, code="edn/duplicate-element")
            self._elements[identity] = element

    def __contains__(self, element: object) -> bool:
        try:
            return identity_of(element) in self._elements
        except TypeError:
            return False

    def __iter__(self) -> Iterator[Form]:
        return iter(self._elements.values())

    def __len__(self) -> int:
        return len(self._elements)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AbstractSet):
            return NotImplemented
        return len(self) == len(other) and all(element in self for element in other)

    def __hash__(self) -> int:
        return hash(frozenset(self._elements.values()))

    @classmethod
    def _from_iterable(cls, elements: Iterable[Form]) -> EdnSet:
        """Make the result of `|`, `&`, `-` and `^`, where an element may come twice."""
        return cls({identity_of(element): element for element in elements}.values())

    def __repr__(self) -> str:
        return f"EdnSet({list(self._elements.values())!r})"

    def __reduce__(self) -> tuple[type[EdnSet], tuple[list[Form]]]:
        return EdnSet, (list(self._elements.values()),)


def edn_map(entries: Iterable[tuple[Form, Form]]) -> dict[Form, Form] | EdnMap:
    """Return the map of these pairs: a dict, or an `EdnMap` where a dict would merge keys.

    Keys that cannot be hashed are frozen first.

    Raises:
        EdnError: `edn/duplicate-key`.
    """
    pairs = list(entries)
    try:
        made = dict(pairs)
    except TypeError:
        pairs = [(frozen(key), value) for key, value in pairs]
        made = dict(pairs)
    return made if len(made) == len(pairs) else EdnMap(pairs)


def edn_set(elements: Iterable[Form]) -> frozenset[Form] | EdnSet:
    """Return the set of these: a frozenset, or an `EdnSet` where one would merge elements.

    Elements that cannot be hashed are frozen first.

    Raises:
        EdnError: `edn/duplicate-element`.
    """
    items = list(elements)
    try:
        made = frozenset(items)
    except TypeError:
        items = [frozen(item) for item in items]
        made = frozenset(items)
    return made if len(made) == len(items) else EdnSet(items)


def frozen(form: Form) -> Form:
    """Return the form with what can be hashed in place of lists, dicts and sets, all the way down.

    Example:
        >>> frozen([1, {"a": [2]}])
        (1, EdnMap([('a', (2,))]))
    """
    match form:
        case EdnList():
            return EdnList([frozen(item) for item in form])
        case list() | tuple():
            return tuple([frozen(item) for item in form])
        case Mapping():
            return EdnMap([(frozen(key), frozen(form[key])) for key in form])
        case AbstractSet():
            return edn_set(form)
        case Tagged(tag, value):
            return Tagged(tag, frozen(value))
        case _:
            return form


def _duplicate_error(form: Form, count: int, *, code: str) -> EdnError:
    place = "map" if code.endswith("key") else "set"
    shown = str(form) if isinstance(form, str) else repr(form)
    return EdnError(
        f"{shown[:60]} is twice in this {place}",
        code=code,
        hint="remove or rename one of the two",
        item=count,
    )
