"""A view: which part of a database's history one database value shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from datamem.index.kernels import BoolArray, Int64Array

Shows: TypeAlias = "Callable[[Int64Array], BoolArray]"
"""From entity ids, int64[n], to whether each is shown, bool[n]."""


@dataclass(frozen=True, slots=True)
class View:
    """Which datoms are visible.

    Attributes:
        upto: transaction id; later transactions do not exist. None: all there are.
        since: transaction id; what it and earlier ones asserted is not shown.
        is_history: show every assertion and retraction instead of what holds.
        keep: called with (db, datom) for each datom; those it answers False for do not exist.
        shows: called with columns of entity ids; datoms of entities it answers False for do not exist.
    """

    upto: int | None = None
    since: int | None = None
    is_history: bool = False
    keep: Callable[[Any, Any], bool] | None = None
    shows: Shows | None = None

    @property
    def is_plain(self) -> bool:
        """Tell whether the index alone can answer: the present or an as-of view of it."""
        return (
            self.since is None
            and not self.is_history
            and self.keep is None
            and self.shows is None
        )


NOW = View()
