"""Forms whose entities have ids and whose values have words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from datamem.schema import Attribute
    from datamem.transact.forms.forms import Cas

Fact: TypeAlias = "tuple[int, Attribute, int]"
"""Entity id, attribute and word of a value."""


@dataclass(slots=True)
class ResolvedForms:
    """A transaction's forms with ids and words; still a set.

    Attributes:
        adds: facts to assert; those that hold already included.
        retracts: facts to retract; a word of None stands for all values.
        retract_entities: entities to retract with their components.
        cas: entity, expected word (None: no value), the form, and whether the expected value is one
            that neither heap nor transaction has.
        ensures: entity and name of the spec it must satisfy.
        next_entity, next_attribute: the counters afterwards.
        tempids: tempid as written to entity id.
        faulty: (entity, attribute id) of values that were refused.
    """

    adds: list[Fact] = field(default_factory=list)
    retracts: list[tuple[int, Attribute, int | None]] = field(default_factory=list)
    retract_entities: list[int] = field(default_factory=list)
    cas: list[tuple[int, int | None, Cas, bool]] = field(default_factory=list)
    ensures: list[tuple[int, str]] = field(default_factory=list)
    next_entity: int = 0
    next_attribute: int = 0
    tempids: dict[int | str, int] = field(default_factory=dict)
    faulty: set[tuple[int, int]] = field(default_factory=set)
