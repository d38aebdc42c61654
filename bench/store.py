"""A database of ten million datoms: open it, its size on disk, pull an entity, look up one attribute.

`python -m bench store --size 1000000` does the same with fewer. Each opening is a process of its own; the
cold ones begin with the files dropped from the kernel's cache, and tell what they read from disk.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

import datamem
from bench.frame import people, store
from bench.frame.options import Options
from bench.frame.peers import Peer, datalevin
from bench.frame.report import Report, rate_text, seconds_text, times_text
from bench.frame.timing import Times, Work, in_turns, quiet, timed

DATOMS = 10_000_000
OPENINGS = 7
LOOKUPS = 2_000
PEER_PEOPLE = 20_000

OPEN_S, BYTES_A_DATOM, PULL_S, LOOKUP_S = 0.5, 50, 50e-6, 25e-6
LOAD_RATE = 500_000

QUERY = "[:find ?s . :in $ ?id :where [?e :id ?id] [?e :salary ?s]]"
OPENING = """
import json, resource, sys, time
import datamem
datamem.connect
def read_bytes():
    return int(open("/proc/self/io").read().split("read_bytes:")[1].split()[0])
before, start = read_bytes(), time.perf_counter()
conn = datamem.connect(sys.argv[1])
opened, read = time.perf_counter(), read_bytes() - before
found = conn.db.q(sys.argv[2], int(sys.argv[3]))
print(json.dumps([opened - start, time.perf_counter() - opened, read, found]))
conn.close()
"""
DATALEVIN = """
(def conn (d/create-conn "{path}/datalevin" {schema}))
(d/transact! conn (clojure.edn/read-string (slurp "{people}")))
(def db (d/db conn))
(d/datalog-index-cache-limit db 0)
(def ids (int-array (repeatedly 4096 #(rand-int {count}))))
(def counter (atom 0))
(defn next-id [] (aget ^ints ids (bit-and (swap! counter inc) 4095)))
nil
"""


def opening(path: Path, person: int) -> tuple[float, float, int]:
    """Open in a new process; return seconds to open, to answer a first query, bytes read."""
    command = [sys.executable, "-c", OPENING, str(path), QUERY, str(person)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    opened, answered, read, _ = json.loads(done.stdout)
    return opened, answered, read


def add_openings(report: Report, path: Path, count: int) -> None:
    """Add opening, with the files in the kernel's cache and without."""
    size, most_read = store.bytes_of(path), 0
    for is_cold in (False, True):
        found = []
        for i in range(OPENINGS):
            if is_cold:
                store.forget(path)
            found.append(opening(path, i * 7919 % count))
        times = Times.of([opened for opened, _, _ in found])
        first = Times.of([answered for _, answered, _ in found])
        most_read = max(read for _, _, read in found)
        report.add(
            f"open, {'files not in cache' if is_cold else 'files in cache'}",
            seconds_text(times.median),
            seconds_text(times.most),
            target=seconds_text(OPEN_S),
            is_met=times.most <= OPEN_S,
        )
        report.add("  and a first query", seconds_text(first.median), seconds_text(first.most))
    report.notes.append(
        f"a cold open reads {most_read / 1e6:.1f} MB from disk, of {size / 1e6:.0f} MB there are"
    )


def add_size(report: Report, stats: dict[str, Any]) -> None:
    """Add the bytes a datom."""
    datom_count, sizes = stats["datoms_asserted"], stats["bytes"]
    per_datom = sizes["index"] / datom_count
    report.add(
        "index on disk, three orders",
        f"{per_datom:.1f} bytes a datom",
        target=f"{BYTES_A_DATOM} bytes a datom",
        is_met=per_datom <= BYTES_A_DATOM,
    )
    for name in ("heap", "log"):
        report.add(f"{name} on disk", f"{sizes[name] / datom_count:.1f} bytes a datom")


def spread(call: Any, arguments: list[Any], count: int = LOOKUPS) -> Times:
    """Return the times of calls with different arguments, after some that warm up."""
    for argument in arguments[:100]:
        call(argument)
    with quiet():
        return Times.of([timed(lambda: call(argument)) for argument in arguments[:count]])  # noqa: B023


def lookups(db: datamem.Db, entities: list[int], ids: list[int]) -> dict[str, Times]:
    """Return the times of every way to read a little, taken in turns."""
    prepared = db.prepare(QUERY)
    works: dict[str, tuple[Any, list[Any]]] = {
        "pull [*] of one entity": (lambda e: db.pull("[*]", e), entities),
        "pull [*] by lookup ref": (lambda i: db.pull("[*]", [":id", i]), ids),
        "one attribute, pull": (lambda i: db.pull("[:salary]", [":id", i]), ids),
        "one attribute, entity": (lambda i: db.entity([":id", i])[":salary"], ids),
        "one attribute, prepared query": (prepared, ids),
        "one attribute, query text": (lambda i: db.q(QUERY, i), ids),
    }
    measures = {name: (lambda pair=pair: spread(*pair)) for name, pair in works.items()}
    return in_turns(measures, rounds=3)


def check(db: datamem.Db, count: int) -> None:
    """Compare what is read with what was loaded."""
    data = store.columns(count)
    for i in (0, count // 3, count - 1):
        expected = {name: column[i] for name, column in data.items()}
        found = dict(db.pull("[*]", [":id", i]))
        assert found.pop(":db/id") == i + 1
        assert found == expected, (found, expected)
        assert db.q(QUERY, i) == expected[":salary"]


def peer_lookups(path: Path) -> tuple[str, dict[str, Times]]:
    """Return Datalevin's name and times, from a smaller database."""
    peer: Peer | None = datalevin()
    if peer is None:
        return "", {}
    schema = people.edn_schema(store.SCHEMA)
    data = store.columns(PEER_PEOPLE)
    rows = zip(*(column.tolist() for column in data.values()), strict=True)
    file = path / "people.edn"
    file.write_text(people.edn_text([dict(zip(data, row, strict=True)) for row in rows]))
    with peer:
        peer.run(DATALEVIN.format(path=path, people=file, schema=schema, count=PEER_PEOPLE))
        codes = {
            "pull [*] of one entity": "(d/pull db '[*] (inc (next-id)))",
            "one attribute, query text": f"(d/q '{QUERY} db (next-id))",
        }
        measures = {name: peer.measure(code) for name, code in codes.items()}
        return peer.name, in_turns(measures, rounds=3)


def run(options: Options) -> Report:
    datoms = options.size or DATOMS
    count = datoms // 5
    report = Report(
        f"A database of {datoms:,} datoms: medians of single calls",
        ("median", "slowest or p99", "Datalevin", "ratio"),
    )
    with options.scratch() as path:
        db_path = path / "db"
        work: Work = lambda: store.build(db_path, datoms)  # noqa: E731 - timed as one call
        seconds = timed(work)
        report.add(
            "load of columns, with closing",
            rate_text(datoms / seconds, "datoms"),
            target=rate_text(LOAD_RATE, "datoms"),
            is_met=datoms / seconds >= LOAD_RATE,
        )
        add_openings(report, db_path, count)
        name, theirs = peer_lookups(path) if options.has_peers else ("", {})
        if theirs:
            report.notes.append(f"{name}, from {PEER_PEOPLE * 5:,} datoms only")
        with datamem.connect(db_path) as conn:
            add_size(report, conn.stats())
            check(conn.db, count)
            chosen = np.random.default_rng(people.SEED).integers(0, count, LOOKUPS).tolist()
            add_lookups(report, lookups(conn.db, [i + 1 for i in chosen], chosen), theirs)
    return report


def add_lookups(report: Report, found: dict[str, Times], theirs: dict[str, Times]) -> None:
    """Add the small reads."""
    targets = {"pull [*] of one entity": PULL_S, "one attribute, prepared query": LOOKUP_S}
    for what, times in found.items():
        peer, target = theirs.get(what), targets.get(what)
        report.add(
            what,
            seconds_text(times.median),
            seconds_text(times.quantile(0.99)),
            seconds_text(peer.median) if peer else "",
            times_text(peer.median / times.median) if peer else "",
            target=seconds_text(target) if target else "",
            is_met=times.median <= target if target else None,
        )
