"""Building graphs beside commits and searches: in the background, stopped, failing."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest

import datamem
from datamem.vector import build, build_index, search
from datamem.vector.store import VectorStore, store_of

WIDTH = 8
SCHEMA = f"""{{:m/id {{:db/valueType :db.type/long :db/unique :db.unique/identity}}
  :m/e {{:db/valueType :db.type/vector :db/dimension {WIDTH} :db/metric-type :db.metric/cosine}}}}"""
ROWS = np.random.default_rng(4).standard_normal((3_000, WIDTH)).astype(np.float32)


@pytest.fixture
def small(monkeypatch):
    """Let a few hundred vectors be many."""
    monkeypatch.setattr(build, "FIRST_ROWS", 200)
    monkeypatch.setattr(build, "MORE_ROWS", 100)
    monkeypatch.setattr(sys.modules["datamem.vector.search"], "EXACT_ROWS", 100)


def fill(conn: datamem.Connection, start: int, stop: int) -> None:
    conn.transact([{"m/id": i, "m/e": ROWS[i]} for i in range(start, stop)])


def store(conn: datamem.Connection) -> VectorStore:
    return store_of(conn.db, conn.db.schema.get(":m/e"))


def wait() -> None:
    for thread in threading.enumerate():
        if thread.name == "vectors":
            thread.join()


def scores(db: datamem.Db, **options) -> list[float]:
    return search(db, ":m/e", ROWS[7] + 0.05, 5, **options).score.tolist()


def test_a_search_that_misses_a_graph_has_one_built_beside_it(small) -> None:
    with datamem.connect(":memory:", SCHEMA) as conn:
        fill(conn, 0, 150)
        scores(conn.db)
        wait()
        assert not store(conn).graphs
        for start in range(150, 1_500, 150):
            fill(conn, start, start + 150)
            exact = scores(conn.db, exact=True)
            assert scores(conn.db) == pytest.approx(exact, abs=1e-5)
        wait()
        scores(conn.db)
        wait()
        assert store(conn).tail_rows < 200
        assert scores(conn.db) == pytest.approx(scores(conn.db, exact=True), abs=1e-5)


def test_commits_go_on_while_a_graph_is_built(small) -> None:
    """Model: what the graph has not got yet is scored all the same."""
    with datamem.connect(":memory:", SCHEMA) as conn:
        fill(conn, 0, 1_000)
        done = []

        def commit(_done: int, _all: int) -> None:
            at = 1_000 + 10 * len(done)
            fill(conn, at, at + 10)
            assert scores(conn.db) == pytest.approx(scores(conn.db, exact=True), abs=1e-5)
            done.append(at)

        added = build_index(conn.db, ":m/e", progress=commit)
        assert added == 1_000
        assert done
        assert store(conn).tail_rows == 10 * len(done)
        assert scores(conn.db) == pytest.approx(scores(conn.db, exact=True), abs=1e-5)


def test_what_was_built_when_a_connection_closes_is_kept(small, tmp_path, monkeypatch) -> None:
    with datamem.connect(tmp_path / "db", SCHEMA) as conn:
        fill(conn, 0, 3_000)
        wanted = scores(conn.db)
    with datamem.connect(tmp_path / "db") as conn:
        monkeypatch.setattr(build, "FIRST_ROWS", 1 << 30)
        monkeypatch.setattr(build, "MORE_ROWS", 1 << 30)
        assert scores(conn.db) == pytest.approx(wanted, abs=1e-5)
        assert store(conn).graphs
        assert store(conn).row_count == 3_000


def test_a_build_that_fails_leaves_searches_exact(small, monkeypatch, caplog) -> None:
    def fail(*_args: object) -> None:
        message = "no memory"
        raise MemoryError(message)

    monkeypatch.setattr("datamem.vector.graph.Graph.add", fail)
    with datamem.connect(":memory:", SCHEMA) as conn:
        fill(conn, 0, 500)
        first = scores(conn.db)
        wait()
        assert "no graph of vectors was built" in caplog.text
        assert not store(conn).graphs
        assert scores(conn.db, exact=True) == first
        wait()


def test_a_failed_commit_while_building_drops_the_graph(small) -> None:
    with datamem.connect(":memory:", SCHEMA) as conn:
        fill(conn, 0, 500)
        size = conn.db.heap_size
        fill(conn, 500, 700)
        truncated = []

        def truncate(_done: int, _all: int) -> None:
            if not truncated:
                truncated.append(True)
                conn.db.heap.companions.truncate(size)

        assert build_index(conn.db, ":m/e", progress=truncate) == 0
        assert not store(conn).graphs
        assert scores(conn.db) == pytest.approx(scores(conn.db, exact=True), abs=1e-5)


def test_several_graphs_give_what_one_gives(small) -> None:
    """Model: a row that one graph holds back may be better than what another gives."""
    with datamem.connect(":memory:", SCHEMA) as conn:
        for start, stop in ((0, 2_000), (2_000, 2_400), (2_400, 2_480), (2_480, 2_500)):
            fill(conn, start, stop)
            build_index(conn.db, ":m/e")
        fill(conn, 2_500, 2_520)
        assert len(store(conn).graphs) > 2
        odd = np.array([conn.db.resolve([":m/id", i]) for i in range(1, 2_520, 9)], np.int64)
        for i in range(40):
            for among in (None, np.sort(odd)):
                found = [
                    search(conn.db, ":m/e", ROWS[i] + 0.1, 5, among=among, exact=exact, ef=200)
                    for exact in (False, True)
                ]
                assert found[0].e.tolist() == found[1].e.tolist()


PROGRAM = """
import threading
import numpy as np
import datamem
from datamem.vector import build, search
from datamem.vector.graph import Graph

build.FIRST_ROWS, is_adding, add = 4_000, threading.Event(), Graph.add

def told(*args):
    add(*args)
    is_adding.set()

Graph.add = told
schema = "{:m/e {:db/valueType :db.type/vector :db/dimension 384}}"
conn = datamem.connect(":memory:", schema=schema)
rows = np.random.default_rng(1).normal(size=(4_000, 384)).astype(np.float32)
conn.load({"m/e": list(rows)})
search(conn.db, "m/e", rows[0])
assert is_adding.wait(60)
"""


def test_a_program_may_end_while_a_graph_is_built() -> None:
    """A thread that Python drops inside of usearch would end the process with a signal."""
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, check=False, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
