"""Small questions: a prepared query, a text seen before, a text never seen, beside Datalevin."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import datamem
from bench.frame import people, store
from bench.frame.options import Options
from bench.frame.peers import datalevin
from bench.frame.report import Report, seconds_text, times_text
from bench.frame.timing import Times, here, in_turns
from bench.store import DATALEVIN, QUERY

PEOPLE = 20_000
PREPARED_S, SEEN_S, NEW_S = 25e-6, 80e-6, 2e-3

THREE = """[:find ?e ?n ?a :in $ ?id
            :where [?e :id ?id] [?e :name ?n] [?e :age ?a] [(< ?a {limit})]]"""

PREPARED = "prepared, one attribute by unique id"
SEEN, SEEN_THREE = "text seen before, the same", "text seen before, three clauses"
NEW = "text never seen, three clauses and a predicate"


def works(db: datamem.Db) -> dict[str, Callable[[], object]]:
    """Return what is timed."""
    prepared = db.prepare(QUERY)
    ids = itertools.cycle(range(0, PEOPLE, 7))
    fresh = itertools.count(1_000)
    seen = THREE.format(limit=500)
    return {
        PREPARED: lambda: prepared(next(ids)),
        SEEN: lambda: db.q(QUERY, next(ids)),
        SEEN_THREE: lambda: db.q(seen, next(ids)).rows(),
        NEW: lambda: db.q(THREE.format(limit=next(fresh)), next(ids)).rows(),
    }


def peer_times(path: Path) -> tuple[str, dict[str, Times]]:
    """Return Datalevin's name and times for the texts that it has seen."""
    peer = datalevin()
    if peer is None:
        return "", {}
    file = path / "people.edn"
    data = store.columns(PEOPLE)
    rows = zip(*(column.tolist() for column in data.values()), strict=True)
    text = people.edn_text([dict(zip(data, row, strict=True)) for row in rows])
    file.write_text(text, encoding="utf-8")
    schema = people.edn_schema(store.SCHEMA)
    with peer:
        peer.run(DATALEVIN.format(path=path, people=file, schema=schema, count=PEOPLE))
        three = f"(d/q '{THREE.format(limit=500)} db (next-id))"
        codes = {SEEN: f"(d/q '{QUERY} db (next-id))", SEEN_THREE: three}
        return peer.name, in_turns({name: peer.measure(code) for name, code in codes.items()})


def run(options: Options) -> Report:
    report = Report(
        f"Small questions to {PEOPLE:,} people: median of single calls",
        ("datamem", "p99", "Datalevin", "ratio"),
    )
    with options.scratch() as path:
        store.build(path / "db", PEOPLE * 5)
        with datamem.connect(path / "db") as conn:
            measures = {name: here(work, 0.3) for name, work in works(conn.db).items()}
            found = in_turns(measures)
        name, theirs = peer_times(path) if options.has_peers else ("", {})
    limits = {PREPARED: PREPARED_S, SEEN: SEEN_S, SEEN_THREE: None, NEW: NEW_S}
    for what, limit in limits.items():
        times, peer = found[what], theirs.get(what)
        report.add(
            what,
            seconds_text(times.median),
            seconds_text(times.quantile(0.99)),
            seconds_text(peer.median) if peer else "",
            times_text(peer.median / times.median) if peer else "",
            target=seconds_text(limit) if limit else "",
            is_met=times.median <= limit if limit else None,
        )
    if name:
        report.notes.append(name)
    return report
