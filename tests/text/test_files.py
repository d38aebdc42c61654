"""What is kept of an index in files, and what becomes of it when they are wrong."""

from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import patch

import pytest

import datamem
from datamem.text import search
from datamem.text.engine import Engine
from tests.text.test_views import SmallParts

SCHEMA = "{:m/text {:db/valueType :db.type/string :db/fulltext true}}"
WORDS = ["apple pie", "banana split", "cherry tart", "apple and cherry"]


def filled(path: Path) -> datamem.Connection:
    conn = datamem.connect(path, schema=SCHEMA)
    conn.transact([{"m/text": text} for text in WORDS])
    return conn


def apples(conn: datamem.Connection) -> int:
    return len(search(conn.db, "m/text", "apples", 10).e)


def index_path(path: Path) -> Path:
    return next((path / "search" / "text").iterdir())


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A database whose index was kept."""
    path = tmp_path / "db"
    with SmallParts((0, 0)), filled(path) as conn:
        assert apples(conn) == 2
    return path


def texts_built(path: Path) -> int:
    """Open, search, and return how many texts were given to the engine for it."""
    count = 0
    add = Engine.add

    def counted(self: Engine, codes: list[int], texts: list[str]) -> None:
        nonlocal count
        count += len(codes)
        add(self, codes, texts)

    counting = patch.object(Engine, "add", counted)
    with SmallParts((0, 0)), counting, datamem.connect(path) as conn:
        assert apples(conn) == 2
        assert len(search(conn.db, "m/text", "cherries", 10).e) == 2
    return count


def test_a_kept_index_is_taken_over(stored: Path) -> None:
    assert texts_built(stored) == 0


def test_what_was_committed_without_a_search_is_added_to_a_kept_index(stored: Path) -> None:
    with datamem.connect(stored) as conn:
        conn.transact([{"m/text": "date cake"}])
    assert texts_built(stored) == 1


def test_a_tail_is_kept_when_the_database_closes(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with patch("datamem.text.companion.WORTH_STORING", 2), filled(path) as conn:
        assert apples(conn) == 2
    assert texts_built(path) == 0


def test_a_small_index_is_not_kept(tmp_path: Path) -> None:
    with filled(tmp_path / "db") as conn:
        assert apples(conn) == 2
    assert not (tmp_path / "db" / "search").exists()


def test_any_file_with_a_wrong_byte_is_noticed_and_the_index_built_anew(stored: Path) -> None:
    names = [f.name for f in index_path(stored).iterdir() if f.suffix != ".lock"]
    assert len(names) > 5
    for name in names:
        file = index_path(stored) / name
        if not file.exists() or not file.stat().st_size:
            continue
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 0x5A
        damaged = stored / "damaged"
        damaged.write_bytes(data)
        damaged.replace(file)  # the old one stays whole for whoever has it mapped
        assert texts_built(stored) in {0, len(WORDS)}  # a managed list is written anew
        assert texts_built(stored) == 0


def test_a_missing_file_is_noticed(stored: Path) -> None:
    next(index_path(stored).glob("*.term")).unlink()
    assert texts_built(stored) == len(WORDS)


@pytest.mark.parametrize("key", ["format", "engine", "analysis"])
def test_an_index_of_another_version_is_built_anew(stored: Path, key: str) -> None:
    manifest = index_path(stored) / "manifest.json"
    body = json.loads(manifest.read_text())
    body[key] = "another"
    manifest.write_text(json.dumps(body))
    assert texts_built(stored) == len(WORDS)


def test_an_index_of_a_log_that_lost_its_end_is_built_anew(tmp_path: Path) -> None:
    """The codes that were lost are given to other texts afterwards."""
    path, other = tmp_path / "db", tmp_path / "other"
    with filled(other) as conn:
        conn.transact([{"m/text": "elderberry"}])
    with SmallParts((0, 0)), filled(path) as conn:
        conn.transact([{"m/text": "apple wine"}])
        assert apples(conn) == 3
    index_path(path).rename(tmp_path / "kept")
    (other / "search" / "text").mkdir(parents=True)
    (tmp_path / "kept").rename(other / "search" / "text" / "1000-english")
    assert texts_built(other) == len(WORDS) + 1


def test_a_reader_beside_the_writer_builds_its_own_in_memory(stored: Path) -> None:
    with datamem.connect(stored) as writer, datamem.connect(stored, read_only=True) as reader:
        assert apples(reader) == 2
        writer.transact([{"m/text": "apple sauce"}])
        reader.refresh()
        assert (apples(reader), apples(writer)) == (3, 3)


def test_an_interrupted_addition_leaves_an_index_that_is_right(tmp_path: Path) -> None:
    add = Engine.add

    def interrupted(self: Engine, codes: list[int], texts: list[str]) -> None:
        add(self, codes, texts)
        raise KeyboardInterrupt

    with SmallParts((0, 0)), filled(tmp_path / "db") as conn:
        with patch.object(Engine, "add", interrupted), pytest.raises(KeyboardInterrupt):
            apples(conn)
        assert apples(conn) == 2
        conn.transact([{"m/text": "apple crumble"}])
        assert apples(conn) == 3


@pytest.mark.parametrize("sizes", [(4096, 1024), (0, 0)])
def test_a_commit_that_fails_after_a_search_of_it_leaves_nothing(
    sizes: tuple[int, int], tmp_path: Path
) -> None:
    """A transaction function searches what an earlier one of its group has asserted."""
    with SmallParts(sizes), filled(tmp_path / "db") as conn:
        assert apples(conn) == 2
        store = conn._store
        plan_of = conn.commit

        def plan(db: datamem.Db) -> object:
            from datamem.transact import resolve

            first = resolve(db, [{"m/text": "apple pear"}], now_us=conn.now_us())
            from datamem.db.advance import advance

            after = advance(db, first)
            assert len(search(after, "m/text", "pear").e) == 1
            return first

        refusing = patch.object(type(store), "append", side_effect=OSError("disk"))
        with refusing, pytest.raises(OSError, match="disk"):
            plan_of(plan)
        conn.transact([{"m/text": "apple plum"}])
        assert len(search(conn.db, "m/text", "pear").e) == 0
        assert len(search(conn.db, "m/text", "plum").e) == 1
        assert apples(conn) == 3


def test_the_index_of_another_language_is_removed(stored: Path) -> None:
    with SmallParts((0, 0)), datamem.connect(stored) as conn:
        conn.transact([{"db/ident": ":m/text", "db.fulltext/language": ":french"}])
        assert len(search(conn.db, "m/text", "cherry").e) == 2
    assert [p.name for p in (stored / "search" / "text").iterdir()] == ["1000-french"]


def test_after_closing_nothing_is_written_and_everything_found(stored: Path) -> None:
    with SmallParts((0, 0)):
        conn = datamem.connect(stored)
        db, branch = conn.db, conn.fork()
        assert len(search(branch.db, "m/text", "apple").e) == 2
        conn.close()
        files = {p.name: p.stat().st_mtime_ns for p in index_path(stored).iterdir()}
        branch.transact([{"m/text": "apple fork"}])
        assert len(search(branch.db, "m/text", "apple").e) == 3
        assert len(search(db, "m/text", "apple").e) == 2
        shared = branch.db.with_tx([{"m/text": "apple pie"}, {"m/text": "apple if"}])
        assert len(search(shared.db_after, "m/text", "apple").e) == 5
        branch.close()
        assert files == {p.name: p.stat().st_mtime_ns for p in index_path(stored).iterdir()}
