"""Words and vectors together: what fusing costs, strings that embed themselves, and embedders."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

import datamem
from bench.frame.options import Options
from bench.frame.report import Report, rate_text, seconds_text, times_text
from bench.frame.timing import Times, here, in_turns, timed
from bench.text import messages
from datamem.db.hits import Hits
from datamem.errors import DatamemError
from datamem.search import fuse, hybrid
from datamem.search.embedders import Named, embedder
from datamem.text import search as search_words
from datamem.vector import build_index
from datamem.vector import search as search_vectors

MESSAGES, DIMENSIONS, COMMITS = 20_000, 384, 300
OVERHEAD = 1.3
SCHEMA = """{:message/content {:db/valueType :db.type/string :db/fulltext true}
             :message/embedding {:db/valueType :db.type/vector :db/dimension 384}
             :note/text {:db/valueType :db.type/string :db/embed :message/embedding}
             :note/bare {:db/valueType :db.type/string}}"""
_WORDS = """the a to of and in that was for her his with she he it they had about when from very
    garden morning children school letter music winter river mountain painting kitchen doctor friend
    weekend holiday bicycle concert library remember planning visited wanted helped bought finished
    beautiful strange important together yesterday tomorrow always sometimes never"""
QUERY = "word3 word40 word120 word700 word2500 word8000"


def run(options: Options) -> Report:
    count = options.size or MESSAGES
    report = Report(
        f"hybrid search, {count:,} messages with vectors of {DIMENSIONS} dimensions",
        ("figure", "beside", "ratio"),
    )
    random = np.random.default_rng(11)
    vectors = random.normal(size=(count, DIMENSIONS)).astype(np.float32)
    given = Named(lambda texts: vectors[: len(texts)], "given", DIMENSIONS)
    with datamem.connect(schema=SCHEMA, embedders={"given": given}) as conn:
        conn.load({"message/content": messages(count), "message/embedding": list(vectors)})
        build_index(conn.db, ":message/embedding")
        _hybrid(report, conn.db, vectors[7])
        _fuse(report, random)
        _commits(report, conn, vectors)
    _embedders(report)
    report.notes += [
        "hybrid, beside: its two searches of 100 hits each, called by themselves, added",
        "a text that embeds itself, beside: text and vector transacted as two values; the embedder returns one that is there",
    ]
    return report


def _hybrid(report: Report, db: datamem.Db, vector: Any) -> None:
    searches = {"words": ("message/content", QUERY), "close": ("message/embedding", vector)}
    works: dict[str, Any] = {
        "hybrid": here(lambda: hybrid(db, searches, 10)),
        "words": here(lambda: search_words(db, "message/content", QUERY, 100)),
        "close": here(lambda: search_vectors(db, "message/embedding", vector, 100)),
    }
    times = in_turns(works)
    parts = times["words"].median + times["close"].median
    ratio = times["hybrid"].median / parts
    report.add(
        "hybrid, top 10",
        seconds_text(times["hybrid"].median),
        seconds_text(parts),
        times_text(ratio),
        target=f"{OVERHEAD}x",
        is_met=ratio <= OVERHEAD,
    )


def _fuse(report: Report, random: np.random.Generator) -> None:
    lists = {}
    for name in ("words", "close"):
        e = random.choice(500, 100, replace=False).astype(np.int64)
        lists[name] = Hits(e, e, e, np.sort(random.random(100))[::-1])
    times = in_turns({"fuse": here(lambda: fuse(lists, k=10))})["fuse"]
    report.add("fusing two lists of 100", seconds_text(times.median))


def _commits(report: Report, conn: datamem.Connection, vectors: Any) -> None:
    conn.transact([{"note/text": "the first names the model"}])
    took: dict[str, list[float]] = {"itself": [], "given": []}
    for i in itertools.islice(itertools.count(), COMMITS):
        itself = [{"note/text": f"a note {i}"}]
        both = [{"note/bare": f"another note {i}", "message/embedding": vectors[0] + i}]
        took["itself"].append(timed(lambda data=itself: conn.transact(data)))  # type: ignore[misc]
        took["given"].append(timed(lambda data=both: conn.transact(data)))  # type: ignore[misc]
    times = {name: Times.of(seconds) for name, seconds in took.items()}
    report.add(
        "commit of a text that embeds itself",
        seconds_text(times["itself"].median),
        seconds_text(times["given"].median),
        times_text(times["itself"].median / times["given"].median),
    )


def _embedders(report: Report) -> None:
    random = np.random.default_rng(5)
    words = np.array(_WORDS.split(), object)
    texts = [" ".join(random.choice(words, random.integers(8, 32))) for _ in range(2_000)]
    for name, count in (("hash", 2_000), ("wordllama", 2_000), ("minilm", 64)):
        try:
            model = embedder(name)
        except DatamemError:
            report.notes.append(f"{name} is not installed")
            continue
        model(texts[:32])
        seconds = min(timed(lambda m=model, n=count: m(texts[:n])) for _ in range(3))  # type: ignore[misc]
        report.add(
            f"embedder {name}, texts of 8 to 31 words", rate_text(count / seconds, "texts")
        )
