"""Vector search: 100,000 x 384 through Datalog beside usearch itself, filtered, in the past, and Datalevin."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from usearch.index import Index

import datamem
from bench.frame.clustered import Clustered, Matrix, Numbers, Truth, nearest, recall
from bench.frame.options import Options
from bench.frame.peers import datalevin
from bench.frame.report import Report, seconds_text, times_text
from bench.frame.timing import here, in_turns
from datamem.vector import build_index

COUNT, QUERIES, CHECKED = 100_000, 512, 100
SCHEMA = """{:m/id {:db/valueType :db.type/long :db/unique :db.unique/identity}
  :m/half {:db/valueType :db.type/long} :m/twentieth {:db/valueType :db.type/long}
  :m/200th {:db/valueType :db.type/long} :m/10000th {:db/valueType :db.type/long}
  :m/topic {:db/valueType :db.type/long}
  :m/e {:db/valueType :db.type/vector :db/dimension 384 :db/metric-type :db.metric/cosine}}"""
PARTS = {"half": 2, "twentieth": 20, "200th": 200, "10000th": 10_000}

SEARCH = "[:find ?m ?s :in $ ?q :where [(vec-neighbors $ :m/e ?q {:k 10}) [[?m _ ?s]]]]"
JOINED = """[:find ?i ?s :in $ ?q :where
             [(vec-neighbors $ :m/e ?q {:k 10}) [[?m _ ?s]]] [?m :m/id ?i]]"""
FILTERED = """[:find ?m ?s :in $ ?q :where [?m %s 0]
               [(vec-neighbors $ :m/e ?q {:k 10}) [[?m _ ?s]]]]"""
ALLOWED = "[:find ?m :where [?m %s 0]]"

LOAD_PEER = """
(def path "{file}")
(def vconn (d/get-conn "{directory}"
  {{:m/id {{:db/valueType :db.type/long :db/unique :db.unique/identity}}
    :m/e {{:db/valueType :db.type/vec}}}}
  {{:vector-opts {{:dimensions 384 :metric-type :cosine}}}}))
(def queries (atom nil))
(with-open [ch (java.nio.channels.FileChannel/open (.toPath (java.io.File. path))
                 (into-array java.nio.file.OpenOption [java.nio.file.StandardOpenOption/READ]))]
  (let [buffer (.order (java.nio.ByteBuffer/allocate (* 4 384)) java.nio.ByteOrder/LITTLE_ENDIAN)
        vector (fn [] (.clear buffer)
                      (while (.hasRemaining buffer) (.read ch buffer))
                      (.flip buffer)
                      (let [a (float-array 384)] (.get (.asFloatBuffer buffer) a) a))]
    (doseq [ids (partition-all 1000 (range {count}))]
      (d/transact! vconn (mapv (fn [i] {{:m/id i :m/e (vector)}}) ids)))
    (reset! queries (vec (repeatedly {queries} vector)))))
(def vdb (d/db vconn))
(def turn (atom 0))
(defn next-query [] (nth @queries (mod (swap! turn inc) {queries})))
"""
ASK_PEER = """(d/q '[:find ?i :in $ ?q :where
  [(vec-neighbors $ :m/e ?q {:top 10}) [[?m ?a ?v]]] [?m :m/id ?i]] vdb %s)"""


def fill(conn: datamem.Connection, data: Clustered) -> list[int]:
    """Transact all rows; return the t of each thousandth."""
    ts = []
    for at in range(0, len(data.rows), 1_000):
        rows = [
            {"m/id": i, "m/topic": int(data.label[i]), "m/e": data.rows[i]}
            | {f"m/{name}": (i * 7919) % part for name, part in PARTS.items()}
            for i in range(at, at + 1_000)
        ]
        ts.append(conn.transact(rows).t)
    return ts


def rows_of(ask: Callable[..., Any]) -> Callable[[Any], object]:
    """Return a call that answers a prepared query and makes its rows."""
    return lambda query: ask(query).rows()


def turning(work: Callable[[Any], object], queries: Matrix, start: int) -> Callable[[], object]:
    """Return a call that takes the next query each time."""
    turns = itertools.cycle([*range(start, len(queries)), *range(start)])
    return lambda: work(queries[next(turns)])


class World:
    """The data in a database with its graph, and usearch's own view of the same graph."""

    def __init__(self, conn: datamem.Connection, path: Path, data: Clustered) -> None:
        self.data, self.db = data, conn.db
        self.queries = data.queries(QUERIES)
        self.truth = Truth(data, self.queries[:CHECKED])
        self.ids = np.full(int(self.db.next_entity), -1)
        pairs = self.db.q("[:find ?m ?i :where [?m :m/id ?i]]")
        self.ids[pairs.columns["?m"]] = pairs.columns["?i"]
        (graph,) = path.glob("search/*/*.graph")
        self.index: Any = Index.restore(str(graph), view=False)

    def recall_of(self, db: datamem.Db, text: str, allowed: Numbers | slice) -> float:
        """Return the recall@10 of a query over the first queries, by the ids of what it finds."""
        ask = db.prepare(text)
        found = []
        for number, query in enumerate(self.truth.queries):
            ours = [int(self.ids[row[0]]) for row in ask(query).rows()]
            found.append(recall(ours, self.truth.best(number, allowed)))
        return float(np.mean(found))


def present(report: Report, world: World) -> None:
    """Compare a search through Datalog with usearch called directly."""
    db, queries, index = world.db, world.queries, world.index
    ask, joined = db.prepare(SEARCH), db.prepare(JOINED)
    found = in_turns(
        {
            "usearch": here(turning(lambda q: index.search(q, 10, threads=1), queries, 0), 0.3),
            "ours": here(turning(rows_of(ask), queries, 100), 0.3),
            "joined": here(turning(rows_of(joined), queries, 200), 0.3),
        },
        rounds=8,
    )
    reached = world.recall_of(db, SEARCH, slice(None))
    own = np.mean(
        [
            recall(index.search(q, 10).keys.tolist(), world.truth.best(i, slice(None)))
            for i, q in enumerate(world.truth.queries)
        ]
    )
    usearch, ours = found["usearch"].median, found["ours"].median
    report.add(
        "top 10 through Datalog, beside usearch itself on the same graph",
        seconds_text(ours),
        seconds_text(usearch),
        times_text(usearch / ours),
        f"{reached:.3f} ({own:.3f})",
        target="0.9x, 0.98",
        is_met=usearch / ours >= 0.9 and reached >= 0.98,
    )
    joined_s = found["joined"].median
    ratio = times_text(usearch / joined_s)
    report.add("the same, joined with an attribute", seconds_text(joined_s), "", ratio)


def filtered(report: Report, world: World) -> None:
    """Compare filtered searches with an exact scan of the rows that the filter leaves."""
    db, data = world.db, world.data
    for name, part in PARTS.items():
        allowed = np.flatnonzero((np.arange(len(data.rows)) * 7919) % part == 0)
        _filtered(report, world, f"filtered to {100 / part:g} %", f":m/{name}", allowed)
    ids = db.q("[:find ?i ?t :where [?m :m/id ?i] [?m :m/topic ?t]]").columns
    assert len(ids["?i"]) == len(data.rows)
    _filtered(
        report, world, "filtered to one cluster", ":m/topic", np.flatnonzero(data.label == 0)
    )


def _filtered(
    report: Report, world: World, what: str, attribute: str, allowed: Numbers
) -> None:
    db, data, queries = world.db, world.data, world.queries
    ask, alone = db.prepare(FILTERED % attribute), db.prepare(ALLOWED % attribute)
    ids = world.ids

    def scan(query: Matrix) -> object:
        return nearest(data.rows, ids[alone().columns["?m"]], query)

    found = in_turns(
        {
            "ours": here(turning(rows_of(ask), queries, 0), 0.2),
            "scan": here(turning(scan, queries, 100), 0.2),
        }
    )
    ours, theirs = found["ours"].median, found["scan"].median
    reached = world.recall_of(db, FILTERED % attribute, allowed)
    report.add(
        f"{what}, beside the filter and an exact scan in numpy",
        seconds_text(ours),
        seconds_text(theirs),
        times_text(theirs / ours),
        f"{reached:.3f}",
        target="0.5x, 0.98",
        is_met=theirs / ours >= 0.5 and reached >= 0.98,
    )


def past(report: Report, world: World, ts: list[int]) -> None:
    """Compare searches in the past with the present."""
    queries = world.queries
    for part in (0.9, 0.5, 0.1):
        at = int(len(ts) * part)
        view = world.db.as_of(ts[at - 1])
        then, now = view.prepare(SEARCH), world.db.prepare(SEARCH)
        found = in_turns(
            {
                "now": here(turning(rows_of(now), queries, 0), 0.2),
                "then": here(turning(rows_of(then), queries, 100), 0.2),
            }
        )
        reached = world.recall_of(view, SEARCH, slice(0, at * 1_000))
        now_s, then_s = found["now"].median, found["then"].median
        report.add(
            f"as of when {part:.0%} of the vectors were there, beside the present",
            seconds_text(then_s),
            seconds_text(now_s),
            times_text(now_s / then_s),
            f"{reached:.3f}",
            target="0.5x, 0.98",
            is_met=now_s / then_s >= 0.5 and reached >= 0.98,
        )


def commits(report: Report, path: Path, data: Clustered) -> None:
    """Compare commits of a message with and without an embedding."""
    schema = """{:message/content {:db/valueType :db.type/string}
      :message/e {:db/valueType :db.type/vector :db/dimension 384 :db/metric-type :db.metric/cosine}}"""
    with datamem.connect(path, schema, fsync="off") as conn:
        numbers = itertools.count()

        def commit(*, is_embedded: bool) -> None:
            i = next(numbers)
            message: dict[str, Any] = {"message/content": f"message number {i}"}
            if is_embedded:
                message["message/e"] = data.rows[i % len(data.rows)] + np.float32(i)
            conn.transact([message])

        found = in_turns(
            {
                "with": here(lambda: commit(is_embedded=True), 0.3),
                "without": here(lambda: commit(is_embedded=False), 0.3),
            }
        )
    added = found["with"].median - found["without"].median
    report.add(
        "a commit of a message with its embedding, beside one without",
        seconds_text(found["with"].median),
        seconds_text(found["without"].median),
        f"+{seconds_text(added)}",
        target="+100 µs",
        is_met=added <= 100e-6,
    )


def beside_datalevin(report: Report, world: World, path: Path) -> None:
    """Search the same vectors in Datalevin, whose index is usearch as well."""
    peer = datalevin()
    if peer is None:
        return
    file = path / "vectors.bin"
    with file.open("wb") as out:
        world.data.rows.tofile(out)
        world.queries.tofile(out)
    count = len(world.data.rows)
    load = LOAD_PEER.format(file=file, directory=path / "peer", count=count, queries=QUERIES)
    with peer:
        peer.run(f"(do {load} 1)")
        measure = peer.measure(ASK_PEER % "(next-query)", seconds=0.5)
        theirs = in_turns({"peer": measure})["peer"]
        reached = np.mean(
            [
                recall(
                    [row[0] for row in peer.run(f"(vec {ASK_PEER % f'(nth @queries {n})'})")],
                    world.truth.best(n, slice(None)),
                )
                for n in range(CHECKED)
            ]
        )
        report.notes.append(peer.name)
    joined = rows_of(world.db.prepare(JOINED))
    mine = here(turning(joined, world.queries, 0), 0.5)().median
    report.add(
        "top 10 with ids, beside Datalevin's vec-neighbors",
        seconds_text(mine),
        seconds_text(theirs.median),
        times_text(theirs.median / mine),
        f"{world.recall_of(world.db, SEARCH, slice(None)):.3f} ({reached:.3f})",
        target="1x",
        is_met=theirs.median >= mine,
    )


def run(options: Options) -> Report:
    count = options.size or COUNT
    report = Report(
        f"Vector search: {count:,} x 384, clustered, cosine, float32; medians of single calls",
        ("datamem", "beside", "ratio", "recall@10"),
    )
    with options.scratch() as path:
        data = Clustered(count)
        with datamem.connect(path / "db", SCHEMA, fsync="off") as conn:
            ts = fill(conn, data)
            start = time.perf_counter()
            build_index(conn.db, ":m/e")
            report.notes.append(
                f"the graph was built in {time.perf_counter() - start:.0f} s, one thread"
            )
        with datamem.connect(path / "db") as conn:
            world = World(conn, path / "db", data)
            present(report, world)
            filtered(report, world)
            past(report, world, ts)
            commits(report, path / "commits", data)
            if options.has_peers:
                beside_datalevin(report, world, path)
    return report
