"""docs/query.md lists the functions and aggregates there are; `GOLDEN=write` writes its lists anew."""

from __future__ import annotations

import os
import pkgutil
import re
from importlib import import_module
from pathlib import Path

import pytest

from datamem.datalog import functions
from datamem.datalog.find.aggregates import AGGREGATES
from datamem.datalog.functions.function import Function
from datamem.datalog.functions.registry import library

PAGE = Path(__file__).resolve().parents[2] / "docs" / "query.md"
TITLES = {
    "comparison": "comparison, logic",
    "arithmetic": "arithmetic",
    "strings": "strings, keywords, hashes",
    "collections": "collections, documents, types",
    "instants": "instants",
    "vectors": "nearness of two vectors",
}
MEANINGS = {
    "count": "rows of the group",
    "count-distinct": "different values",
    "sum": "exact for integers of any size",
    "avg": "a double; `mean` is the same",
    "median": "a double; of an even count, the mean of the middle two",
    "variance": "of the population",
    "stddev": "of the population",
    "min": "the least; with a number before the variable, that many, ascending",
    "max": "the greatest, likewise",
    "min-n": "as `min` with a number",
    "max-n": "as `max` with a number",
    "distinct": "the set of values",
    "rand": "one value by chance; with a number, that many, with repeats",
    "sample": "that many different values by chance",
    "vec": "the list of values; `collect` is the same",
}
SAME = {"mean", "collect"}


def arity(function: Function) -> str:
    if function.most is None:
        return f"{function.least}+"
    if function.most == function.least:
        return str(function.least)
    return f"{function.least}-{function.most}"


def function_lines() -> list[str]:
    lines = ["| group | functions |", "|---|---|"]
    for module in sorted(pkgutil.iter_modules(functions.__path__), key=order):
        found = getattr(import_module(f"{functions.__name__}.{module.name}"), "FUNCTIONS", ())
        if found:
            names = " · ".join(f"`{function.name}` {arity(function)}" for function in found)
            lines.append(f"| {TITLES.get(module.name, module.name)} | {names} |")
    return lines


def order(module: pkgutil.ModuleInfo) -> int:
    return [*TITLES, module.name].index(module.name)


def aggregate_lines() -> list[str]:
    rows = [f"| `{name}` | {MEANINGS[name]} |" for name in AGGREGATES if name not in SAME]
    return ["| aggregate | gives |", "|---|---|", *rows]


@pytest.mark.parametrize(
    ("name", "lines"), [("functions", function_lines()), ("aggregates", aggregate_lines())]
)
def test_the_page_lists_what_there_is(name: str, lines: list[str]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    section = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    expected = section.sub(lambda m: f"{m[1]}\n{chr(10).join(lines)}\n\n{m[2]}", text)
    if os.environ.get("GOLDEN") == "write":
        PAGE.write_text(expected, encoding="utf-8")
    assert expected.splitlines() == text.splitlines(), "GOLDEN=write writes the lists anew"


def test_every_function_is_in_a_group() -> None:
    listed = "\n".join(function_lines())
    assert [name for name in library() if f"`{name}`" not in listed] == []
