"""LoCoMo as databases, questions and gold evidence; absent data is no failure.

The data is CC BY-NC 4.0 and not part of this repository: it is read where `LOCOMO` names the file.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

import datamem
from datamem.importers import import_file
from datamem.memory import Memory

Float32Array = npt.NDArray[np.float32]

DATA = Path(os.environ.get("LOCOMO", "../shared/data/locomo10.json"))
AUDIT = DATA.with_name("locomo_audit_errors.json")
CACHE = Path(os.environ.get("LOCOMO_CACHE", ".deps/locomo"))
"""Where embeddings are kept between runs."""

CATEGORIES = {
    1: "multi-hop",
    2: "temporal",
    3: "open-domain",
    4: "single-hop",
    5: "adversarial",
}
_EVIDENCE = re.compile(r"D:?(\d+):(\d+)")
_STRICT = re.compile(r"D(\d+):(\d+)")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and where its answer is.

    Attributes:
        category: 1 to 5, see `CATEGORIES`.
        turns: external ids of the turns that answer it; repaired where they are malformed.
        sessions: numbers of the sessions, of well-formed evidence only.
        corrected: turns after the audit's corrections.
    """

    text: str
    category: int
    turns: frozenset[str]
    sessions: frozenset[int]
    corrected: frozenset[str]


@dataclass(slots=True)
class Conversation:
    """One conversation as a database of its own, as one agent would have it."""

    name: str
    memory: Memory
    asked: list[Asked] = field(default_factory=list)


def is_there() -> bool:
    """Tell whether the data is."""
    return DATA.exists()


def conversations(embedder: Any = None) -> Iterator[Conversation]:
    """Yield the conversations, each imported and, given an embedder, embedded."""
    corrections = _corrections()
    for index, sample in enumerate(json.loads(DATA.read_text(encoding="utf-8"))):
        name = str(sample["sample_id"])
        conn = datamem.connect()
        memory = Memory(conn, embedder=embedder)
        with TemporaryDirectory() as directory:
            path = Path(directory) / "one.json"
            path.write_text(json.dumps([sample]), encoding="utf-8")
            import_file(conn, path, format="locomo")
        if embedder is not None:
            memory.embed()
        found = Conversation(name, memory)
        for number, item in enumerate(sample["qa"]):
            found.asked.append(
                _asked(name, item, corrections.get(f"locomo_{index}_qa{number}"))
            )
        yield found
        conn.close()


def _asked(name: str, item: dict[str, Any], corrected: Sequence[str] | None) -> Asked:
    turns = frozenset(_turns(name, item["evidence"]))
    strict = [_STRICT.fullmatch(one.strip()) for one in item["evidence"]]
    sessions = frozenset(int(match[1]) for match in strict if match)
    after = turns if corrected is None else frozenset(_turns(name, corrected))
    return Asked(item["question"], int(item["category"]), turns, sessions, after)


def _turns(name: str, evidence: Sequence[str]) -> Iterator[str]:
    for one in evidence:
        for session, turn in _EVIDENCE.findall(one):
            yield f"{name}/D{int(session)}:{int(turn)}"


def _corrections() -> dict[str, list[str]]:
    """Return the evidence that the audit found right, by its names of questions."""
    if not AUDIT.exists():
        return {}
    issues = json.loads(AUDIT.read_text(encoding="utf-8"))
    return {
        i["question_id"]: i["correct_evidence"] for i in issues if i.get("correct_evidence")
    }


class Cached:
    """An embedder that keeps what it has embedded in a file."""

    def __init__(self, embed: Callable[[Sequence[str]], Float32Array], name: str) -> None:
        self.name = name
        self._embed = embed
        self._path = CACHE / f"{re.sub(r'[^a-z0-9]+', '-', name.lower())}.npz"
        self._known: dict[str, Float32Array] = {}
        if self._path.exists():
            with np.load(self._path) as file:
                self._known = dict(zip(file["keys"].tolist(), file["vectors"], strict=True))

    def __call__(self, texts: Sequence[str]) -> Float32Array:
        """Return the vectors of texts, float32[n, d]."""
        keys = [sha256(text.encode()).hexdigest() for text in texts]
        new = {k: t for k, t in zip(keys, texts, strict=True) if k not in self._known}
        if new:
            self._known.update(zip(new, self._embed(list(new.values())), strict=True))
        return np.stack([self._known[key] for key in keys])

    def keep(self) -> None:
        """Write what is known to the file."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        keys = np.array(list(self._known))
        np.savez(self._path, keys=keys, vectors=np.stack(list(self._known.values())))
