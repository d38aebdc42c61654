"""What it costs to see only a part: a tenant's, a user's, and what is not forgotten, beside everything."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import datamem
from bench.frame.options import Options
from bench.frame.report import Report, seconds_text, times_text
from bench.frame.timing import Times, timed
from datamem.db import Datom, Db
from datamem.memory import Memory

MEMORIES = 100_000
TENANTS, USERS_A_TENANT = 10, 10
BATCH = 5_000
ROUNDS = 15
COUNT = "[:find (count ?m) . :where [?m :memory/type :fact] [?m :memory/user ?u]]"
POINT = "[:find ?c . :in $ ?id :where [?m :memory/id ?id] [?m :memory/content ?c]]"


def fill(conn: datamem.Connection, count: int) -> list[Memory]:
    """Add memories of several tenants, of which one in fifty has expired; return the tenants' memories."""
    tenants = [Memory(conn, organization=f"tenant {n}") for n in range(TENANTS)]
    for number, tenant in enumerate(tenants):
        for user in range(USERS_A_TENANT):
            tenant.users.create(f"user {user}", id=f"u{number}-{user}")
        for start in range(0, count // TENANTS, BATCH):
            several = range(start, min(start + BATCH, count // TENANTS))
            tenant.add_many(
                [
                    {
                        "content": f"tenant {number} memory {n}",
                        "user": f"u{number}-{n % USERS_A_TENANT}",
                        "expires_at": timedelta(0) if n % 50 == 0 else None,
                    }
                    for n in several
                ],
                dedupe=False,
            )
    conn.compact()
    return tenants


def median(work: Any) -> float:
    """Return the median time of some calls."""
    return Times.of([timed(work) for _ in range(ROUNDS)]).median


def run(options: Options) -> Report:
    count = options.size or MEMORIES
    report = Report(
        f"Parts of {count:,} memories of {TENANTS} tenants: medians of {ROUNDS} calls",
        ("count all facts", "beside everything", "one by its id", "first count after a commit"),
    )
    conn = datamem.connect()
    tenant = fill(conn, count)[3]
    user = tenant.scope(user="u3-3")
    some = tenant.list(user="u3-3", limit=1)[0].id
    whole = Memory(conn)
    plain = median(lambda: conn.db.q(COUNT))
    views: dict[str, Callable[[], Db]] = {
        "everything": lambda: conn.db,
        "what is remembered": whole.view,
        "a tenant's": tenant.view,
        "a user's": user.view,
        "a tenant's, by a filter in Python": lambda: conn.db.filter(
            _kept_by_python(conn.db, tenant)
        ),
    }
    for name, view in views.items():
        report.add(name, *figures(conn, view, some, plain, is_slow="Python" in name))
    report.notes.append(f"taking a tenant's view again: {seconds_text(median(tenant.view))}")
    conn.close()
    return report


def figures(
    conn: datamem.Connection, view: Callable[[], Db], some: Any, plain: float, *, is_slow: bool
) -> list[str]:
    """Return the cells of one view; of a slow one, only what takes no minutes."""
    db = view()
    count = timed(lambda: db.q(COUNT)) if is_slow else median(lambda: db.q(COUNT))
    point = median(lambda: db.q(POINT, some))
    cells = [seconds_text(count), times_text(count / plain), seconds_text(point)]
    if not is_slow:
        cells.append(seconds_text(median(lambda: _after_commit(conn, view))))
    return cells


def _after_commit(conn: datamem.Connection, view: Any) -> Any:
    conn.transact([{":bench/note": "x"}])
    return view().q(COUNT)


def _kept_by_python(db: Db, tenant: Memory) -> Any:
    """Return the predicate that does the same a datom at a time."""
    owner = db.schema.require(":memory/organization").id
    wanted = tenant.ctx.scope.organization

    def keep(db: Db, datom: Datom) -> bool:
        return db.words(datom.e, owner) == [wanted]

    return keep
