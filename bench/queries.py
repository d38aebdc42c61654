"""The DataScript benchmark's queries over 20,000 people, beside Datalevin, DataScript and bare numpy.

Every engine holds the same people under the same entity ids; results are checked equal before anything is
timed. Ours is timed from the query's text, with rows as Python tuples and as columns. Bare numpy is what
a person would write by hand over sorted columns for that one query, and returns columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datamem
from bench.frame import people
from bench.frame.byhand import BY_HAND, Sorted
from bench.frame.options import Options
from bench.frame.peers import Peer, datalevin, datascript
from bench.frame.report import Report, seconds_text, times_text
from bench.frame.timing import Times, here, in_turns

PEOPLE = 20_000
FACTOR, MEAN_FACTOR, NUMPY_FACTOR = 3.0, 8.0, 2.0
COLUMNS = ("datamem", "bare numpy", "Datalevin", "DataScript", "rows", "ratio")


@dataclass(frozen=True, slots=True)
class Case:
    """A query and how much faster than Datalevin it has to be."""

    name: str
    text: str
    inputs: tuple[int, ...] = ()
    factor: float = FACTOR


CASES = (
    Case("q1", '[:find ?e :where [?e :name "Ivan"]]'),
    Case("q2", '[:find ?e ?a :where [?e :name "Ivan"] [?e :age ?a]]'),
    Case("q2-switch", '[:find ?e ?a :where [?e :age ?a] [?e :name "Ivan"]]'),
    Case("q3", '[:find ?e ?a :where [?e :name "Ivan"] [?e :age ?a] [?e :sex :male]]'),
    Case(
        "q4",
        '[:find ?e ?l ?a :where [?e :name "Ivan"] [?e :last-name ?l] [?e :age ?a] [?e :sex :male]]',
    ),
    Case(
        "q5",
        '[:find ?e1 ?l ?a :where [?e :name "Ivan"] [?e :age ?a] [?e1 :age ?a] [?e1 :last-name ?l]]',
    ),
    Case("qpred1", "[:find ?e ?s :where [?e :salary ?s] [(> ?s 50000)]]", factor=1.0),
    Case(
        "qpred2",
        "[:find ?e ?s :in $ ?min_s :where [?e :salary ?s] [(> ?s ?min_s)]]",
        inputs=(50_000,),
        factor=1.0,
    ),
    Case(
        "aggregates",
        "[:find ?n (count ?e) (avg ?s) :where [?e :name ?n] [?e :salary ?s]]",
    ),
)

DATALEVIN = """
(def conn (d/create-conn "{path}/datalevin" {schema}))
(d/transact! conn (clojure.edn/read-string (slurp "{people}")))
(def db (d/db conn))
(d/datalog-index-cache-limit db 0)
nil
"""
DATASCRIPT = """
var db = d.db_with(d.empty_db(), edn(fs.readFileSync("{people}", "utf8"))); null
"""


def start_peers(path: Path, count: int) -> dict[str, Peer]:
    """Return the peers that are there, each with the people in `db`."""
    file = path / "people.edn"
    file.write_text(people.edn_text(people.maps(count)), encoding="utf-8")
    found: dict[str, Peer] = {}
    if (peer := datalevin()) is not None:
        schema = people.edn_schema(people.SCHEMA)
        peer.run(DATALEVIN.format(path=path, people=file, schema=schema))
        found["Datalevin"] = peer
    if (peer := datascript()) is not None:
        peer.run(DATASCRIPT.format(people=file))
        found["DataScript"] = peer
    return found


def peer_code(name: str, case: Case) -> str:
    """Return a case as an expression of a peer's language."""
    if name == "Datalevin":
        return f"(d/q '{case.text} {' '.join(['db', *map(str, case.inputs)])})"
    return f"d.q({case.text!r}, {', '.join(['db', *map(str, case.inputs)])})"


def rounded(rows: Any) -> list[tuple[Any, ...]]:
    """Return rows in an order and with doubles that all engines agree on."""
    return sorted(
        tuple(round(x, 6) if isinstance(x, float) else x for x in row) for row in rows
    )


def check_equal(case: Case, db: datamem.Db, data: Sorted, peers: dict[str, Peer]) -> int:
    """Return how many rows all engines agree on."""
    ours = rounded(db.q(case.text, *case.inputs).rows())
    by_hand = rounded(data.rows(BY_HAND[case.name](data, *case.inputs)))
    assert ours == by_hand, f"{case.name}: not what bare numpy gives"
    for name, peer in peers.items():
        theirs = rounded(peer.rows(peer_code(name, case)))
        assert ours == theirs, f"{case.name}: not what {name} gives"
    return len(ours)


def times_of(
    case: Case, db: datamem.Db, data: Sorted, peers: dict[str, Peer]
) -> dict[str, Times]:
    """Return the times of one query in every engine, taken in turns."""
    by_hand = BY_HAND[case.name]
    measures = {
        "tuples": here(lambda: db.q(case.text, *case.inputs).rows()),
        "columns": here(lambda: db.q(case.text, *case.inputs)),
        "numpy": here(lambda: by_hand(data, *case.inputs), 0.1),
    }
    for name, peer in peers.items():
        measures[name] = peer.measure(peer_code(name, case))
    return in_turns(measures)


def run(options: Options) -> Report:
    report = Report(
        f"The DataScript benchmark's queries, {PEOPLE:,} people: median of single calls",
        COLUMNS,
    )
    with options.scratch() as path, datamem.connect(path / "db", people.SCHEMA) as conn:
        conn.transact(people.maps(PEOPLE))
        db, data = conn.db, Sorted.of(people.codes(PEOPLE))
        peers = start_peers(path, PEOPLE) if options.has_peers else {}
        found: dict[str, dict[str, Times]] = {}
        for case in CASES:
            row_count = check_equal(case, db, data, peers)
            found[case.name] = times_of(case, db, data, peers)
            add_rows(report, case, found[case.name], row_count)
        report.notes += [peer.name for peer in peers.values()]
        for peer in peers.values():
            peer.close()
    add_means(report, found)
    report.notes.append("results checked equal in all engines before timing")
    return report


def add_rows(report: Report, case: Case, times: dict[str, Times], row_count: int) -> None:
    """Add a query: tuples beside the peers, columns beside bare numpy."""
    text = {name: seconds_text(found.median) for name, found in times.items()}
    peers = [text.get("Datalevin", ""), text.get("DataScript", "")]
    cells = [text["tuples"], "", *peers, f"{row_count:,}"]
    if "Datalevin" in times:
        add_ratio(report, case.name, cells, faster(times, "tuples"), case.factor)
        if case.factor < FACTOR:
            cells = [text["columns"], "", *peers[:1], "", ""]
            add_ratio(report, f"{case.name}, columns", cells, faster(times, "columns"), FACTOR)
    else:
        report.add(case.name, *cells)
    slower = times["columns"].median / times["numpy"].median
    report.add(
        f"{case.name}, columns",
        text["columns"],
        text["numpy"],
        *[""] * 3,
        times_text(slower),
        target=f"at most numpy x {NUMPY_FACTOR:.0f}",
        is_met=slower <= NUMPY_FACTOR,
    )


def faster(times: dict[str, Times], name: str, peer: str = "Datalevin") -> float:
    """Return how many times faster than a peer something of ours is."""
    return times[peer].median / times[name].median


def add_ratio(report: Report, what: str, cells: list[str], ratio: float, factor: float) -> None:
    """Add a row beside Datalevin."""
    target = f"Datalevin / {factor:.0f}"
    report.add(what, *cells, times_text(ratio), target=target, is_met=ratio >= factor)


def add_means(report: Report, found: dict[str, dict[str, Times]]) -> None:
    """Add the geometric means of all queries, rows as tuples."""
    for name in ("Datalevin", "DataScript"):
        cases = [case for case in CASES if name in found[case.name]]
        if not cases:
            continue
        logs = [math.log(faster(found[case.name], "tuples", name)) for case in cases]
        mean, what = math.exp(sum(logs) / len(logs)), f"geometric mean, beside {name}"
        if name == "Datalevin":
            add_ratio(report, what, [""] * 5, mean, MEAN_FACTOR)
        else:
            report.add(what, *[""] * 5, times_text(mean))
