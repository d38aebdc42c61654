"""Canonical values of the types that have a shape: tuples and vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from datamem.schema.convert import TO_CANONICAL, RefusedValue, refuse_type, to_edn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from datamem.schema.types import ValueType, VectorSpec

Vector = npt.NDArray[np.float32]
MAX_TUPLE: Final = 32
"""Most slots of a tuple."""


def vector_converter(spec: VectorSpec) -> Callable[[Any], Vector]:
    """Return the function that makes float32[spec.dimensions] of a list or array, or refuses it."""

    def to_vector(value: Any) -> Vector:
        if isinstance(value, str | bytes | dict | set | frozenset):
            refuse_type(f"a vector of {spec.dimensions} numbers")
        vector = _to_float32(value, spec.dimensions)
        if vector.shape != (spec.dimensions,):
            count = len(vector) if vector.ndim == 1 else f"shape {vector.shape}"
            raise RefusedValue(f"has {count}", "schema/wrong-dimension")
        _check_components(vector, spec)
        return vector

    return to_vector


def _to_float32(value: Any, dimensions: int) -> Vector:
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise RefusedValue(f"is not a vector of {dimensions} numbers") from error
    if array.dtype.kind not in "fiub":
        refuse_type(f"a vector of {dimensions} numbers")
    with np.errstate(over="ignore"):
        vector = np.array(np.asarray(array, np.float32) + np.float32(0.0))
    vector.flags.writeable = False
    return vector


def _check_components(vector: Vector, spec: VectorSpec) -> None:
    if not np.isfinite(vector).all():
        raise RefusedValue("has a component that is not finite as float32", "schema/not-finite")
    if spec.metric == "cosine" and not vector.any():
        raise RefusedValue(
            "is all zeros, and has no direction", "schema/zero-vector", "use :db.metric/l2"
        )
    if spec.dtype == "b1" and not np.isin(vector, (0.0, 1.0)).all():
        raise RefusedValue("has components other than 0 and 1", "schema/not-bits")


def tuple_converter(types: Sequence[ValueType] | None) -> Callable[[Any], tuple[Any, ...]]:
    """Return the function that makes a tuple with slots of these types; None is any types.

    nil is a slot without value; a tuple of nothing but nil is refused.
    """
    if types is None:
        return lambda value: _to_tuple(value, [to_edn] * len(_slots(value)))
    converters = [TO_CANONICAL[value_type] for value_type in types]
    return lambda value: _to_tuple(value, converters)


def tuple_of_converter(value_type: ValueType) -> Callable[[Any], tuple[Any, ...]]:
    """Return the function that makes a tuple of any length whose slots have one type."""
    convert = TO_CANONICAL[value_type]
    return lambda value: _to_tuple(value, [convert] * len(_slots(value)))


def _slots(value: Any) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        refuse_type("a tuple")
    if not 1 <= len(value) <= MAX_TUPLE:
        raise RefusedValue(f"has {len(value)} slots, and tuples have 1 to {MAX_TUPLE}")
    return value


def _to_tuple(value: Any, converters: Sequence[Callable[[Any], Any]]) -> tuple[Any, ...]:
    slots = _slots(value)
    if len(slots) != len(converters):
        raise RefusedValue(f"has {len(slots)} slots, and the attribute has {len(converters)}")
    if all(slot is None for slot in slots):
        raise RefusedValue("is a tuple of nothing but nil", hint="retract it instead")
    return tuple(
        None if slot is None else _to_slot(convert, slot, position)
        for position, (convert, slot) in enumerate(zip(converters, slots, strict=True))
    )


def _to_slot(convert: Callable[[Any], Any], slot: Any, position: int) -> Any:
    try:
        return convert(slot)
    except RefusedValue as refused:
        raise RefusedValue(
            f"has slot {position}, {slot!r}, which {refused.reason}", refused.code, refused.hint
        ) from refused
