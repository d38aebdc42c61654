"""Our engine and DataScript 1.8 agree on random programs, whatever the order of our clauses."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from datamem.datalog import q

from .programs import RULES, facts_edn, programs, request, shuffled, world

HOME = Path(__file__).resolve().parent / "js"
PACKAGES = Path(__file__).resolve().parents[2] / ".deps" / "npm"
SEEDS, QUERIES = 40, 30
LIMIT_S = 15
"""DataScript can hang; then its process ends and the test says so."""


@pytest.fixture(scope="module")
def node() -> list[str]:
    """Return the command that answers, DataScript fetched from npm at the first time."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("DataScript is not compared: there is no node or no npm here")
    if not (PACKAGES / "node_modules" / "datascript").is_dir():
        PACKAGES.mkdir(parents=True, exist_ok=True)
        shutil.copy(HOME / "package.json", PACKAGES)
        install = [npm, "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"]
        done = subprocess.run(
            install, cwd=PACKAGES, capture_output=True, check=False, timeout=120
        )
        if done.returncode:
            pytest.skip("DataScript is not compared: npm cannot fetch it")
    return [node, "--stack-size=4000", str(HOME / "oracle.js"), str(PACKAGES)]


def test_datascript_agrees(node: list[str]) -> None:
    cases = [programs(seed, QUERIES) for seed in range(SEEDS)]
    lines = [request(*case, typed=False) for case in cases]
    done = subprocess.run(
        node,
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=True,
        timeout=LIMIT_S,
    )
    answered = 0
    for seed, ((known, queries), line) in enumerate(
        zip(cases, done.stdout.splitlines(), strict=True)
    ):
        db = world(known, frozen=seed % 2 == 0).db
        for query, theirs in zip(queries, json.loads(line), strict=True):
            assert not isinstance(theirs, dict), f"{query.text()}: {theirs}"
            answered += bool(theirs)
            for order in range(3):
                text = query.text() if not order else shuffled(query, order)
                ours = q(text, db, RULES, *query.values)
                assert bag(ours) == bag(theirs), f"{text} {query.values} of {facts_edn(known)}"
    assert answered > SEEDS * QUERIES // 3, "most programs find nothing: they test little"


def bag(rows: Any) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(row) for row in rows)
