"""A context within a budget of tokens: as much of what was recalled as fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from datamem.errors import QueryError

if TYPE_CHECKING:
    from datamem.memory.recall.result import Item, Recall

CountTokens = Callable[[str], int]
"""How many tokens a text has, for the model that will read it."""

_CHARACTERS_PER_TOKEN: Final = 4
_SMALLEST_REST: Final = 4


def about_tokens(text: str) -> int:
    """Return about how many tokens a text has: one for every four characters, rounded up.

    Example:
        >>> about_tokens("Hello there")
        3
    """
    return -(-len(text) // _CHARACTERS_PER_TOKEN)


@dataclass(frozen=True, slots=True)
class Packed:
    """Items that fit a budget.

    Attributes:
        text: the lines for the prompt, the oldest first; `str()` gives it too.
        items: what is in it, in that order.
        left_out: what was recalled and did not fit, best first.
        tokens: of the text, at most the budget.
        recall: where the items come from.
    """

    text: str
    items: tuple[Item, ...]
    left_out: tuple[Item, ...]
    tokens: int
    recall: Recall

    def __str__(self) -> str:
        return self.text


def line_of(item: Item) -> str:
    """Return an item as one line: when, who, what."""
    name = f"{item.who}: " if item.kind == "message" and item.who else ""
    day = "" if item.at is None else f"[{item.at:%Y-%m-%d %H:%M}] "
    return f"{day}{name}{' '.join(item.text.split())}"


def pack(
    recall: Recall,
    budget_tokens: int,
    *,
    count_tokens: CountTokens = about_tokens,
    line: Callable[[Item], str] = line_of,
) -> Packed:
    """Return the best items that fit, each whole, in the order in which they happened.

    Items are taken by rank; one that does not fit is left out, and a shorter one after it may still
    fit. Each line is counted with the break that ends it, so that counters which round may only
    overstate.

    Raises:
        QueryError: `recall/bad-budget`.
    """
    if budget_tokens < 1:
        raise QueryError(
            f"a budget of {budget_tokens} tokens holds nothing",
            code="recall/bad-budget",
            hint="give at least 1",
            budget=budget_tokens,
        )
    chosen: list[tuple[Item, str]] = []
    left_out: list[Item] = []
    left = budget_tokens
    for item in recall:
        text = line(item)
        cost = count_tokens(f"{text}\n") if left >= _SMALLEST_REST else left + 1
        if cost > left:
            left_out.append(item)
            continue
        chosen.append((item, text))
        left -= cost
    chosen.sort(key=lambda pair: _when(pair[0]))
    text = "\n".join(text for _, text in chosen)
    items = tuple(item for item, _ in chosen)
    return Packed(text, items, tuple(left_out), _total(count_tokens, text), recall)


def _when(item: Item) -> tuple[float, int]:
    return (item.at.timestamp() if item.at is not None else 0.0, item.eid)


def _total(count_tokens: CountTokens, text: str) -> int:
    return count_tokens(text) if text else 0
