"""What goes wrong in usearch, measured on 2.26: each is kept out, and stays out."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datamem
from datamem.errors import DatamemError
from datamem.schema.types import VectorSpec
from datamem.vector import build_index, search
from datamem.vector.graph import has_graph, new_graph, open_graph
from datamem.vector.metrics import as_rows, score_rows
from datamem.vector.store import store_of
from tests.vector.worlds import SCHEMA, VECTORS

SPECS = [
    VectorSpec(32, "cosine", "f32"),
    VectorSpec(32, "cosine", "f16"),
    VectorSpec(32, "cosine", "i8"),
    VectorSpec(32, "inner-product", "f32"),
    VectorSpec(32, "inner-product", "i8"),
    VectorSpec(32, "l2", "f32"),
    VectorSpec(32, "l2", "f16"),
    VectorSpec(32, "l2", "i8"),
    VectorSpec(32, "hamming", "b1"),
]
NAMES = [f"{spec.metric}-{spec.dtype}" for spec in SPECS]


def rows_for(spec: VectorSpec, count: int = 400) -> np.ndarray:
    rng = np.random.default_rng(5)
    if spec.dtype == "b1":
        return rng.integers(0, 2, (count, spec.dimensions)).astype(np.float32)
    lengths = rng.uniform(0.2, 5, (count, 1))  # so that a cast that drops lengths shows
    return (rng.standard_normal((count, spec.dimensions)) * lengths).astype(np.float32)


def graph_of(spec: VectorSpec, rows: np.ndarray):
    graph = new_graph(spec, 0, rows)
    graph.add(rows)
    return graph


@pytest.mark.parametrize("spec", SPECS, ids=NAMES)
def test_a_graph_finds_what_scoring_everything_finds(spec) -> None:
    """Model: the ten best of all scores; the graph gives as many times more as searches ask it for."""
    rows = as_rows(rows_for(spec), spec)
    graph = graph_of(spec, rows)
    found = 0
    for query in rows[:40]:
        scores = score_rows(rows, query, spec)
        least = np.sort(scores)[-10]
        near = graph.search(query, 40, ef=128)
        found += min(10, int(np.count_nonzero(scores[near] >= least)))
    assert found >= 0.98 * 400


@pytest.mark.parametrize("spec", SPECS, ids=NAMES)
def test_a_saved_graph_is_the_same_and_keeps_its_metric(spec, tmp_path) -> None:
    rows = as_rows(rows_for(spec), spec)
    graph = graph_of(spec, rows)
    graph.save(tmp_path / "g")
    opened = open_graph(spec, tmp_path / "g", 0, len(rows), graph.scale)
    assert opened is not None
    for query in rows[:10]:
        assert opened.search(query, 5).tolist() == graph.search(query, 5).tolist()
    other = VectorSpec(32, "l2" if spec.metric != "l2" else "cosine", spec.dtype)
    assert open_graph(other, tmp_path / "g", 0, len(rows), graph.scale) is None
    assert open_graph(VectorSpec(64, spec.metric), tmp_path / "g", 0, len(rows), 1.0) is None
    assert open_graph(spec, tmp_path / "g", 0, len(rows) - 1, graph.scale) is None


def test_the_dtype_is_never_left_to_the_processor() -> None:
    for spec in SPECS:
        kind = graph_of(spec, as_rows(rows_for(spec, 4), spec))._index.dtype
        assert kind.name.lower() == spec.dtype


def test_only_bits_are_compared_by_hamming_in_a_graph() -> None:
    assert not has_graph(VectorSpec(8, "hamming", "f32"))
    assert not has_graph(VectorSpec(8, "cosine", "b1"))


def test_more_asked_for_than_there_are_gives_no_padding() -> None:
    """A batch search of usearch fills up with key 0, which is a row."""
    spec = SPECS[0]
    rows = as_rows(rows_for(spec, 3), spec)
    assert sorted(graph_of(spec, rows).search(rows[1], 50).tolist()) == [0, 1, 2]


def test_a_mapped_graph_is_never_added_to(tmp_path) -> None:
    """Adding to a mapped index ends the process; what grows is a copy in memory."""
    spec = SPECS[0]
    rows = as_rows(rows_for(spec, 20), spec)
    graph_of(spec, rows[:10]).save(tmp_path / "g")
    mapped = open_graph(spec, tmp_path / "g", 0, 10, 1.0)
    with pytest.raises(AssertionError):
        mapped.add(rows[10:])
    grown = mapped.grown()
    grown.add(rows[10:])
    assert grown.search(rows[15], 1).tolist() == [15]
    assert len(mapped) == 10


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ([float("nan")] * 6, "schema/not-finite"),
        ([float("inf")] + [0.0] * 5, "schema/not-finite"),
        ([1e39] * 6, "schema/not-finite"),
        ([0.0] * 6, "schema/zero-vector"),
        ([1.0] * 5, "schema/wrong-dimension"),
        (np.ones(7, np.float32), "schema/wrong-dimension"),
        (np.full(6, np.nan, np.float32), "schema/not-finite"),
        (np.zeros(6, np.float32), "schema/zero-vector"),
        (np.ones((1, 6), np.float32), "schema/wrong-dimension"),
        ("a text", "schema/wrong-type"),
    ],
)
def test_what_would_rank_first_or_nowhere_is_refused_and_nothing_is_written(bad, code) -> None:
    """usearch takes NaN and infinity, and ranks them first."""
    with datamem.connect(":memory:", SCHEMA) as conn:
        conn.transact([{"doc/name": "a", "doc/vector": VECTORS[0]}])
        before = conn.db
        with pytest.raises(DatamemError) as refusal:
            conn.transact([{"doc/name": "b"}, {"doc/name": "c", "doc/vector": bad}])
        assert refusal.value.code == code or code in str(refusal.value.data)
        assert conn.db.basis_t == before.basis_t
        assert len(search(conn.db, ":doc/vector", VECTORS[0], 9).e) == 1
        with pytest.raises(DatamemError) as refusal:
            search(conn.db, ":doc/vector", bad, 3)
        assert refusal.value.code == code


@pytest.mark.parametrize("k", [0, -1, 1.5, True, None])
def test_a_count_that_is_none_is_refused(k) -> None:
    with datamem.connect(":memory:", SCHEMA) as conn:
        with pytest.raises(DatamemError) as refusal:
            search(conn.db, ":doc/vector", VECTORS[0], k)
        assert refusal.value.code == "vector/bad-k"
        with pytest.raises(DatamemError) as refusal:
            search(conn.db, ":doc/vector", VECTORS[0], 1, ef=0)
        assert refusal.value.code == "vector/bad-ef"


FLIP = """
import sys, datamem, numpy as np
from datamem.vector import search
with datamem.connect(sys.argv[1]) as conn:
    hits = search(conn.db, ":doc/vector", np.load(sys.argv[2]), 4, exact=False)
    print(*[round(s, 4) for s in hits.score.tolist()])
"""


def saved(path) -> list[float]:
    with datamem.connect(path, SCHEMA) as conn:
        conn.transact([{"doc/name": str(i), "doc/vector": v} for i, v in enumerate(VECTORS)])
        build_index(conn.db, ":doc/vector")
        return search(conn.db, ":doc/vector", VECTORS[3], 4, exact=False).score.tolist()


@settings(max_examples=25)
@given(data=st.data())
def test_a_flipped_bit_anywhere_in_the_files_changes_no_answer(data, tmp_path_factory) -> None:
    """Model: the files are a cache; usearch would end the process on some of these bits."""
    path = tmp_path_factory.mktemp("flips") / "db"
    wanted = saved(path)
    files = sorted((path / "search").glob("*/*"))
    assert {file.suffix for file in files} == {".f32", ".graph", ".i64", ".json"}
    file = files[data.draw(st.integers(0, 3))]
    content = bytearray(file.read_bytes())
    bit = int(data.draw(st.floats(0, 1, exclude_max=True)) * 8 * len(content))
    content[bit // 8] ^= 1 << bit % 8
    file.write_bytes(content)
    with datamem.connect(path) as conn:
        for exact in (False, True):
            hits = search(conn.db, ":doc/vector", VECTORS[3], 4, exact=exact)
            assert hits.score.tolist() == pytest.approx(wanted, abs=1e-6)


def test_a_flipped_graph_does_not_end_the_process(tmp_path) -> None:
    wanted = saved(tmp_path / "db")
    (graph,) = (tmp_path / "db" / "search").glob("*/*.graph")
    content = bytearray(graph.read_bytes())
    content[len(content) // 2 :] = bytes(255 - b for b in content[len(content) // 2 :])
    graph.write_bytes(content)
    np.save(tmp_path / "q.npy", VECTORS[3])
    arguments = [sys.executable, "-c", FLIP, str(tmp_path / "db"), str(tmp_path / "q.npy")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [float(s) for s in done.stdout.split()] == pytest.approx(wanted, abs=1e-3)


def test_files_of_a_log_that_lost_its_end_are_not_used(tmp_path) -> None:
    """Model: after the loss other vectors get the same codes."""
    path = tmp_path / "db"
    with datamem.connect(path, SCHEMA) as conn:
        conn.transact([{"doc/name": "a", "doc/vector": VECTORS[0]}])
        conn.copy(tmp_path / "earlier")
        conn.transact([{"doc/name": "b", "doc/vector": VECTORS[1]}])
        build_index(conn.db, ":doc/vector")
    (path / "search").rename(tmp_path / "earlier" / "search")
    with datamem.connect(tmp_path / "earlier") as conn:
        conn.transact([{"doc/name": "b", "doc/vector": VECTORS[2]}])
        hits = search(conn.db, ":doc/vector", VECTORS[2], 1, exact=False)
        assert hits.score.tolist() == pytest.approx([1.0])


def test_deletes_do_not_rot_what_is_found() -> None:
    """Model: exact search, after rounds in which a third of the vectors is replaced."""
    rng = np.random.default_rng(2)
    with datamem.connect(":memory:", SCHEMA) as conn:
        for _ in range(5):
            for name in range(60):
                if name % 3 == rng.integers(0, 3):
                    vector = rng.standard_normal(6).astype(np.float32)
                    conn.transact([{"doc/name": str(name), "doc/vector": vector}])
            build_index(conn.db, ":doc/vector")
        for query in rng.standard_normal((20, 6)).astype(np.float32):
            exact = search(conn.db, ":doc/vector", query, 10, exact=True)
            near = search(conn.db, ":doc/vector", query, 10, exact=False)
            assert near.e.tolist() == exact.e.tolist()
        store = store_of(conn.db, conn.db.schema.get(":doc/vector"))
        assert store.row_count > 60
        assert len(store.graphs) < 5


@pytest.mark.parametrize("spec", SPECS, ids=NAMES)
def test_searching_without_usearchs_wrappers_finds_what_they_find(spec) -> None:
    """The compiled index is called directly, which no document of usearch promises."""
    rows = as_rows(rows_for(spec), spec)
    graph = graph_of(spec, rows)
    for query in rows[:20]:
        wanted = graph._index.search(graph._encoded(query), 7, threads=1)
        near, scores = graph.near(query, 7)
        assert near.tolist() == wanted.keys.tolist()
        if scores is not None:
            assert scores.tolist() == graph._scores(wanted.distances).tolist()
