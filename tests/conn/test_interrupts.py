"""Ctrl-C at any line of a commit: it is done or it is not, memory equals the log, and others go on."""

from __future__ import annotations

import itertools
import linecache
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import datamem
from datamem.conn import Connection, check
from datamem.conn.recover import recover
from datamem.index.pack import Packs
from tests.conn.worlds import SCHEMA, facts, few, history, image, kill, open_db, tiny_sizes

FILES = {
    str(Path(datamem.__file__).parent / name)
    for name in (
        "conn/turns.py",
        "conn/writer.py",
        "conn/publish.py",
        "db/advance.py",
        "index/novelty.py",
        "index/heap.py",
        "index/freeze.py",
        "index/compaction.py",
    )
}
_numbers = itertools.count()


@pytest.fixture(autouse=True, scope="module")
def tiny() -> Any:
    with tiny_sizes():
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("interrupts")


def is_no_call(frame: FrameType) -> bool:
    """Tell whether the line is a `try`, or a `with`, which is traced again on leaving.

    The interpreter looks for interrupts at calls and jumps, so that none comes before these; the tracer's
    exception would, and leave a lock taken.
    """
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
    return line.strip().startswith(("with ", "try:"))


def interrupted(call: Callable[[], Any], at: int) -> bool:
    """Run a call, raising KeyboardInterrupt before the nth line of FILES; tell whether it came so far."""
    left = at

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in FILES:
            return None
        if event == "line" and not is_no_call(frame):
            left -= 1
            if left == 0:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def within_a_minute(call: Callable[[], Any]) -> None:
    """Run a call in a thread, so that a turn that got lost fails the test instead of hanging it."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()


def grown(conn: Connection) -> Connection:
    for n in range(5):
        conn.transact([{":p/name": f"n{n % 3}", ":p/age": n, ":p/tags": f"tag {n}"}])
    return conn


CHANGE = [
    {":p/name": "n1", ":p/age": 77, ":p/tags": ["new", "tag 0"]},
    {":p/name": "someone", ":w/new": 1},
    [":db/retract", [":p/name", "n2"], ":p/tags", "tag 2"],
]


def goes_on(conn: Connection, before: tuple[Any, Any], heard: list[int]) -> None:
    """See that the interrupted transaction is there or not, and that commits go on."""
    now = facts(conn.db), history(conn.db)
    basis_t = conn.db.basis_t
    assert (now == before) is (basis_t == before_t(before))
    assert conn._writer.state.db.heap_size == conn.db.heap.size or conn._writer._group
    for name in ("after", "and again"):
        within_a_minute(lambda name=name: conn.transact([{":p/name": name, ":p/tags": "new"}]))  # type: ignore[misc]
    assert conn.db.basis_t == basis_t + 2
    assert facts(conn.db.as_of(basis_t)) == now[0]
    assert heard == list(range(before_t(before) + 1, basis_t + 3))


def before_t(before: tuple[Any, Any]) -> int:
    return max(fact[3] for fact in before[0])


def test_an_interrupt_at_any_line_of_a_commit() -> None:
    for at in itertools.count(1, 7):
        conn = grown(open_db(schema=SCHEMA))
        heard: list[int] = []
        conn.listen(lambda report: heard.append(report.t))  # noqa: B023
        before = facts(conn.db), history(conn.db)
        came = interrupted(lambda: conn.transact(CHANGE), at)  # noqa: B023
        goes_on(conn, before, heard)
        replayed = recover(conn._store, Packs()).state
        assert facts(replayed.db) == facts(conn.db)
        assert replayed.digest == conn._writer.state.digest
        if not came:
            break
    assert at > 100


@few
@given(at=st.integers(1, 1200), what=st.sampled_from(["transact", "compact", "close"]))
def test_an_interrupt_while_a_root_is_published(root: Path, at: int, what: str) -> None:
    path = root / str(next(_numbers))
    conn = grown(open_db(path, SCHEMA))
    heard: list[int] = []
    conn.listen(lambda report: heard.append(report.t))
    before = facts(conn.db), history(conn.db)
    calls: dict[str, Callable[[], Any]] = {
        "transact": lambda: [
            conn.transact([{":p/name": f"m{i}", ":p/age": i}]) for i in range(9)
        ],
        "compact": conn.compact,
        "close": conn.close,
    }
    interrupted(calls[what], at)
    if what != "close":
        goes_on(conn, before, heard)
        before = facts(conn.db), history(conn.db)
        path = image(conn, root / str(next(_numbers)))
        kill(conn)
    with open_db(path) as again:
        assert again.root_error is None
        assert (facts(again.db), history(again.db)) == before
    assert check(path).problems == []
