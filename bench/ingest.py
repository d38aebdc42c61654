"""Turns of conversations into memory: in batches, one at a time, and by sixteen threads at once."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import datamem
from bench.frame.options import Options
from bench.frame.report import Report, rate_text, seconds_text, times_text
from bench.frame.timing import Times, timed
from datamem.memory import Memory

BATCH_SIZES = (100, 1_000, 10_000)
ROUNDS = 5
SINGLES = 300
THREADS, TURNS_A_THREAD = 16, 100
TARGET_RATE, TARGET_FACTOR = 10_000, 1.3
TEXT = "turn {}: I should like my tea black today, and the rye bread from the mill, please"


def turns(count: int, first: int) -> list[tuple[str, str]]:
    """Return that many turns, of which no two say the same."""
    roles = ("user", "assistant")
    return [(roles[number % 2], TEXT.format(first + number)) for number in range(count)]


def begin(path: Path) -> tuple[Memory, Memory, Any]:
    """Return the memory of a new database, that of a tenant in it, and a session."""
    conn = datamem.connect(path)
    tenant = Memory(conn, organization="acme")
    tenant.users.create("Ada", id="ada")
    tenant.agents.create("Pip", id="pip")
    return Memory(conn), tenant, tenant.sessions.create(user="ada", agent="pip")


def add_batches(report: Report, whole: Memory, tenant: Memory, session: Any) -> None:
    """Add turns in batches, durably, taking the two memories in turn."""
    count = 0
    for size in BATCH_SIZES:
        best = {"everything": 0.0, "a tenant's": 0.0}
        for _ in range(ROUNDS):
            for name, memory in zip(best, (whole, tenant), strict=True):
                batch = turns(size, count)
                count += size
                start = time.perf_counter()
                memory.add_messages(session, batch)
                best[name] = max(best[name], size / (time.perf_counter() - start))
        for name, rate in best.items():
            report.add(
                f"batches of {size:,}, {name}",
                rate_text(rate, "turns"),
                target=rate_text(TARGET_RATE, "turns"),
                is_met=rate >= TARGET_RATE,
            )


def bare_form(session: Any, number: int) -> dict[str, Any]:
    """Return the facts of one message, as a program without the layer would transact them."""
    return {
        ":message/id": uuid4(),
        ":message/organization": session.organization.eid,
        ":message/user": session.user.eid,
        ":message/agent": session.agent.eid,
        ":message/session": session.eid,
        ":message/role": ":user",
        ":message/content": TEXT.format(f"bare {number}"),
        ":message/sequence": 10_000_000 + number,
        ":message/timestamp": datetime.now(UTC),
    }


def add_singles(report: Report, whole: Memory, tenant: Memory, session: Any) -> None:
    """Add one turn at a time beside the bare transaction of the same facts, taken in turn."""
    times: dict[str, list[float]] = {"bare": [], "everything": [], "a tenant's": []}
    other = tenant.sessions.create(user="ada", agent="pip")
    forms = [bare_form(other, number) for number in range(SINGLES)]
    for number, form in enumerate(forms):
        text = TEXT.format(f"single {number}")
        times["bare"].append(timed(lambda: whole.conn.transact([form])))  # noqa: B023
        for name, memory in (("everything", whole), ("a tenant's", tenant)):
            times[name].append(timed(lambda: memory.add_message(session, "user", text)))  # noqa: B023
    bare = Times.of(times["bare"]).median
    report.add("one bare transaction of the same facts", seconds_text(bare))
    for name in ("everything", "a tenant's"):
        median = Times.of(times[name]).median
        report.add(
            f"one message, {name}",
            seconds_text(median),
            times_text(median / bare),
            target=f"{TARGET_FACTOR}x",
            is_met=median <= TARGET_FACTOR * bare,
        )


def add_from_threads(report: Report, tenant: Memory) -> None:
    """Add turns to one session from many threads, and check their numbers."""
    session = tenant.sessions.create(user="ada", agent="pip")
    gate = threading.Barrier(THREADS + 1)

    def work(name: int) -> None:
        gate.wait()
        for role, text in turns(TURNS_A_THREAD, name * TURNS_A_THREAD):
            tenant.add_message(session, role, text)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(THREADS)]
    for thread in threads:
        thread.start()
    gate.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    total = THREADS * TURNS_A_THREAD
    rate = total / (time.perf_counter() - start)
    found = [turn.sequence for turn in tenant.messages.of_session(session)]
    report.add(
        f"{THREADS} threads, one session, one at a time",
        rate_text(rate, "turns"),
        "gaps or duplicates: none" if found == list(range(1, total + 1)) else "WRONG",
        target="1 to n",
        is_met=found == list(range(1, total + 1)),
    )


def add_memories(report: Report, tenant: Memory) -> None:
    """Add memories in batches, each looked up by its digest first."""
    best = 0.0
    for number in range(ROUNDS):
        items = [f"Ada said {text}" for _, text in turns(1_000, number * 1_000)]
        start = time.perf_counter()
        tenant.add_many(items, user="ada", tags=["tea"])
        best = max(best, len(items) / (time.perf_counter() - start))
    report.add("memories in batches of 1,000, deduplicated", rate_text(best, "memories"))


def run(options: Options) -> Report:
    report = Report(
        f"Ingest, durable, without an embedder: best of {ROUNDS} rounds, medians of single calls",
        ("figure", "beside bare"),
    )
    with options.scratch() as path:
        whole, tenant, session = begin(path / "db")
        add_singles(report, whole, tenant, session)
        add_batches(report, whole, tenant, session)
        add_from_threads(report, tenant)
        add_memories(report, tenant)
        whole.conn.close()
    report.notes.append(
        "a turn is nine datoms: id, session, organisation, user, agent, role, content, place, time"
    )
    return report
