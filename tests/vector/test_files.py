"""What is kept beside the log: damaged, shortened, reopened, and left alone when nothing is new."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datamem
from datamem.schema.types import VectorSpec
from datamem.vector import build_index, search
from datamem.vector.files import Damaged, RowFile, row_sums
from datamem.vector.matrix import PIECE_ROWS, RowMatrix
from datamem.vector.store import VectorStore, store_of

WIDTH = 8
ROWS = np.random.default_rng(8).standard_normal((60, WIDTH)).astype(np.float32)
QUERY = np.ones(WIDTH, np.float32)


def schema(dtype: str = "f32") -> str:
    return f"""{{:m/id {{:db/valueType :db.type/long :db/unique :db.unique/identity}}
      :m/e {{:db/valueType :db.type/vector :db/dimension {WIDTH} :db/dtype :db.dtype/{dtype}}}}}"""


def saved(path: Path, dtype: str = "f32", count: int = len(ROWS)) -> list[float]:
    """Keep vectors and their graph in a directory; return the best scores."""
    with datamem.connect(path, schema(dtype)) as conn:
        conn.transact([{"m/id": i, "m/e": ROWS[i]} for i in range(count)])
        build_index(conn.db, ":m/e")
        return scores(conn.db)


def scores(db: datamem.Db, *, exact: bool | None = False) -> list[float]:
    return search(db, ":m/e", QUERY, 5, exact=exact, ef=200).score.tolist()


def store(conn: datamem.Connection) -> VectorStore:
    return store_of(conn.db, conn.db.schema.get(":m/e"))


def row_file(path: Path, rows: np.ndarray) -> RowFile:
    rows.tofile(path)
    return RowFile(path, rows.shape[1], row_sums(rows, np.arange(len(rows))))


@pytest.mark.parametrize("dtype", ["f16", "i8"])
@settings(max_examples=15)
@given(data=st.data())
def test_a_flipped_bit_changes_no_answer_where_graphs_are_coarse(
    dtype, data, tmp_path_factory
) -> None:
    """Model: hits are scored again from rows of the file, which are read and not mapped then."""
    path = tmp_path_factory.mktemp("flips") / "db"
    wanted = saved(path, dtype)
    file = sorted((path / "search").glob("*/*"))[data.draw(st.integers(0, 3))]
    content = bytearray(file.read_bytes())
    bit = int(data.draw(st.floats(0, 1, exclude_max=True)) * 8 * len(content))
    content[bit // 8] ^= 1 << bit % 8
    file.write_bytes(content)
    with datamem.connect(path) as conn:
        assert scores(conn.db) == pytest.approx(wanted, abs=1e-6)
        assert scores(conn.db, exact=True) == pytest.approx(wanted, abs=1e-6)


@given(numbers=st.lists(st.integers(0, len(ROWS) - 1), max_size=9))
def test_rows_that_are_read_are_those_that_are_mapped(numbers, tmp_path_factory) -> None:
    rows = row_file(tmp_path_factory.mktemp("rows") / "rows.f32", ROWS)
    some = np.array(numbers, np.int64)
    assert rows.read(some).tolist() == rows.rows[some].tolist() == ROWS[some].tolist()


def test_two_rows_in_each_others_place_are_damage(tmp_path) -> None:
    sums = row_sums(ROWS, np.arange(len(ROWS)))
    ROWS[::-1].tofile(tmp_path / "rows.f32")
    rows = RowFile(tmp_path / "rows.f32", WIDTH, sums)
    with pytest.raises(Damaged):
        rows.read(np.array([3]))
    with pytest.raises(Damaged):
        rows.need(np.array([3]))


def test_a_file_that_is_cut_while_open_is_damage(tmp_path) -> None:
    rows = row_file(tmp_path / "rows.f32", ROWS)
    with (tmp_path / "rows.f32").open("r+b") as file:
        file.truncate(10 * WIDTH * 4)
    assert rows.read(np.array([9])).tolist() == [ROWS[9].tolist()]
    with pytest.raises(Damaged):
        rows.read(np.array([9, 10]))


def test_rows_are_appended_behind_those_of_a_file(tmp_path) -> None:
    """Model: an array; the last piece of the file is short, and is copied when it grows."""
    count = PIECE_ROWS + 5
    all_rows = np.arange((count + PIECE_ROWS) * 2, dtype=np.float32).reshape(-1, 2)
    matrix = RowMatrix(VectorSpec(2, "l2"))
    matrix.adopt(row_file(tmp_path / "rows.f32", all_rows[:count]))
    matrix.append(all_rows[count : count + 3])
    matrix.append(all_rows[count + 3 :])
    for some in ([0, count - 1], [count - 1, count], [len(all_rows) - 1, 3]):
        picked = np.array(some)
        assert matrix.gather(picked).tolist() == all_rows[picked].tolist()
        assert matrix.read(picked).tolist() == all_rows[picked].tolist()
    matrix.truncate(count - 2)
    matrix.append(-all_rows[:2])
    assert matrix.slice(count - 3, count).tolist() == [
        all_rows[count - 3].tolist(),
        *(-all_rows[:2]).tolist(),
    ]


def test_nothing_is_written_when_nothing_is_new(tmp_path) -> None:
    saved(tmp_path / "db")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "db" / "search").glob("*/*")}
    with datamem.connect(tmp_path / "db") as conn:
        scores(conn.db)
        assert store(conn).graphs
    after = {p: p.stat().st_mtime_ns for p in (tmp_path / "db" / "search").glob("*/*")}
    assert after == before


def test_what_ended_before_a_reopening_is_seen_in_the_past_only(tmp_path) -> None:
    """Model: exact search in memory, of the same transactions."""
    path = tmp_path / "db"
    saved(path)
    with datamem.connect(path) as conn:
        then = conn.db.basis_t
        best = search(conn.db, ":m/e", QUERY, 5, exact=False).e.tolist()
        conn.transact([[":db/retract", e, ":m/e"] for e in best])
        conn.transact([{"m/id": 1_000, "m/e": -QUERY}])
        scores(conn.db)
    with datamem.connect(path) as conn:
        for db in (conn.db, conn.db.as_of(then)):
            assert scores(db) == pytest.approx(scores(db, exact=True), abs=1e-6)
        assert search(conn.db.as_of(then), ":m/e", QUERY, 5, exact=False).e.tolist() == best
        assert not {*best} & {*search(conn.db, ":m/e", QUERY, 60, exact=False).e.tolist()}


def test_rows_that_a_failed_commit_took_away_are_written_anew(tmp_path) -> None:
    """Model: exact search; other vectors get the numbers of rows that were saved once."""
    path = tmp_path / "db"
    with datamem.connect(path, schema()) as conn:
        conn.transact([{"m/id": i, "m/e": ROWS[i]} for i in range(20)])
        size = conn.db.heap_size
        conn.transact([{"m/id": i, "m/e": ROWS[i]} for i in range(20, 40)])
        build_index(conn.db, ":m/e")
        store(conn).save()
        conn.db.heap.companions.truncate(size)
        assert store(conn).tail_rows > 0
        wanted = scores(conn.db, exact=True)
    with datamem.connect(path) as conn:
        assert scores(conn.db, exact=True) == wanted
        assert store(conn).row_count == 40


def test_graphs_of_several_threads_find_the_same() -> None:
    with datamem.connect(":memory:", schema("f16")) as conn:
        conn.transact([{"m/id": i, "m/e": row} for i, row in enumerate(ROWS)])
        assert build_index(conn.db, ":m/e", threads=2) == len(ROWS)
        assert scores(conn.db) == pytest.approx(scores(conn.db, exact=True), abs=1e-6)
