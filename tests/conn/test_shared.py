"""Databases that live apart and share a history: where their logs part, and what that spares a comparison."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

import datamem
from datamem.conn import shared_cut
from datamem.db.lineage import NOTHING
from tests.conn.worlds import few, open_db


@few
@given(
    before=st.integers(0, 6), here=st.integers(0, 3), there=st.integers(0, 3), data=st.data()
)
def test_a_branch_shares_what_came_before_it(
    before: int, here: int, there: int, data: st.DataObject
) -> None:
    """Model: each database is the list of its texts; entities have no identity but their ids."""
    conn = open_db()
    for n in range(before):
        conn.transact([{":x/text": f"before {n}"}])
    t = data.draw(st.integers(1, conn.db.basis_t))
    branch = conn.fork(as_of=t)
    for n in range(here):
        conn.transact([{":x/text": f"here {n}"}])
    for n in range(there):
        branch.transact([{":x/text": f"there {n}"}])
    assert shared_cut(conn, branch).t == t
    assert shared_cut(conn, conn).t == conn.db.basis_t
    apart = datamem.diff(conn.db, branch.db, shared=shared_cut(conn, branch))
    known = datamem.diff(conn.db, branch.db)
    assert (apart.added, apart.removed) == (known.added, known.removed)
    branch.close()
    conn.close()


def test_a_directory_branch_differs_by_its_own_facts_only(tmp_path: Path) -> None:
    """Without identities, databases made apart have nothing in common; a branch has."""
    conn = open_db(tmp_path / "one")
    conn.transact([{":x/text": f"{n}"} for n in range(50)])
    with conn.fork(tmp_path / "two") as branch:
        branch.transact([{":x/text": "new"}])
        assert len(datamem.diff(conn.db, branch.db)) > 100
        found = datamem.diff(conn.db, branch.db, shared=shared_cut(conn, branch))
        assert [d.v for d in found.added] == ["new"]
        assert found.removed == []
    other = open_db()
    other.transact([{":x/text": "0"}])
    assert shared_cut(conn, other) == NOTHING
    other.close()
    conn.close()
