"""An attribute: what its values may be, compiled into one check."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from datamem.schema.checks import compile_check
from datamem.schema.languages import DEFAULT_LANGUAGE
from datamem.schema.types import HEAP_TYPES, ValueType, VectorSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from datamem.edn import Keyword

Unique = Literal["identity", "value"]
OnDelete = Literal["cascade", "set-null", "restrict"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a schema; immutable.

    Attributes:
        id: its entity, in the attribute partition.
        ident: its name now; `aliases` are the names it had, which still resolve.
        value_type: EDN is an untyped attribute.
        many: cardinality many.
        unique: identity upserts, value only refuses duplicates.
        indexed: asked for by `:db/index`; unique and ref attributes are in AVET anyway.
        component: what it refers to is retracted with the entity that refers to it.
        tuple_attrs: idents whose values a composite tuple is made of.
        tuple_types, tuple_type: types of a tuple's slots, or the one type of all of them.
        vector: shape and metric of a VECTOR attribute.
        default: given to a new entity of a kind that has the attribute; for an instant, the
            keyword `:db/now` means the transaction's own.
        enum: the only values allowed, in the order they were declared.
        min, max: inclusive bounds; `min_length`, `max_length` those of strings, bytes and lists.
        preds: names of registered predicates that every asserted value must satisfy.
        on_delete: what becomes of an entity whose target is retracted.
        fulltext: the words of its strings are indexed, in `language` (`languages.py`).
        embed: where the embeddings of its strings go (`:db/embed`), or None.
        model: what made a vector attribute's vectors, once a connection's embedder has.
        declared: False where the type was inferred from a first value.
        check: value to canonical value; raises SchemaError. One call, compiled from the above.
    """

    id: int
    ident: Keyword
    value_type: ValueType = ValueType.EDN
    many: bool = False
    unique: Unique | None = None
    indexed: bool = False
    component: bool = False
    no_history: bool = False
    doc: str | None = None
    tuple_attrs: tuple[Keyword, ...] = ()
    tuple_types: tuple[ValueType, ...] = ()
    tuple_type: ValueType | None = None
    vector: VectorSpec | None = None
    default: Any = None
    enum: tuple[Any, ...] = ()
    min: Any = None
    max: Any = None
    min_length: int | None = None
    max_length: int | None = None
    preds: tuple[Keyword, ...] = ()
    on_delete: OnDelete | None = None
    fulltext: bool = False
    language: str = DEFAULT_LANGUAGE
    embed: Any = None
    model: str | None = None
    declared: bool = True
    aliases: tuple[Keyword, ...] = ()
    check: Callable[[Any], Any] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "check", compile_check(self))

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def is_heap(self) -> bool:
        """Whether the words of its values are codes of the value heap."""
        return self.value_type in HEAP_TYPES
