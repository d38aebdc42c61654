"""Walking: a rule program with few rows a round, one row at a time.

The rounds of `seminaive.py` join columns, which pays for many rows and costs some tenths of a millisecond for
one. Most recursions that somebody asks about one thing have a handful of rows a round. Where all that
the bodies do is follow refs, compare and count whole numbers, each row is extended by index lookups and
calls on Python ints (`links.py`). A round that grows wide is left to the columns, and so is every error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from datamem.datalog.columns.relation import Relation, empty
from datamem.datalog.execute.context import Context, StepTrace
from datamem.datalog.resolve.describe import describe
from datamem.datalog.resolve.steps import TableKey, TableStep
from datamem.datalog.rules.links import Chain, Link, NotWalkedError, Row, Tables
from datamem.datalog.rules.magic import Body, Program

_WIDE: Final = 200
"""A round that begins with more rows than this is joined as columns."""

_MOST: Final = 5_000
"""A body that makes more rows than this on its way is, too."""

_MANY_ROUNDS: Final = 10_000
"""A program that is not done by then may make values for ever, which the columns find out."""


@dataclass(slots=True)
class Walked:
    """What a walk derived.

    Attributes:
        rows: by relation.
        is_done: nothing more follows; else a round grew wide, and all rows so far are here.
    """

    rows: dict[TableKey, set[Row]]
    is_done: bool


@dataclass(slots=True)
class _Way:
    """A body with one of its derived relations being the recent one.

    Attributes:
        read: the recent relation.
        head: slots of what is derived.
        notes: for `explain`, one for each link; empty where nobody asked.
    """

    read: TableKey
    target: TableKey
    chain: Chain
    head: tuple[int, ...]
    notes: list[StepTrace]

    def run(self, rows: Sequence[Row]) -> set[Row]:
        """Return what recent rows derive."""
        made = [(*row, *self.chain.constants) for row in rows]
        for i, link in enumerate(self.chain.links):
            extended = link.extend(made)
            if len(extended) > _MOST:
                raise NotWalkedError
            if self.notes:
                self.notes[i].rows_in += len(made)
                self.notes[i].rows_out += len(extended)
            made = extended
        return {tuple([row[slot] for slot in self.head]) for row in made}


def walk(
    program: Program, seed: Relation, context: Context, check: Callable[[int], None]
) -> Walked | None:
    """Derive the rows of a program; None where its bodies do what walking does not.

    Args:
        program: its magic relation begins with `seed`.
        seed: rows of whole numbers.
        context: the execution.
        check: is told after each round how many rows there are.
    """
    integer = context.domains.integer
    if program.magic is None or any(domain is not integer for domain in seed.domains):
        return None
    if seed.size > _WIDE:
        return None
    tables = Tables()
    ways: list[_Way] = []
    for body in program.bodies:
        for at in body.recursive or (-1,):
            way = _way(body, at, tables, context)
            if way is None:
                return None
            ways.append(way)
    start = set(zip(*(column.tolist() for column in seed.columns), strict=True))
    try:
        is_done = _rounds(ways, tables, {program.magic: start}, check)
    except NotWalkedError:
        return None
    if context.trace is not None:
        context.trace += [note for way in ways for note in way.notes]
    return Walked({key: tables.rows.get(key, set()) for key in program.widths}, is_done)


def _rounds(
    ways: Sequence[_Way],
    tables: Tables,
    recent: dict[TableKey, set[Row]],
    check: Callable[[int], None],
) -> bool:
    """Derive until nothing is new, or a round is wide; tell whether nothing is."""
    rounds = 0
    while recent:
        for key, part in recent.items():
            tables.add(key, part)
        check(sum(map(len, tables.rows.values())))
        rounds += 1
        if rounds > _MANY_ROUNDS or any(len(part) > _WIDE for part in recent.values()):
            return False
        derived: dict[TableKey, set[Row]] = {}
        for way in ways:
            if way.read in recent:
                made = way.run(list(recent[way.read]))
                derived.setdefault(way.target, set()).update(made)
        fresh = {key: part - tables.rows.get(key, set()) for key, part in derived.items()}
        recent = {key: part for key, part in fresh.items() if part}
    return True


def _way(body: Body, at: int, tables: Tables, context: Context) -> _Way | None:
    """Return how a body is walked; None where it reads no relation, or cannot be."""
    table = body.steps[at] if at >= 0 else None
    if not isinstance(table, TableStep):
        return None
    names = [name for name in table.names if name is not None]
    if len(set(names)) < len(table.names):
        return None
    chain = Chain({name: i for i, name in enumerate(names)})
    others = [step for i, step in enumerate(body.steps) if i != at]
    if not chain.link(others, tables, context) or not chain.slots.keys() >= set(body.head):
        return None
    head = tuple(chain.slots[name] for name in body.head)
    notes = [] if context.trace is None else [_note(link, context) for link in chain.links]
    return _Way(table.table, body.target, chain, head, notes)


def _note(link: Link, context: Context) -> StepTrace:
    return StepTrace(describe(link.step), "walk", 0, 0, 0, 0.0, context.depth)


def relation_of(rows: set[Row], width: int, context: Context) -> Relation:
    """Return rows as a relation of whole numbers."""
    names = [f"#{i}" for i in range(width)]
    integer = context.domains.integer
    if not rows:
        return empty(names, integer)
    table = np.array(list(rows), np.int64)
    return Relation(names, [table[:, i] for i in range(width)], [integer] * width, len(rows))
