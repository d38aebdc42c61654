"""The engine and the reference evaluator agree on values of every type, in every view, by every way."""

from __future__ import annotations

import random  # noqa: TID251  # seeded
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import datamem
from datamem.datalog import q
from datamem.datalog.parse.parse import parse_query
from datamem.db.database import Db
from datamem.edn import EdnList, Symbol, read
from datamem.errors import DatamemError, QueryError
from datamem.index import solid

from .naive import Base, Naive, given_rows
from .naive_values import key_of
from .pasts import TYPES, base_of, past, tuples, views
from .wide_programs import Asked, Writer
from .wide_rules import PARSED_RULES, RULES

ENGINE: dict[str, Any] = {"max_rows": 1 << 40}
"""A budget of rows that nothing reaches sends a query to the engine."""

ROUNDED = ("(sum ", "(avg ", "(median ", "(variance ", "(stddev ")
REFUSED = ("lookup-ref/", "query/not-an-entity", "query/not-a-number", "query/bad-argument")
"""What the values of a program may make impossible; the reference finds nothing there, or fails."""

LIMITS: dict[str, int] = {
    "datalog.short.point._FEW": 0, "datalog.execute.patterns._PROBE_FACTOR": 1,
    "datalog.execute.patterns._WORTH_COUNTING": 1000, "datalog.execute.components._WORTH_TRIMMING": 0,
    "datalog.execute.execute._WIDE": 0, "datalog.execute.execute.STRETCH": 2,
    "datalog.execute.intersect.STRETCH": 2, "datalog.execute.intersect._FILTER_BITS": 3,
    "datalog.execute.anyattr._FEW_ENTITIES": 0, "datalog.rules.closure._FEW": 0,
    "datalog.rules.closure._MANY": 1, "datalog.rules.walk._WIDE": 1, "datalog.rules.walk._MOST": 2,
    "datalog.rules.chains.MANY_EDGES": 0, "datalog.rules.reach.FEW_EDGES": 1,
    "datalog.rules.reach._TABLE_SIZE": 8, "datalog.short.closure.FEW_EDGES": 1,
    "datalog.result.STRETCH_ROWS": 2, "datalog.columns.kernels.SMALL": 0, "datalog.columns.joining.SMALL": 0,
    "datalog.find.aggregates._EXACT": 0, "index.solid._FEW": 0, "index.solid._SHORT": 0,
    "index.segment.SEGMENT_ROWS": 7, "index.compaction.INLINE_ROWS": 8, "index.run._OFTEN": 1,
    "db.past.KEPT_POINTS": 1, "db.past._ROWS_A_QUESTION": 0,
}  # fmt: skip
"""Beyond which numbers of rows the engine takes another way: few enough for these databases."""

SEEDS, QUERIES = 20, 12


def exact(row: Any, *, rounded: bool) -> Any:
    """Return a row as what only a row of equal values and types equals."""
    if rounded:
        row = [float(f"{v:.12g}") if isinstance(v, float) else v for v in row]
    return key_of(tuple(row))


def check(rng: random.Random, sources: list[Any], bases: dict[str, Base], asked: Asked) -> bool:
    """Compare the answers by every way with the reference's; tell whether there were any."""
    parsed = parse_query(asked.text())
    try:
        expected = Naive(bases, PARSED_RULES).answers(parsed, given_rows(parsed, asked.values))
    except (TypeError, AttributeError, OverflowError):
        return False  # Python does not compare, count or add such values
    is_rounded = any(name in asked.find for name in ROUNDED)
    is_ordered = bool(parsed.order_by) and "(" not in asked.find
    rows = [exact(row, rounded=is_rounded) for row in expected]
    clauses = asked.clauses[:]
    for number in range(4):
        text: Any = asked.text(clauses)
        if number == 3 and not any(mark in text for mark in ('"', "#")):
            text = as_data(read(text))
        try:
            found = q(text, *sources, RULES, *asked.values, **(ENGINE if number == 1 else {}))
        except DatamemError as error:
            if not error.code.startswith(REFUSED):
                raise
            return False
        got = [exact(row, rounded=is_rounded) for row in found]
        same = got == rows if is_ordered else Counter(got) == Counter(rows)
        assert same, f"{text} {asked.values}: {list(found)} and not {expected}"
        rng.shuffle(clauses)
    return bool(rows)


def as_data(form: Any) -> Any:
    """Return a query as Python data."""
    match form:
        case Symbol():
            return form.text
        case EdnList():
            return tuple(map(as_data, form))
        case list():
            return [as_data(item) for item in form]
    return form


def shown(view: Db) -> Counter[Any]:
    """Return the user's datoms of a view."""
    idents = {attribute.id: str(attribute.ident) for attribute in view.schema}
    return Counter(
        (d.e, idents[d.a], key_of(d.v), d.tx, d.added)
        for d in view.datoms("eavt")
        if idents[d.a] in TYPES
    )


def run(rng: random.Random, path: Any = ":memory:") -> int:
    """Ask random queries of random views of a database; return how many found something."""
    made = past(rng, path)
    if path != ":memory:":
        made.conn.close()
        made.conn = datamem.connect(path, fsync="off")
    answered = 0
    with made.conn:
        cases = [(name, view, base_of(view, facts)) for name, view, facts in views(rng, made)]
        for name, view, base in cases:
            wanted = Counter(
                (*f[:2], key_of(f[2]), *f[3:]) for f in base.facts if f[1] in TYPES
            )
            assert shown(view) == wanted, name
        for number in range(QUERIES):
            name, view, base = rng.choice(cases)
            is_history = name.startswith("history")
            sources, bases = [view], {"$": base}
            if number % 4 == 1:
                _, other, bases["$b"] = rng.choice(cases[:5])
                sources.append(other)
            if number % 6 == 2:
                rows = tuples(rng)
                sources.append(rows)
                bases["$t"] = Base(rows, is_table=True)
            writer = Writer(
                rng,
                is_history=is_history,
                second="$b" * ("$b" in bases),
                has_table="$t" in bases,
            )
            answered += check(rng, sources, bases, writer.write())
    return answered


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_way_gives_what_the_clauses_say(
    seed: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Model: nested loops over the facts that a view shows, in any order of clauses, as text and as data."""
    rng = random.Random(seed)
    if seed % 2:
        monkeypatch.setattr(solid, "SMALL_ROWS", 0)
        for name, limit in rng.sample(sorted(LIMITS.items()), len(LIMITS) // 2):
            monkeypatch.setattr(f"datamem.{name}", limit)
    assert run(rng, ":memory:" if seed % 6 else tmp_path / "db")


PAGED = "[:find {0} :in $ % ?cursor :where {1} :limit 3 :after ?cursor]"


@pytest.mark.parametrize("seed", range(8))
def test_pages_and_shapes_hold_the_rows(seed: int) -> None:
    """Model: the relation that the same clauses give; a view is asked page by page, and for one column."""
    rng = random.Random(seed)
    made = past(rng)
    with made.conn:
        for _ in range(QUERIES):
            asked = Writer(rng).write()
            if asked.inputs or "(" in asked.find:
                continue
            where = " ".join(asked.clauses)
            try:
                rows = q(f"[:find {asked.find} :in $ % :where {where}]", made.conn.db, RULES)
            except QueryError as error:
                if not error.code.startswith(REFUSED):
                    raise
                continue
            paged, cursor = [], None
            while cursor is not None or not paged:
                page = q(PAGED.format(asked.find, where), made.conn.db, RULES, cursor)
                paged += list(page)
                cursor = page.cursor
                if not page:
                    break
            assert Counter(map(key_of, paged)) == Counter(map(key_of, rows)), where
            first = asked.find.split()[0]
            column = q(f"[:find [{first} ...] :in $ % :where {where}]", made.conn.db, RULES)
            assert Counter(map(key_of, column)) == Counter({key_of(row[0]) for row in rows})
