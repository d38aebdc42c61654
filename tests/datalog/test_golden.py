"""Golden plans: query, plan and answer of a fixed database, so that a worse plan shows in review.

`GOLDEN=write pytest tests/datalog/test_golden.py` writes `golden.edn` anew; read the difference before
committing it. A step of a plan is [clause, how it was done, rows after it].
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import datamem
from datamem.datalog import Result
from datamem.db.database import Db
from datamem.edn import Keyword, print_edn, read

FILE = Path(__file__).resolve().with_name("golden.edn")
CASES: list[dict[str, Any]] = read(FILE.read_text(encoding="utf-8"))
IS_WRITING = os.environ.get("GOLDEN") == "write"
KEYS = (":name", ":view", ":query", ":inputs", ":plan", ":result")

SCHEMA = """{:user/email {:db/valueType :db.type/string :db/unique :db.unique/identity}
             :user/name {:db/valueType :db.type/string :db/index true}
             :user/age {:db/valueType :db.type/long}
             :user/team {:db/valueType :db.type/ref}
             :user/knows {:db/valueType :db.type/ref :db/cardinality :db.cardinality/many}
             :user/tag {:db/valueType :db.type/keyword :db/cardinality :db.cardinality/many}
             :team/name {:db/valueType :db.type/string :db/unique :db.unique/identity}}"""


@pytest.fixture(scope="module")
def db() -> Db:
    """A hundred users in five teams, who know three others each; t = 2. At t = 3 ten leave, and ten have a birthday."""
    with datamem.connect(":memory:", schema=SCHEMA) as conn:
        conn.transact([{"team/name": f"team {i}"} for i in range(5)])
        conn.transact([
            {
                "user/email": f"user{i}@example.org",
                "user/name": f"name {i % 40}",
                "user/age": 20 + i % 50,
                "user/team": ["team/name", f"team {i % 5}"],
                "user/knows": [["user/email", f"user{(i * k + k) % 100}@example.org"] for k in (2, 3, 7)],
                "user/tag": [":even" if i % 2 == 0 else ":odd", *([":prime"] if i in (2, 3, 5, 7) else [])],
            }
            for i in range(100)
        ])  # fmt: skip
        conn.transact([
            *([":db/retract", ["user/email", f"user{i}@example.org"], "user/team"] for i in range(10)),
            *([":db/add", ["user/email", f"user{i}@example.org"], "user/age", 99] for i in range(10, 20)),
        ])  # fmt: skip
        return conn.db


def seen(db: Db, view: Any) -> Db:
    """Return the database as a case sees it: `:now`, `:history`, or how many transactions before now."""
    if view == ":now":
        return db
    return db.history() if view == ":history" else db.as_of(db.t - view)


def answered(db: Db, case: dict[str, Any]) -> dict[str, Any]:
    """Return the case with its plan and its result as they are now."""
    source, inputs = seen(db, case[":view"]), case[":inputs"]
    plan = datamem.explain(case[":query"], source, *inputs, analyze=True)
    found = source.q(case[":query"], *inputs)
    if isinstance(found, Result | list):
        is_ordered = isinstance(found, Result) and found.is_ordered
        found = list(found) if is_ordered else sorted(found, key=print_edn)
    steps = [[step["clause"], step["how"], step["rows_out"]] for step in plan.steps]
    return case | {Keyword(":plan"): steps, Keyword(":result"): read(print_edn(found))}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[":name"])
def test_plans_and_answers_are_as_written(db: Db, case: dict[str, Any]) -> None:
    now = answered(db, case)
    if not IS_WRITING:
        assert now[":plan"] == case[":plan"], (
            "GOLDEN=write writes the new plan, for you to judge"
        )
        assert now[":result"] == case[":result"]


if IS_WRITING:

    def test_write(db: Db) -> None:
        cases = []
        for case in CASES:
            now = answered(db, case)
            texts = (print_edn(now[Keyword(key)], width=100, pretty=True) for key in KEYS)
            lines = (f"{key} {text}" for key, text in zip(KEYS, texts, strict=True))
            cases.append("{" + "\n".join(lines).replace("\n", "\n  ") + "}")
        FILE.write_text("[" + "\n\n ".join(cases) + "]\n", encoding="utf-8")
