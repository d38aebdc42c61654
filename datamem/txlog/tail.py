"""What the end of a log file means: its regular end, a torn write, or damage.

A crash may leave the records that were not yet synced in any state: missing, cut, or with some
512-byte sectors written and others still zero. A disk may damage any record at any time. The two
must be told apart, because a torn record was never acknowledged and is cut, while a damaged one
was perhaps acknowledged and must be reported and never cut. Evidence for damage:

1. a later intact record says that this one was durable before it was written;
2. the mark written at the last close says so;
3. the record is complete (its end byte is in place, no sector of it is all zeros) and yet its
   checksum is wrong: a torn write leaves something out, it does not change what it wrote.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from datamem.txlog.frame import (
    END,
    HEAD_BYTES,
    claimed_stop,
    find_frame,
    find_later_frames,
    fits_with_length,
)

SECTOR_BYTES: Final = 512


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows the last whole record: `torn` may be cut, otherwise it is damage."""

    torn: bool
    reason: str


def judge_tail(data: bytes, stop: int, entry: int, durable: int, seed: int) -> Verdict | None:
    """Judge what stands at `stop`, where record `entry` would start.

    Args:
        data: the whole log file.
        stop: where the run of whole records ends.
        entry: number of the record that would start at `stop`.
        durable: the newest entry known to have been durable.
        seed: of the file's checksums.

    Returns:
        None at the regular end (nothing but zeros follows).
    """
    used = len(data.rstrip(b"\0"))
    if used <= stop and durable < entry:
        return None
    later = find_later_frames(data, stop, seed)
    if durable >= entry:
        return Verdict(torn=False, reason=_lost(data, stop, used, durable))
    if frame := find_frame(data, stop, seed):
        return Verdict(torn=False, reason=f"is entry {frame.number}, out of its place")
    if any(frame.durable >= entry or frame.number <= entry for _, frame in later):
        return Verdict(torn=False, reason="has a wrong checksum, and intact entries follow it")
    limit = later[0][0] if later else len(data)
    if is_torn(data, stop, limit, seed):
        return Verdict(torn=True, reason="was not wholly written before a crash")
    return Verdict(torn=False, reason="is complete and has a wrong checksum")


def _lost(data: bytes, stop: int, used: int, durable: int) -> str:
    if used <= stop or stop >= len(data):
        return f"is missing, and entries up to {durable} had been stored"
    return f"has a wrong checksum, and entries up to {durable} had been stored"


def is_torn(data: bytes, start: int, limit: int, seed: int) -> bool:
    """Tell whether the record between `start` and `limit` lacks bytes that were to be written."""
    if limit - start < HEAD_BYTES:
        return True
    stop = start + len(data[start:limit].rstrip(b"\0"))
    if stop - start <= HEAD_BYTES:
        return True
    complete = (
        claimed_stop(data, start) == stop
        or fits_with_length(data, start, stop, seed)
        or (stop == limit < len(data) and data[stop - 1] == END)
    )
    return not complete or _has_zero_sector(data, start, stop)


def _has_zero_sector(data: bytes, start: int, stop: int) -> bool:
    """Tell whether some sector's share of data[start:stop] is all zeros."""
    if start % SECTOR_BYTES + stop - start <= SECTOR_BYTES:
        return False
    edges = [
        start,
        *range((start // SECTOR_BYTES + 1) * SECTOR_BYTES, stop, SECTOR_BYTES),
        stop,
    ]
    return any(data.count(0, low, high) == high - low for low, high in pairwise(edges))
