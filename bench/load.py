"""Bulk load of columns: numbers only, repeated strings, a distinct string a row; numpy and Arrow."""

from __future__ import annotations

import importlib.util
from importlib import import_module
from typing import Any

import numpy as np

import datamem
from bench.frame import people
from bench.frame.options import Options
from bench.frame.report import Report, rate_text, seconds_text
from bench.frame.timing import Times, timed
from datamem.edn import Keyword

DATOMS = 1_000_000
ROUNDS = 3
TARGET_RATE = 500_000
MANY = 10_000_000

SCHEMA = {
    **people.SCHEMA,
    ":id": {
        ":db/valueType": Keyword(":db.type/long"),
        ":db/unique": Keyword(":db.unique/identity"),
    },
    ":text": {":db/valueType": Keyword(":db.type/string")},
    ":score": {":db/valueType": Keyword(":db.type/double")},
    ":at": {":db/valueType": Keyword(":db.type/instant")},
}


def numbers(count: int) -> dict[str, Any]:
    """Return five columns of numbers, a unique id among them."""
    rng = np.random.default_rng(people.SEED)
    start = np.datetime64("2023-01-01T00:00:00", "us")
    return {
        ":id": np.arange(count),
        ":age": rng.integers(0, 100, count),
        ":salary": rng.integers(0, 100_000, count),
        ":score": rng.random(count),
        ":at": start + rng.integers(0, 10**12, count),
    }


def texts(count: int) -> dict[str, Any]:
    """Return five columns, one of them a different string of some forty characters in each row."""
    found: dict[str, Any] = people.columns(count)
    found[":text"] = np.array(
        [f"what was said in turn {i:>12} of them" for i in range(count)], object
    )
    del found[":age"]
    return found


def measure(options: Options, columns: dict[str, Any], rounds: int) -> tuple[Times, int]:
    """Return the times of loading into new databases, and the datoms."""
    took, datom_count = [], 0
    for _ in range(rounds):
        with options.scratch() as path, datamem.connect(path / "db", SCHEMA) as conn:
            before = conn.db.basis_t
            took.append(timed(lambda: conn.load(columns)))
            datom_count = len(columns) * len(next(iter(columns.values())))
            assert conn.db.basis_t > before
    return Times.of(took), datom_count


def run(options: Options) -> Report:
    report = Report(
        f"conn.load of five columns into a durable database, best of {ROUNDS}",
        ("datoms", "time", "rate"),
    )
    count = (options.size or DATOMS) // 5
    kinds: dict[str, dict[str, Any]] = {
        "numbers (unique id, longs, double, instant)": numbers(count),
        "people (strings and keywords that repeat)": dict(people.columns(count)),
        "a distinct string in each row": texts(count),
    }
    if importlib.util.find_spec("pyarrow") is not None:
        kinds["the same, from Arrow"] = arrow(texts(count))
    for what, columns in kinds.items():
        add(report, what, *measure(options, columns, ROUNDS))
    if options.size is None:
        add(report, "people", *measure(options, dict(people.columns(MANY // 5)), 1))
    return report


def arrow(columns: dict[str, Any]) -> dict[str, Any]:
    """Return columns as Arrow arrays; keywords are strings there."""
    array = import_module("pyarrow").array
    return {
        name: array([str(value) for value in column] if column.dtype == object else column)
        for name, column in columns.items()
    }


def add(report: Report, what: str, times: Times, datom_count: int) -> None:
    """Add a row."""
    rate = datom_count / times.least
    report.add(
        what,
        f"{datom_count:,}",
        seconds_text(times.least),
        rate_text(rate, "datoms"),
        target=rate_text(TARGET_RATE, "datoms"),
        is_met=rate >= TARGET_RATE,
    )
