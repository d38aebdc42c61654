"""Twenty thousand people, 100,000 datoms, in one transaction of Python data, beside the peers.

Then the same people once more, with other salaries: each names an entity that is there, and one datom of five changes. The peers get the same people as data of their own language, made before the clock starts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datamem
from bench.frame import people
from bench.frame.options import Options
from bench.frame.peers import Peer, datalevin, datascript
from bench.frame.report import Report, seconds_text, times_text
from bench.frame.timing import Times, timed

PEOPLE = 20_000
ROUNDS = 7
TARGET_S = 0.3

DATALEVIN = """
(def people (clojure.edn/read-string (slurp "{people}")))
(def known (clojure.edn/read-string (slurp "{known}")))
(def changed (mapv #(update % :salary inc) known))
(def counter (atom 0))
(def conn nil)
"""
DATALEVIN_NEW = """
(do (when conn (d/close conn))
    (alter-var-root #'conn (constantly (d/create-conn (str "{path}/dlv-" (swap! counter inc)) {schema}))))
"""
DATASCRIPT = 'var people = edn(fs.readFileSync("{people}", "utf8")); var conn = null;'


PeerTimes = tuple[str, Times, float]
"""A peer's name, its times when warm, and the longest while it warmed up: the first."""


def datalevin_times(path: Path, file: Path, known: Path) -> tuple[PeerTimes, Times] | None:
    """Return Datalevin's times, each into a new database in a directory, and of changing who is known."""
    peer = datalevin()
    if peer is None:
        return None
    with peer:
        peer.run(DATALEVIN.format(people=file, known=known))
        new = DATALEVIN_NEW.format(path=path, schema=people.edn_schema(people.SCHEMA))
        first = measured(peer, "(do (d/transact! conn people) nil)", new)
        new = f"(do {new} (d/transact! conn known))"
        return first, measured(peer, "(do (d/transact! conn changed) nil)", new)[1]


def datascript_times(file: Path) -> PeerTimes | None:
    """Return DataScript's times, each into a new database in memory."""
    peer = datascript()
    if peer is None:
        return None
    with peer:
        peer.run(DATASCRIPT.format(people=file))
        return measured(peer, "d.transact(conn, people)", "conn = d.create_conn({})")


def measured(peer: Peer, code: str, before: str) -> PeerTimes:
    """Return times of a warm-up, and after it."""
    first = peer.times(code, 4.0, before=before).most
    return peer.name, peer.times(code, 5.0, before=before), first


def our_times(options: Options, data: list[dict[str, Any]], *, is_durable: bool) -> Times:
    """Return the times of transacting into new databases."""
    took = []
    for _ in range(ROUNDS):
        with options.scratch() as path:
            where = path / "db" if is_durable else ":memory:"
            with datamem.connect(where, people.SCHEMA) as conn:
                took.append(timed(lambda: conn.transact(data)))
    return Times.of(took)


def our_changes(options: Options) -> Times:
    """Return the times of giving other salaries to people who are there."""
    known = people.maps(PEOPLE)
    changed = [{**person, ":salary": person[":salary"] + 1} for person in known]
    took = []
    for _ in range(ROUNDS):
        with options.scratch() as path, datamem.connect(path / "db", people.SCHEMA) as conn:
            conn.transact(known)
            took.append(timed(lambda: conn.transact(changed)))
    return Times.of(took)


def run(options: Options) -> Report:
    report = Report(
        f"{PEOPLE:,} people in one transaction: median (best) of {ROUNDS} new databases",
        ("datamem", "Datalevin", "DataScript", "ratio"),
    )
    with options.scratch() as path:
        file = path / "people.edn"
        data = people.maps(PEOPLE, ids="tempids")
        file.write_text(people.edn_text(data), encoding="utf-8")
        known = path / "known.edn"
        known.write_text(people.edn_text(people.maps(PEOPLE)), encoding="utf-8")
        both_slow = datalevin_times(path, file, known) if options.has_peers else None
        slow, slow_changes = both_slow or (None, None)
        memory = datascript_times(file) if options.has_peers else None
    for peer in (slow, memory):
        if peer is not None:
            name, times, first = peer
            report.notes.append(
                f"{name}: median (best) of {len(times.seconds)}; its first took {seconds_text(first)}"
            )
    durable = our_times(options, data, is_durable=True)
    report.add(
        "durable, string tempids as in the benchmark",
        both(durable),
        both(slow[1]) if slow else "",
        "",
        times_text(slow[1].median / durable.median) if slow else "",
        target=seconds_text(TARGET_S),
        is_met=durable.median <= TARGET_S,
    )
    ours = our_times(options, data, is_durable=False)
    ratio = times_text(memory[1].median / ours.median) if memory else ""
    report.add("in memory", both(ours), "", both(memory[1]) if memory else "", ratio)
    for ids, what in (
        ("none", "durable, no :db/id"),
        ("numbers", "durable, ids given as numbers"),
    ):
        times = our_times(options, people.maps(PEOPLE, ids=ids), is_durable=True)
        report.add(what, both(times))
    changes = our_changes(options)
    report.add(
        "durable, the same people with other salaries",
        both(changes),
        both(slow_changes) if slow_changes else "",
        "",
        times_text(slow_changes.median / changes.median) if slow_changes else "",
    )
    return report


def both(times: Times) -> str:
    """Return median and best."""
    return f"{seconds_text(times.median)} ({seconds_text(times.least)})"
