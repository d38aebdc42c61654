"""Recall over 100,000 memories and messages, and the strength of a million memories."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

import datamem
from bench.frame.options import Options
from bench.frame.report import Report, seconds_text
from bench.frame.timing import Times, calls_for, timed
from datamem.memory import Memory
from datamem.memory.memories.embeddings import vectors_of
from datamem.memory.reflection.strength import TAXONOMY, decay_of
from datamem.vector.build import build_index

Float32Array = npt.NDArray[np.float32]

MEMORIES = 100_000
MILLION = 1_000_000
DIMENSIONS = 384
TURNS = 25
P50_S, P95_S, STRENGTH_S = 5e-3, 10e-3, 50e-3
_VOCABULARY, _CLUSTERS, _WORDS = 20_000, 500, 14
_START = np.datetime64("2025-01-01", "us")
_YEAR_US = 365 * 86_400 * 1_000_000


class Written:
    """Synthetic texts and vectors: words by Zipf's law, vectors in clusters."""

    name = "synthetic"

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        syllables = [a + b for a in "bdfgklmnprstv" for b in "aeiou"]
        numbers = self.rng.permutation(len(syllables) ** 3)[:_VOCABULARY]
        self.words = np.array(
            [
                "".join(syllables[n // len(syllables) ** i % len(syllables)] for i in range(3))
                for n in numbers.tolist()
            ]
        )
        self.chances = 1 / np.arange(1, _VOCABULARY + 1)
        self.chances /= self.chances.sum()
        self.centres = self.rng.standard_normal((_CLUSTERS, DIMENSIONS)).astype(np.float32)

    def texts(self, count: int, words: int = _WORDS) -> list[str]:
        """Return some texts of so many words."""
        chosen = self.rng.choice(_VOCABULARY, (count, words), p=self.chances)
        return [" ".join(row) for row in self.words[chosen]]

    def vectors(self, count: int) -> Float32Array:
        """Return float32[n, d] of length one."""
        noise = self.rng.standard_normal((count, DIMENSIONS)).astype(np.float32)
        found = self.centres[self.rng.integers(0, _CLUSTERS, count)] + 0.6 * noise
        normal: Float32Array = found / np.linalg.norm(found, axis=1, keepdims=True)
        return normal

    def __call__(self, texts: list[str]) -> Float32Array:
        """Embed, as far as a synthetic text has a meaning."""
        return self.vectors(len(texts))


def _instants(count: int, rng: np.random.Generator) -> Any:
    return _START + np.sort(rng.integers(0, _YEAR_US, count)).astype("timedelta64[us]")


def _load_memories(memory: Memory, written: Written, count: int, attribute: str | None) -> None:
    rng = written.rng
    kinds = [datamem.Keyword(name) for name in TAXONOMY]
    columns: dict[str, Any] = {
        ":memory/content": written.texts(count),
        ":memory/type": [kinds[i] for i in rng.integers(0, len(kinds), count).tolist()],
        ":memory/created-at": _instants(count, rng),
        ":memory/initial-strength": rng.random(count),
        ":memory/importance": rng.random(count),
    }
    if attribute is not None:
        columns[attribute] = list(written.vectors(count))
    memory.conn.load(columns)


def _load_messages(memory: Memory, written: Written, count: int) -> None:
    """Add sessions of `TURNS` turns."""
    rng = written.rng
    sessions = count // TURNS
    first = memory.conn.db.next_entity
    memory.conn.load({":session/created-at": _instants(sessions, rng)})
    started = np.repeat(_instants(sessions, rng), TURNS)
    turn = np.tile(np.arange(1, TURNS + 1), sessions)
    memory.conn.load(
        {
            ":message/content": written.texts(sessions * TURNS),
            ":message/session": np.repeat(np.arange(first, first + sessions), TURNS),
            ":message/sequence": turn,
            ":message/timestamp": started + turn.astype("timedelta64[s]"),
        }
    )


def _questions(written: Written, count: int = 400) -> Callable[[], tuple[str, Float32Array]]:
    texts = written.texts(count, words=6)
    vectors = written.vectors(count)
    following = itertools.cycle(zip(texts, vectors, strict=True))
    return lambda: next(following)


def _recalls(memory: Memory, written: Written, *, has_vectors: bool) -> tuple[Times, Times]:
    """Return the times of single recalls by the wall clock, and by the processor."""
    question = _questions(written)
    processor: list[float] = []

    def work() -> object:
        text, vector = question()
        start = time.thread_time()
        found = memory.recall(text, k=10, vector=vector if has_vectors else None).items
        processor.append(time.thread_time() - start)
        return found

    for _ in range(50):
        work()
    processor.clear()
    wall = calls_for(work, 4.0, least=200)
    return wall, Times.of(processor)


def _measure_recall(
    report: Report,
    count: int,
    what: str,
    *,
    of_messages: bool = False,
    has_vectors: bool = False,
) -> None:
    written = Written()
    with datamem.connect() as conn:
        memory = Memory(conn, embedder=written if has_vectors else None)
        attribute = None
        if has_vectors:
            attribute = vectors_of(conn, written.name, DIMENSIONS).attribute
        if of_messages:
            _load_messages(memory, written, count)
        else:
            _load_memories(memory, written, count, attribute)
        if attribute is not None:
            build_index(conn.db, attribute)
        first = timed(lambda: memory.recall(written.texts(1)[0]))
        times, processor = _recalls(memory, written, has_vectors=has_vectors)
    p95 = times.quantile(0.95)
    report.add(
        f"{count:,} {what}",
        seconds_text(times.median),
        seconds_text(p95),
        seconds_text(processor.median),
        seconds_text(processor.quantile(0.95)),
        seconds_text(first),
        target=f"{seconds_text(P50_S)}, {seconds_text(P95_S)}",
        is_met=times.median <= P50_S and p95 <= P95_S,
    )


def _measure_strength(report: Report, count: int) -> None:
    written = Written()
    rng = written.rng
    kinds = [datamem.Keyword(name) for name in TAXONOMY]
    with datamem.connect() as conn:
        Memory(conn)
        conn.load(
            {
                ":memory/type": [kinds[i] for i in rng.integers(0, len(kinds), count).tolist()],
                ":memory/created-at": _instants(count, rng),
                ":memory/initial-strength": rng.random(count),
            }
        )
        db = conn.db
        instants = itertools.count(conn.now_us(), 3_600_000_000)

        def first() -> object:
            db.cache.clear()
            return decay_of(db).at(next(instants))

        rows = (
            ("the first time of a value", calls_for(first, 2.0)),
            ("another instant", calls_for(lambda: decay_of(db).at(next(instants)), 2.0)),
        )
    for what, times in rows:
        report.add(
            f"strength of {count:,}: {what}",
            seconds_text(times.median),
            seconds_text(times.quantile(0.95)),
            target=seconds_text(STRENGTH_S),
            is_met=times.median <= STRENGTH_S,
        )


def run(options: Options) -> Report:
    report = Report(
        "Recall with ten items and their texts, and strength",
        ("p50", "p95", "processor p50", "processor p95", "first"),
    )
    count = options.size or MEMORIES
    _measure_recall(report, count, "memories, words")
    _measure_recall(report, count, f"messages in sessions of {TURNS}, words", of_messages=True)
    _measure_strength(report, MILLION if options.size is None else options.size * 10)
    _measure_recall(report, count, "memories, words and vectors", has_vectors=True)
    report.notes += [
        "the query's embedding is not in the figures; texts are 14 words by Zipf's law, questions 6",
        "processor: what the recall computed, without waiting for whoever else uses the machine",
        "first: the first recall after loading, which builds the index of words",
    ]
    return report
