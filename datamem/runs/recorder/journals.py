"""What a run's context asks of its journal: where steps are kept, and perhaps answered from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from datamem.db.database import Db
from datamem.db.report import TxReport
from datamem.runs.recorder.steps import Step
from datamem.runs.runs import Run


@dataclass(frozen=True, slots=True)
class Answer:
    """What a journal says to a step that begins.

    Attributes:
        step: the step with its recorded result, or None to do it.
        arguments: what to call with instead of the agent's own arguments, None for those.
    """

    step: Step | None = None
    arguments: Mapping[str, Any] | None = None


class Journal(Protocol):
    """Where steps are kept, and perhaps answered from."""

    @property
    def run(self) -> Run:
        """The run that they are kept in."""

    @property
    def db(self) -> Db:
        """The memory that the agent reads."""

    @property
    def completed(self) -> int:
        """How many steps have ended."""

    def now_us(self) -> int:
        """Return the clock, µs since 1970."""

    def answer(self, step: Step) -> Answer:
        """Answer a step that begins."""

    def finish(self, step: Step) -> Step:
        """Keep a step that ended; return it with its number."""

    def transact(
        self,
        step: Step,
        tx_data: Any,
        meta: Mapping[Any, Any] | None,
        facts_of: Callable[[TxReport], Any],
    ) -> tuple[TxReport, Step]:
        """Commit facts together with the step that stores them, whose output is `facts_of` the report."""


@dataclass(slots=True)
class OpenStep:
    """A step in the block of `RunContext.step`.

    Attributes:
        output: what the step gives; set it, unless `is_answered`.
        arguments: what to do it with.
    """

    output: Any = None
    is_answered: bool = False
    arguments: Mapping[str, Any] | None = None
