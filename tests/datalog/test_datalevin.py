"""Our engine and Datalevin agree on plain random programs; skipped where Datalevin is not installed."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from datamem.datalog import q

from .programs import RULES, facts_edn, programs, request, world

ORACLE = Path(__file__).resolve().parent / "datalevin_oracle.py"
SEEDS, QUERIES = 12, 40
LIMIT_S = 240
"""A cold JVM compiles for long."""


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("datalevin") is None,
    reason="Datalevin is not compared: it is not installed (pip install datalevin)",
)
def test_datalevin_agrees() -> None:
    """Where Datalevin refuses a query, nothing is compared; it reads some bindings otherwise."""
    cases = [programs(seed, QUERIES, plain=True) for seed in range(SEEDS)]
    lines = [request(*case, typed=True) for case in cases]
    done = subprocess.run(
        [sys.executable, str(ORACLE)], input="\n".join(lines), capture_output=True, text=True,
        check=True, timeout=LIMIT_S,
    )  # fmt: skip
    compared = 0
    for (known, queries), line in zip(cases, done.stdout.splitlines(), strict=True):
        db = world(known).db
        for query, theirs in zip(queries, json.loads(line), strict=True):
            if isinstance(theirs, dict):
                continue
            compared += 1
            ours = Counter(map(tuple, q(query.text(), db, RULES, *query.values)))
            assert ours == Counter(map(tuple, theirs)), (
                f"{query.text()} {query.values} of {facts_edn(known)}"
            )
    assert compared > SEEDS * QUERIES * 0.9
