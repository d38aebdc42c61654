"""Transitive closures of the DataScript benchmark: wide trees and long chains, beside the peers.

Datalevin 1.2.8 has no hidden advantage here: it closes such a rule over a bit matrix, reads the edges anew for each
call, and hands out a set of vectors that are made by then. Two columns are ours, since for many pairs the
tuples are most of what there is to do: rows as Python tuples, and columns that are no tuples yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import datamem
from bench.frame.options import Options
from bench.frame.peers import Peer, datalevin, datascript
from bench.frame.report import Report, seconds_text, times_text
from bench.frame.timing import here, in_turns
from datamem.edn import Keyword

SHAPES = (
    ("wide", 5, 3),
    ("wide", 7, 3),
    ("wide", 4, 6),
    ("long", 10, 3),
    ("long", 30, 5),
)
FACTOR = 5.0

QUERY = "[:find ?e ?e2 :in $ % :where (follows ?e ?e2)]"
RULES = """[[(follows ?x ?y) [?x :follows ?y]]
            [(follows ?x ?y) [?x :follows ?t] (follows ?t ?y)]]"""
SCHEMA = {
    ":follows": {
        ":db/valueType": Keyword(":db.type/ref"),
        ":db/cardinality": Keyword(":db.cardinality/many"),
    }
}
SCHEMA_TEXT = "{:follows {:db/valueType :db.type/ref :db/cardinality :db.cardinality/many}}"

Edge = tuple[int, int]


def wide(depth: int, width: int, node: int = 1) -> Iterator[Edge]:
    """Yield the edges of a tree; the children of n are n * width and the ones after it."""
    if depth:
        for child in range(node * width, node * width + width):
            yield node, child
            yield from wide(depth - 1, width, child)


def long(depth: int, width: int) -> Iterator[Edge]:
    """Yield the edges of `width` chains of `depth` edges."""
    for x in range(width):
        start = x * (depth + 1) + 1
        for y in range(depth):
            yield start + y, start + y + 1


def closure(edges: list[Edge]) -> set[Edge]:
    """Return all pairs that are connected, the plain way."""
    children: dict[int, set[int]] = {}
    for parent, child in edges:
        children.setdefault(parent, set()).add(child)
    found: set[Edge] = set()
    for start in children:
        waiting, seen = [start], set[int]()
        while waiting:
            for child in children.get(waiting.pop(), ()):
                if child not in seen:
                    seen.add(child)
                    waiting.append(child)
        found |= {(start, node) for node in seen}
    return found


def peer_texts(peer_name: str, file: Path, db: str) -> tuple[str, str]:
    """Return (code that makes a database, code that asks) for a peer; the file holds tx-data."""
    if peer_name == "Datalevin":
        data = f'(clojure.edn/read-string (slurp "{file}"))'
        make = (
            f"(def {db} (d/db-with (d/empty-db nil {SCHEMA_TEXT}) {data}))"
            f" (d/datalog-index-cache-limit {db} 0) nil"
        )
        return make, f"(d/q '{QUERY} {db} '{RULES})"
    rules = " ".join(RULES.split())
    data = f'edn(fs.readFileSync("{file}", "utf8"))'
    make = f'var {db} = d.db_with(d.empty_db(edn("{SCHEMA_TEXT}")), {data}); null'
    return make, f'd.q("{QUERY}", {db}, "{rules}")'


def run(options: Options) -> Report:
    report = Report(
        "Transitive closure by a recursive rule, rows as tuples: median of single calls",
        ("datamem", "columns", "Datalevin", "DataScript", "rows", "ratio", "of columns"),
    )
    peers: dict[str, Peer] = {}
    if options.has_peers:
        started = {"Datalevin": datalevin(), "DataScript": datascript()}
        peers = {name: peer for name, peer in started.items() if peer is not None}
    with options.scratch() as path:
        for kind, depth, width in SHAPES:
            edges = list((wide if kind == "wide" else long)(depth, width))
            measure(report, f"{kind}{depth}x{width}", edges, peers, path)
    for peer in peers.values():
        report.notes.append(peer.name)
        peer.close()
    report.notes.append("results checked equal before timing")
    return report


def measure(
    report: Report, shape: str, edges: list[Edge], peers: dict[str, Peer], path: Path
) -> None:
    """Check one shape's answers and add its row."""
    expected = closure(edges)
    file = path / f"{shape}.edn"
    adds = (f"[:db/add {e} :follows {v}]" for e, v in edges)
    file.write_text(f"[{' '.join(adds)}]", encoding="utf-8")
    with datamem.connect(":memory:", SCHEMA) as conn:
        conn.transact(file.read_text(encoding="utf-8"))
        db = conn.db
        assert set(db.q(QUERY, RULES).rows()) == expected
        measures = {
            "datamem": here(lambda: db.q(QUERY, RULES).rows()),
            "columns": here(lambda: db.q(QUERY, RULES).columns),
        }
        for name, peer in peers.items():
            make, ask = peer_texts(name, file, f"{shape}db")
            peer.run(make)
            assert set(peer.rows(ask)) == expected
            measures[name] = peer.measure(ask)
        found = in_turns(measures)
    ours, columns = found.pop("datamem").median, found.pop("columns").median
    names = ("Datalevin", "DataScript")
    cells = [seconds_text(found[n].median) if n in found else "" for n in names]
    cells = [seconds_text(ours), seconds_text(columns), *cells, f"{len(expected):,}"]
    if len(found) < len(names):
        report.add(f"rules-{shape}", *cells)  # the target is the faster of two
        return
    best = min(times.median for times in found.values())
    report.add(
        f"rules-{shape}",
        *cells,
        times_text(best / ours),
        times_text(best / columns),
        target=f"faster peer / {FACTOR:.0f}",
        is_met=best >= FACTOR * ours,
    )
