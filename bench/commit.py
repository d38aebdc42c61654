"""One 5-attribute entity per durable transaction, beside a bare append with fdatasync, and Datalevin.

Ours and the bare append alternate call by call on the same disk; Datalevin takes its turn each round. The
collector stays on, as it is for users.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import datamem
from bench.frame import people
from bench.frame.bare import BareLog
from bench.frame.options import Options
from bench.frame.peers import Peer, datalevin
from bench.frame.report import Report, seconds_text, times_text
from bench.frame.timing import Times, timed
from datamem.txlog.frame import OVERHEAD_BYTES

ROUNDS = 6
CALLS_A_ROUND = 500
ALLOWED_FACTOR, ALLOWED_MORE_S = 1.2, 100e-6

DATALEVIN = """
(def dir "{path}")
(def conn (d/create-conn dir {schema}))
(def people (object-array (clojure.edn/read-string (slurp "{people}"))))
(def counter (atom 0))
"""
DATALEVIN_COMMIT = """(d/transact! conn [(aget ^objects people (mod (swap! counter inc) (alength ^objects people)))])"""


def entry_bytes(conn: datamem.Connection) -> int:
    """Return how many bytes of log one such transaction is, frame included."""
    store = conn._store  # noqa: SLF001 - the log's own entry, to write as many bare bytes
    return len(store.read(store.head(), 1)[0]) + OVERHEAD_BYTES


def alternate(
    conn: datamem.Connection, bare: BareLog, size_bytes: int, entities: list[dict[str, Any]]
) -> tuple[Times, Times]:
    """Return the times of commits and of bare appends, taken in turn."""
    ours, bares = [], []
    data = os.urandom(size_bytes)
    for entity in entities:
        ours.append(timed(lambda: conn.transact([entity])))  # noqa: B023 - called at once
        bares.append(timed(lambda: bare.append(data)))
    return Times.of(ours), Times.of(bares)


def start_datalevin(path: Path, entities: list[dict[str, Any]]) -> Peer | None:
    """Return Datalevin with a new database, or None."""
    peer = datalevin()
    if peer is not None:
        file = path / "people.edn"
        file.write_text(people.edn_text(entities), encoding="utf-8")
        schema = people.edn_schema(people.SCHEMA)
        peer.run(DATALEVIN.format(path=path / "datalevin", schema=schema, people=file))
        peer.times(DATALEVIN_COMMIT, 2.0)
    return peer


def run(options: Options) -> Report:
    report = Report(
        "One entity of five attributes per durable transaction: median of single calls",
        ("datamem", "bare append", "Datalevin", "ratio"),
    )
    entities = people.maps((ROUNDS + 1) * CALLS_A_ROUND, ids="none")
    found: list[tuple[Times, Times]] = []
    theirs: list[Times] = []
    with options.scratch() as path:
        peer = start_datalevin(path, entities) if options.has_peers else None
        bare = BareLog(path / "bare", 4 << 20)
        with datamem.connect(path / "db", people.SCHEMA) as conn:
            conn.transact(entities[:1])
            size = entry_bytes(conn)
            alternate(conn, bare, size, entities[1:CALLS_A_ROUND])
            for start in range(CALLS_A_ROUND, len(entities), CALLS_A_ROUND):
                batch = entities[start : start + CALLS_A_ROUND]
                found.append(alternate(conn, bare, size, batch))
                if peer is not None:
                    theirs.append(peer.times(DATALEVIN_COMMIT, 0.5))
        bare.close()
        if peer is not None:
            report.notes.append(f"{peer.name}, its default durability, timed inside the JVM")
            peer.close()
    add_rows(report, found, theirs)
    report.notes.append(
        f"{size} bytes a transaction in the log, {ROUNDS * CALLS_A_ROUND} calls"
    )
    return report


def add_rows(report: Report, found: list[tuple[Times, Times]], theirs: list[Times]) -> None:
    """Add the rows: all rounds together, by the median."""
    ours = sum((round_[0] for round_ in found[1:]), found[0][0])
    bare = sum((round_[1] for round_ in found[1:]), found[0][1])
    allowed = ALLOWED_FACTOR * bare.median + ALLOWED_MORE_S
    report.add(
        "commit, beside bare",
        seconds_text(ours.median),
        seconds_text(bare.median),
        "",
        times_text(ours.median / bare.median),
        target=f"1.2x bare + 100 µs = {seconds_text(allowed)}",
        is_met=ours.median <= allowed,
    )
    for name, part in (("p99", 0.99), ("p99.9", 0.999)):
        cells = [seconds_text(times.quantile(part)) for times in (ours, bare)]
        report.add(f"the same, {name}", *cells)
    if theirs:
        peer = sum(theirs[1:], theirs[0])
        ratio = peer.median / ours.median
        report.add(
            "commit, beside Datalevin",
            seconds_text(ours.median),
            "",
            seconds_text(peer.median),
            times_text(ratio),
            target="faster",
            is_met=ratio > 1,
        )
