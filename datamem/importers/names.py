"""Ids that derive from the source, so that importing twice means the same entities."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final
from uuid import UUID, uuid5

_NAMESPACE: Final = UUID("6f1d2f52-6d0b-5a5e-9d0e-6c1f3e6f7a10")
"""Fixed for ever: changing it would import everything a second time."""


def derived_uuid(*path: str | int) -> UUID:
    """Return the UUID of whatever is found by this path in its source; the same at every call."""
    return uuid5(_NAMESPACE, json.dumps(path, ensure_ascii=False))


def digest_of(value: Any) -> str:
    """Return a short digest of JSON data that does not depend on the order of its keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def digest_of_bytes(data: bytes) -> str:
    """Return a short digest of a file's content."""
    return hashlib.sha256(data).hexdigest()[:16]
