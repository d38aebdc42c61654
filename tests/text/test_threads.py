"""Searches in several threads, beside a thread that commits."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import datamem
from datamem.text import search
from tests.text.test_views import SmallParts

SCHEMA = """{:m/text {:db/valueType :db.type/string :db/fulltext true
                      :db.fulltext/language "de" :db.fulltext/autoDomain true}}"""
COMMITS = 60


@pytest.mark.parametrize("sizes", [(4096, 1024), (7, 3)])
def test_every_thread_finds_what_its_value_holds(sizes: tuple[int, int]) -> None:
    """Each value of t holds t - start texts with the word, whatever others index meanwhile."""
    with SmallParts(sizes), datamem.connect(schema=SCHEMA) as conn:
        start = conn.db.basis_t
        done = threading.Event()

        def write() -> None:
            for i in range(COMMITS):
                conn.transact([{"m/text": f"Haus Nummer {i}"}])
            done.set()

        def read() -> int:
            count = 0
            while True:
                was_done = done.is_set()
                db = conn.db
                hits = search(db, "m/text", 'häuser "haus nummer" num*', 1000)
                assert len(hits.e) == db.basis_t - start
                assert len(set(hits.e.tolist())) == len(hits.e)
                count += 1
                if was_done:
                    return count

        with ThreadPoolExecutor(4) as pool:
            readers = [pool.submit(read) for _ in range(3)]
            pool.submit(write).result()
            assert all(reader.result() >= 1 for reader in readers)
        assert len(search(conn.db, "m/text", "haus", 1000).e) == COMMITS
