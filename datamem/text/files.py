"""What a stored text index says of itself, so that a wrong one is noticed and built anew.

Beside the engine's files lie `known.bin`, one bit for each code of the heap that is indexed, and `manifest.json`:
versions, how far the index is in the log and what stands there, and a checksum of every file.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import numpy as np
import tantivy

from datamem.index.kernels import BoolArray
from datamem.text.analysis import ANALYSIS_VERSION

FORMAT: Final = 1
_ENGINE: Final[str] = getattr(tantivy, "__version__", "")
_MANIFEST: Final = "manifest.json"
_KNOWN: Final = "known.bin"
_CHANGING: Final = {_MANIFEST, "meta.json", ".managed.json"}
"""Files that are written again under the same name."""


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a stored index stands in the log.

    Attributes:
        synced_tx: the last transaction whose texts it has.
        instant_us: the instant of that transaction: a log that lost its end has another one there.
        text_count: how many texts it holds.
        last_code: the greatest code it holds, and `last_crc` the CRC-32 of that text.
    """

    synced_tx: int
    instant_us: int
    text_count: int
    last_code: int
    last_crc: int


def checksum(text: str) -> int:
    """Return the CRC-32 of a text."""
    return crc32(text.encode("utf-8", "surrogatepass"))


def write_stand(path: Path, stand: Stand, known: BoolArray) -> None:
    """Write what an index says of itself, after the engine has committed."""
    (path / _KNOWN).write_bytes(np.packbits(known).tobytes())
    before = _read_manifest(path)
    old = before.get("files", {}) if before else {}
    body = {
        "format": FORMAT,
        "engine": _ENGINE,
        "analysis": ANALYSIS_VERSION,
        "stand": asdict(stand),
        "codes": len(known),
        "files": _checksums(path, {k: v for k, v in old.items() if k != _KNOWN}),
    }
    part = path / f"{_MANIFEST}.part"
    part.write_text(json.dumps(body), encoding="utf-8")
    part.replace(path / _MANIFEST)


def read_stand(path: Path) -> tuple[Stand, BoolArray] | None:
    """Return what a stored index says of itself; None if it cannot be used.

    Files that it names and that are gone were merged into others; the engine misses those it needs.
    """
    body = _read_manifest(path)
    if body is None:
        return None
    versions = (body.get("format"), body.get("engine"), body.get("analysis"))
    if versions != (FORMAT, _ENGINE, ANALYSIS_VERSION):
        return None
    try:
        files: dict[str, list[int]] = body["files"]
        there = {name: said for name, said in files.items() if (path / name).exists()}
        if any(_checksum_of(path / name) != tuple(said) for name, said in there.items()):
            return None
        bits = np.frombuffer((path / _KNOWN).read_bytes(), np.uint8)
        known = np.unpackbits(bits, count=body["codes"]).astype(np.bool_)
        return Stand(**body["stand"]), known
    except (OSError, KeyError, TypeError, ValueError):
        return None


def remove_index(path: Path) -> None:
    """Remove a stored index; none is no harm."""
    shutil.rmtree(path, ignore_errors=True)


def remove_others(path: Path) -> None:
    """Remove what is stored of the same attribute in other languages."""
    number = path.name.partition("-")[0]
    for other in path.parent.glob(f"{number}-*"):
        if other != path:
            remove_index(other)


def _read_manifest(path: Path) -> dict[str, Any] | None:
    try:
        body = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return body if isinstance(body, dict) else None


def _checksums(path: Path, known: Mapping[str, list[int]]) -> dict[str, list[int]]:
    """Return [size, CRC-32] of every file that does not change; known ones are not read again."""
    found = {}
    for file in sorted(path.iterdir()):
        if file.name in _CHANGING or file.suffix in {".lock", ".part"} or not file.is_file():
            continue
        found[file.name] = known.get(file.name) or list(_checksum_of(file))
    return found


def _checksum_of(file: Path) -> tuple[int, int]:
    """Return size and CRC-32."""
    data = file.read_bytes()
    return len(data), crc32(data)
