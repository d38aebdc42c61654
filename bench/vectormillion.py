"""A million vectors in f16 and i8: opening, and the memory of searches, beside usearch's own file."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import datamem
from bench.frame.clustered import Clustered, Truth, recall
from bench.frame.options import Options
from bench.frame.report import Report, seconds_text, times_text
from datamem.vector import build_index

COUNT, QUERIES, CHECKED = 1_000_000, 200, 20
BATCH, THREADS = 5_120, 2
SCHEMA = """{{:m/id {{:db/valueType :db.type/long}}
  :m/e {{:db/valueType :db.type/vector :db/dimension 384 :db/metric-type :db.metric/cosine
         :db/dtype :db.dtype/{dtype}}}}}"""

CHILD = """
import json, re, sys, time
import numpy as np
import datamem
from datamem.vector import search
from usearch.index import Index

def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[1]) << 10

which, path, queries = sys.argv[1], sys.argv[2], np.load(sys.argv[3])
before, start = resident(), time.perf_counter()
if which == "usearch":
    index = Index.restore(path, view=True)
    ask = lambda q: index.search(q, 10, threads=1).keys.tolist()
else:
    conn = datamem.connect(path)
    db = conn.db
    (attribute,) = [a for a in db.schema if a.vector is not None]
    ask = lambda q: search(db, str(attribute.ident), q, 10, exact=False).e.tolist()
found = [ask(queries[0])]
opened = time.perf_counter() - start
took = []
for query in queries:
    start = time.perf_counter()
    found.append(ask(query))
    took.append(time.perf_counter() - start)
print(json.dumps([opened, float(np.median(took)), resident() - before, found[1:]]))
"""


def built(path: Path, data: Clustered, dtype: str) -> float:
    """Load the rows and build their graph, unless that was done; return the seconds that the graph took."""
    done = path / "built.json"
    count = len(data.rows)
    if done.exists():
        known = json.loads(done.read_text())
        if known["rows"] != count:
            message = f"{path} holds {known['rows']:,} rows, and not {count:,}"
            raise ValueError(message)
        return float(known["seconds"])
    shutil.rmtree(path / "db", ignore_errors=True)
    with datamem.connect(path / "db", SCHEMA.format(dtype=dtype), fsync="off") as conn:
        for at in range(0, count, BATCH):
            some = range(at, min(at + BATCH, count))
            conn.transact([{"m/id": i, "m/e": data.rows[i]} for i in some])
            _say(f"{dtype}: transacted", some.stop, count)
        start = time.perf_counter()
        build_index(conn.db, ":m/e", partial(_say, f"{dtype}: in the graph"), threads=THREADS)
        took = time.perf_counter() - start
    done.write_text(json.dumps({"rows": count, "seconds": took}))
    return took


def _say(what: str, done: int, count: int) -> None:
    """Show how far a build is, now and then: it takes long."""
    if done % 25_600 == 0 or done == count:
        now = time.strftime("%H:%M:%S")
        print(f"{now} {what}: {done:,} of {count:,}", file=sys.stderr, flush=True)


def measured(which: str, path: Path, queries: Path) -> Any:
    """Open and search in a process of its own; return what it said."""
    command = [sys.executable, "-c", CHILD, which, str(path), str(queries)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def run(options: Options) -> Report:
    count = options.size or COUNT
    report = Report(
        f"{count:,} x 384, clustered, cosine: opening, and {QUERIES} searches in a process of their own",
        ("datamem", "usearch", "ratio", "recall@10"),
    )
    data = Clustered(count)
    queries = data.queries(QUERIES)
    for dtype in ("i8", "f16"):
        with options.place(dtype) as path:
            took = built(path, data, dtype)
            report.notes.append(
                f"{dtype}: the graph was built in {took:.0f} s, {THREADS} threads"
            )
            np.save(path / "queries.npy", queries)
            (graph,) = (path / "db").glob("search/*/*.graph")
            theirs = measured("usearch", graph, path / "queries.npy")
            ours = measured("datamem", path / "db", path / "queries.npy")
            _add(report, dtype, data, queries, ours, theirs, path / "db")
    return report


def _add(
    report: Report,
    dtype: str,
    data: Clustered,
    queries: Any,
    ours: Any,
    theirs: Any,
    path: Path,
) -> None:
    with datamem.connect(path) as conn:
        pairs = conn.db.q("[:find ?m ?i :where [?m :m/id ?i]]").rows()
    ids = dict(pairs)
    truth = Truth(data, queries[:CHECKED])
    wanted = [truth.best(i, slice(None)) for i in range(CHECKED)]
    reached = [
        recall([ids[e] for e in found], w) for found, w in zip(ours[3], wanted, strict=False)
    ]
    own = [recall(found, w) for found, w in zip(theirs[3], wanted, strict=False)]
    shown = f"{np.mean(reached):.3f} ({np.mean(own):.3f})"
    report.add(
        f"{dtype}: opening and a first search",
        *map(seconds_text, (ours[0], theirs[0])),
        target="1 s",
        is_met=ours[0] < 1,
    )
    ratio = times_text(theirs[1] / ours[1])
    report.add(
        f"{dtype}: a search", seconds_text(ours[1]), seconds_text(theirs[1]), ratio, shown
    )
    memory = [f"{taken / 1e6:,.0f} MB" for taken in (ours[2], theirs[2])]
    ratio = times_text(ours[2] / theirs[2])
    report.add(
        f"{dtype}: resident memory",
        *memory,
        ratio,
        target="1.1x",
        is_met=ours[2] <= 1.1 * theirs[2],
    )
