"""Value types: their names in schema files, their numbers on disk, and the vector's own settings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Literal


class ValueType(IntEnum):
    """What the values of an attribute are.

    The number is the type's tag in the log and the heap: it never changes and is never reused.
    An IntEnum, because a plain Enum hashes in Python and these are keys of hot dictionaries.
    """

    REF = 1
    LONG = 2
    DOUBLE = 3
    BOOLEAN = 4
    INSTANT = 5
    KEYWORD = 6
    STRING = 7
    SYMBOL = 8
    UUID = 9
    BYTES = 10
    BIGINT = 11
    BIGDEC = 12
    URI = 13
    TUPLE = 14
    VECTOR = 15
    DOC = 16
    EDN = 17

    @property
    def keyword(self) -> str:
        """The text of the type's keyword, `:db.type/long`."""
        return f":db.type/{self.name.lower()}"


HEAP_TYPES: Final = frozenset(
    value_type
    for value_type in ValueType
    if value_type
    not in {
        ValueType.REF,
        ValueType.LONG,
        ValueType.DOUBLE,
        ValueType.BOOLEAN,
        ValueType.INSTANT,
    }
)
"""Types whose words are codes of the value heap; the others are words by themselves."""

_OTHER_NAMES: Final = {
    "float": ValueType.DOUBLE,
    "f64": ValueType.DOUBLE,
    "f32": ValueType.DOUBLE,
    "number": ValueType.DOUBLE,
    "int": ValueType.LONG,
    "integer": ValueType.LONG,
    "bool": ValueType.BOOLEAN,
    "decimal": ValueType.BIGDEC,
    "idoc": ValueType.DOC,
    "json": ValueType.DOC,
    "vec": ValueType.VECTOR,
    "any": ValueType.EDN,
}

TYPE_BY_NAME: Final[dict[str, ValueType]] = {
    value_type.name.lower(): value_type for value_type in ValueType
} | _OTHER_NAMES
"""Type by the name after `:db.type/`; `float`, `idoc` and a few more are other names."""

Metric = Literal["cosine", "inner-product", "l2", "hamming"]
VectorDtype = Literal["f32", "f16", "i8", "b1"]

METRIC_BY_NAME: Final[dict[str, Metric]] = {
    "cosine": "cosine",
    "cos": "cosine",
    "inner-product": "inner-product",
    "dot-product": "inner-product",
    "ip": "inner-product",
    "dot": "inner-product",
    "l2": "l2",
    "l2sq": "l2",
    "euclidean": "l2",
    "hamming": "hamming",
}
DTYPE_BY_NAME: Final[dict[str, VectorDtype]] = {
    "f32": "f32",
    "float": "f32",
    "f64": "f32",
    "double": "f32",
    "f16": "f16",
    "half": "f16",
    "i8": "i8",
    "byte": "i8",
    "b1": "b1",
    "bit": "b1",
}


@dataclass(frozen=True, slots=True)
class VectorSpec:
    """How an attribute's vectors are shaped, compared and kept.

    Attributes:
        dimensions: components of each vector; bits where `dtype` is b1.
        metric: how nearness is measured.
        dtype: how an index keeps the components; a value is float32 whatever it says.
    """

    dimensions: int
    metric: Metric = "cosine"
    dtype: VectorDtype = "f32"
