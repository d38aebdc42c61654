"""What transactions need of a database value and of registered functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from datamem.schema import Attribute, Schema, ValueType

Functions: TypeAlias = Mapping[str, Callable[..., Any]]
"""Registered functions and predicates by name, written with or without colon."""


class Columns(Protocol):
    """Rows of an index, as columns of int64."""

    def __len__(self) -> int: ...
    @property
    def e(self) -> npt.NDArray[np.int64]:
        """Entity ids."""

    @property
    def v(self) -> npt.NDArray[np.int64]:
        """Value words."""


class DbView(Protocol):
    """A database value of the present, as far as a transaction reads it."""

    @property
    def schema(self) -> Schema:
        """Its schema."""

    @property
    def basis_t(self) -> int:
        """Number of its last transaction."""

    @property
    def next_entity(self) -> int:
        """Next id of the user partition."""

    @property
    def next_attribute(self) -> int:
        """Next id of the attribute partition."""

    @property
    def heap_size(self) -> int:
        """Next code of the heap."""

    @property
    def last_instant_us(self) -> int:
        """Instant of its last transaction, µs since 1970."""

    def entity_with(self, a: int, word: int, /) -> int | None:
        """Return the entity with this word of a unique attribute."""

    def words(self, e: int, a: int, /) -> list[int]:
        """Return the words of an attribute of an entity."""

    def holds(self, e: int, a: int, word: int, /) -> bool:
        """Tell whether an attribute of an entity has this word."""

    def entity_words(self, e: int, /) -> list[tuple[int, int]]:
        """Return (attribute, word) of every datom of an entity."""

    def referrers(self, e: int, a: int, /) -> list[int]:
        """Return the entities whose ref attribute points to `e`."""

    def encode(self, attribute: Attribute, value: Any, /) -> int | None:
        """Return the word of a canonical value; None where the heap lacks it."""

    def find_code(self, tag: ValueType, key: Any, /) -> int | None:
        """Return the code of a heap value by its type and `heap_key`; None where the heap lacks it."""

    def decode(self, value_type: ValueType, words: Sequence[int], /) -> list[Any]:
        """Return the values of words."""

    def rows(self, e: int | None = None, a: int | None = None, v: int | None = None) -> Columns:
        """Return the datoms with the given parts, as columns."""

    def lookup_many(self, a: int, es: npt.NDArray[np.int64], /) -> Columns:
        """Return the datoms of an attribute of these entities, ascending and distinct."""

    def lookup_values(self, a: int, vs: npt.NDArray[np.int64], /) -> Columns:
        """Return the datoms of an attribute with these words, ascending and distinct."""

    def history(self) -> DbView:
        """Return a value whose rows are all that ever were, retracted ones included."""
