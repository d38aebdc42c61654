"""What an extractor is given, and what it returns: passages, and what each of them says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple


class Passage(NamedTuple):
    """One text to read.

    Attributes:
        e: the message or memory.
        speaker: name of who said it; "" where nobody is known to.
        at: when it was said or made; None where that is unknown.
    """

    e: int
    text: str
    speaker: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Extraction:
    """What one passage says.

    Attributes:
        entities: name to type, as `{"Rex": ":animal"}`.
        relations: (source name, type, target name); names that are no entities become some.
        facts: (memory type, sentence that can stand alone), as `(":preference", "Ann likes tea")`.
    """

    entities: dict[str, str] = field(default_factory=dict)
    relations: Sequence[tuple[str, str, str]] = ()
    facts: Sequence[tuple[str, str]] = ()


Extractor = Callable[[Sequence[Passage]], Sequence[Extraction]]
"""One extraction a passage, in their order: a model's, or `datamem.memory.reflection.patterns.read_by_rules`."""
