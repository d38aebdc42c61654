"""The people of the DataScript benchmark: name, last name, sex, age and salary, five datoms each."""

from __future__ import annotations

from typing import Any

import numpy as np

from datamem.edn import Keyword, print_edn

NAMES = ("Ivan", "Petr", "Sergei", "Oleg", "Yuri", "Dmitry", "Fedor", "Denis")
LAST_NAMES = ("Ivanov", "Petrov", "Sidorov", "Kovalev", "Kuznetsov", "Voronoi")
SEXES = (Keyword(":male"), Keyword(":female"))
SEED = 1

SCHEMA = {
    ":name": {":db/valueType": Keyword(":db.type/string")},
    ":last-name": {":db/valueType": Keyword(":db.type/string")},
    ":sex": {":db/valueType": Keyword(":db.type/keyword")},
    ":age": {":db/valueType": Keyword(":db.type/long")},
    ":salary": {":db/valueType": Keyword(":db.type/long")},
}

Columns = dict[str, np.ndarray[Any, Any]]


def codes(count: int, seed: int = SEED) -> Columns:
    """Return int64[count] columns: positions in the lists of names and sexes, ages, salaries."""
    rng = np.random.default_rng(seed)
    return {
        ":name": rng.integers(0, len(NAMES), count),
        ":last-name": rng.integers(0, len(LAST_NAMES), count),
        ":sex": rng.integers(0, 2, count),
        ":age": rng.integers(0, 100, count),
        ":salary": rng.integers(0, 100_000, count),
    }


def columns(count: int, seed: int = SEED) -> Columns:
    """Return the same with the values themselves, as `conn.load` takes them."""
    found = codes(count, seed)
    for name, values in ((":name", NAMES), (":last-name", LAST_NAMES), (":sex", SEXES)):
        table = np.empty(len(values), object)
        table[:] = values
        found[name] = table[found[name]]
    return found


def maps(count: int, seed: int = SEED, *, ids: str = "numbers") -> list[dict[str, Any]]:
    """Return the people as transaction data.

    Args:
        count: how many.
        seed: of the random numbers.
        ids: "numbers" from 1, so that peers agree on them; "tempids", strings, as the benchmark
            itself has them; "none".
    """
    found = columns(count, seed)
    lists = [column.tolist() for column in found.values()]
    keys = list(found)
    if ids != "none":
        numbers = range(1, count + 1)
        lists.insert(0, list(numbers) if ids == "numbers" else [str(n) for n in numbers])
        keys.insert(0, ":db/id")
    return [dict(zip(keys, row, strict=True)) for row in zip(*lists, strict=True)]


def edn_text(people: list[dict[str, Any]]) -> str:
    """Return people as EDN, for peers."""
    keyed = [{Keyword(key): value for key, value in person.items()} for person in people]
    return print_edn(keyed)


def edn_schema(schema: dict[str, dict[str, Keyword]]) -> str:
    """Return a schema as EDN, for peers."""
    return print_edn({Keyword(name): _keyworded(facts) for name, facts in schema.items()})


def _keyworded(facts: dict[str, Keyword]) -> dict[Keyword, Keyword]:
    return {Keyword(name): value for name, value in facts.items()}
