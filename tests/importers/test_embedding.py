"""Vectors for texts that have none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import datamem
from datamem.importers import embedding
from datamem.importers.embedding import embed_missing
from datamem_cli.main import run

SCHEMA = """{:note/text {:db/valueType :db.type/string :db/fulltext true}
             :note/body {:db/valueType :db.type/string :db/embed :note/vector}
             :note/vector {:db/index-type :db.index/vector :db/dimension 2}}"""


class Counting:
    name = "counting"

    def __init__(self, most: int = 1000) -> None:
        self.left = most

    def __call__(self, texts: Sequence[str]) -> Any:
        self.left -= len(texts)
        if self.left < 0:
            raise RuntimeError("no more today")
        return np.array([[len(text), 1] for text in texts], np.float32)


def test_an_interrupted_run_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "BATCH_TEXTS", 2)
    with datamem.connect(schema=SCHEMA) as conn:
        conn.transact([{"note/text": "x" * i} for i in range(1, 8)])
        told: list[tuple[int, int]] = []
        with pytest.raises(datamem.DatamemError, match="embed/failed"):
            embed_missing(conn, Counting(5), ["note/text"], progress=lambda *n: told.append(n))
        assert told == [(2, 7), (4, 7)]
        report = embed_missing(conn, Counting(5), ["note/text"])
        assert report.text_count == 3
        assert report.targets == (":embedding/counting",)
        assert embed_missing(conn, Counting(5), ["note/text"]).text_count == 0
        assert conn.db.q("[:find (count ?e) . :where [?e :embedding/counting]]") == 7


def test_what_the_schema_says_is_embedded_where_it_says() -> None:
    with datamem.connect(schema=SCHEMA) as conn:
        conn.transact([{"note/body": "given", "note/vector": [0, 1]}, {"note/text": "other"}])
        assert embed_missing(conn, Counting()).text_count == 0
        assert embed_missing(conn, Counting()).targets == (":note/vector",)


def test_import_embeds_what_it_brings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chat = tmp_path / "chat.json"
    messages = [
        {"role": "user", "content": "good morning"},
        {"role": "user", "content": "tea?"},
    ]
    chat.write_text(json.dumps({"messages": messages}))
    arguments = ["import", "--db", str(tmp_path / "db"), "--embed"]
    for expected in ("embedded 2 texts to :embedding/hash-256", "nothing to embed"):
        assert run([*arguments, "hash", str(chat)]) == 0
        assert expected in capsys.readouterr().out
    with datamem.connect(tmp_path / "db", read_only=True) as conn:
        assert conn.db.q("[:find (count ?e) . :where [?e :embedding/hash-256]]") == 2
    assert run([*arguments, "nobody", str(chat)]) == 1
    assert "embed/unknown-embedder" in capsys.readouterr().err
