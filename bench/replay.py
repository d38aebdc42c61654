"""Recording and replaying: a step of a recording, the import and replay of 200 conversations, verification.

The conversations are those of tau-bench's airline tasks, where they are at hand; else as many of our own, of the
same length. Every replay is checked to be without divergence.
"""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import datamem
from bench.frame.options import Options
from bench.frame.report import Report, rate_text, seconds_text
from bench.frame.timing import Times, calls_for, timed
from datamem.importers import import_file
from datamem.runs import (
    Run,
    chat_agent,
    diff,
    get_run,
    list_runs,
    record,
    recording,
    replay,
    verify,
)

TAU = Path(__file__).resolve().parents[2] / "shared" / "data" / "tau_bench_airline_gpt4o.json"
CONVERSATIONS, TURNS = 200, 6
ALL_S = 10.0
STEPS = 200


def synthetic() -> list[dict[str, Any]]:
    """Return conversations of ours: a question, a call and an answer, again and again."""
    found = []
    for number in range(CONVERSATIONS):
        messages: list[dict[str, Any]] = [{"role": "system", "content": "Sell tickets. " * 300}]
        for turn in range(TURNS):
            call = {"name": "find", "arguments": json.dumps({"to": f"city {turn}"})}
            asked = [{"id": f"c{turn}", "type": "function", "function": call}]
            messages += [
                {"role": "user", "content": f"Is there a flight to city {turn}?"},
                {"role": "assistant", "content": None, "tool_calls": asked},
                {
                    "role": "tool",
                    "tool_call_id": f"c{turn}",
                    "name": "find",
                    "content": "x" * 900,
                },
                {"role": "assistant", "content": f"There is one, number {number}."},
            ]
        found.append(
            {"task_id": number // 4, "trial": number % 4, "reward": 1.0, "traj": messages}
        )
    return found


def add_conversations(report: Report, conn: datamem.Connection, file: Path) -> None:
    """Add import and replay of all conversations, and what else is asked of them."""
    start, cpu = time.perf_counter(), time.process_time()
    import_file(conn, file, format="runs", source="bench")
    imported, imported_cpu = time.perf_counter() - start, time.process_time() - cpu
    runs = [get_run(conn, known.id) for known in list_runs(conn.db)]
    counts = []

    def replay_all() -> None:
        counts.append(sum(len(replay(run, chat_agent()).require_same().steps) for run in runs))

    cpu = time.process_time()
    replayed = timed(replay_all)
    replayed_cpu = time.process_time() - cpu
    for what, seconds, used in (
        (f"import of {len(runs)} conversations as runs", imported, imported_cpu),
        (f"replay of their {counts[0]:,} steps", replayed, replayed_cpu),
    ):
        report.add(what, seconds_text(seconds), seconds_text(used))
    total, total_cpu = imported + replayed, imported_cpu + replayed_cpu
    report.add(
        "import and replay",
        seconds_text(total),
        seconds_text(total_cpu),
        target=seconds_text(ALL_S),
        is_met=total <= ALL_S,
    )
    add_single(report, runs)


def add_single(report: Report, runs: list[Run]) -> None:
    """Add what is asked of one run or two, over all of them."""
    verified = Times.of([timed(partial(verify, run)) for run in runs])
    pairs = list(zip(runs[::2], runs[1::2], strict=True))
    compared = Times.of([timed(partial(diff, *pair)) for pair in pairs])
    report.add("verify the chain of a run", seconds_text(verified.median))
    report.add("diff of two runs", seconds_text(compared.median))


def add_steps(report: Report, conn: datamem.Connection) -> None:
    """Add what a step costs an agent while it is recorded, and when it is replayed."""

    def same(number: int) -> int:
        return number

    with recording(conn) as context:
        call = context.tool("echo")(same)
        times = calls_for(lambda: call(1), 0.5)
    report.add("record a call, in memory", seconds_text(times.median))

    def agent(run: Any) -> None:
        echo = run.tool("echo")(same)
        for number in range(STEPS):
            echo(number)

    run = record(conn, agent).run
    took = calls_for(lambda: replay(run, agent).require_same(), 0.5)
    report.add("replay a call", seconds_text(took.median / STEPS))
    report.add("  so many a second", rate_text(STEPS / took.median, "calls"))


def run(options: Options) -> Report:
    report = Report("Runs recorded and replayed", ("time", "of it CPU"))
    with options.scratch() as path:
        file = TAU
        if not TAU.exists():
            file = path / "conversations.json"
            file.write_text(json.dumps(synthetic()))
            report.notes.append("conversations of our own, since tau-bench's are not here")
        with datamem.connect(path / "db") as conn:
            add_conversations(report, conn, file)
        with datamem.connect(":memory:") as conn:
            add_steps(report, conn)
    report.notes.append(
        "into a directory, synced at every transaction; one transaction a message"
    )
    return report
