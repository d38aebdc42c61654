"""Is the event log of a run what it was when it was written, and where does it first differ?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from datamem.db import Db
from datamem.errors import RunError
from datamem.index.words import us_of_instant
from datamem.kv.reading import value_of, values_of
from datamem.runs.events import Event, digest_of, events_of_run, first_previous
from datamem.runs.runs import Run, find_run, view_of


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """The first place where the chain of a run's events does not hold.

    Attributes:
        sequence: of the event that is wrong or missing.
        why: what is wrong with it.
        expected, found: the two digests, where the digest differs.
    """

    sequence: int
    why: str
    expected: str | None = None
    found: str | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` found.

    Attributes:
        run: id of the run.
        event_count: events whose links hold, from the first.
        digest: of the last of those.
        broken: the first broken link, None where all hold.
    """

    run: str
    event_count: int
    digest: str
    broken: BrokenLink | None

    @property
    def is_whole(self) -> bool:
        """Tell whether every link holds."""
        return self.broken is None


def verify(run: Run | str | int, db: Db | None = None) -> Verification:
    """Recompute the digests of a run's events and name the first link that does not hold.

    Of an ended run it also notices that events at the end are missing. Of a run that is still open it
    cannot; the database's own log can (`datamem check`).

    Args:
        db: the database value to read; None: now, of a `Run`'s connection.

    Raises:
        RunError: `run/unknown`.
    """
    view = view_of(run, db)
    eid = find_run(view, run)
    name: str = value_of(view, eid, ":run/id")
    previous, count = first_previous(name), 0
    for event in events_of_run(view, eid, name):
        broken = _check(event, count + 1, previous)
        if broken is not None:
            return Verification(name, count, previous, broken)
        previous, count = event.digest, count + 1
    return Verification(name, count, previous, _check_end(view, eid, count, previous))


def check_events(run: Run | str | int, db: Db | None = None) -> Verification:
    """Return what `verify` finds of a whole run.

    Raises:
        RunError: `event/broken-chain` with the first broken link, `run/unknown`.
    """
    found = verify(run, db)
    if found.broken is not None:
        broken = found.broken
        raise RunError(
            f"the events of run {found.run} are not as written: event {broken.sequence} {broken.why}",
            code="event/broken-chain",
            hint="conn.db.history() has what was there before, and which transaction changed it",
            run=found.run,
            sequence=broken.sequence,
        )
    return found


def _check(event: Event, sequence: int, previous: str) -> BrokenLink | None:
    place = _place(event)
    if place != sequence:
        why = "is there twice" if place < sequence else "is missing"
        return BrokenLink(min(place, sequence), why)
    if event.previous != previous:
        return BrokenLink(
            sequence, "does not follow from the event before it", previous, event.previous
        )
    expected = _digest(event)
    if event.digest != expected:
        return BrokenLink(sequence, "is not what its digest says", expected, event.digest)
    return None


def _place(event: Event) -> int:
    sequence: int | None = (
        event.sequence
    )  # whoever took it away, took the event out of its place
    return sequence or 0


def _digest(event: Event) -> str:
    """Return the digest an event should have; no digest if its time or type was taken away."""
    timestamp: datetime | None = event.timestamp
    if timestamp is None:
        return ""
    at_us = us_of_instant(timestamp)
    return digest_of(
        event.run,
        event.sequence,
        event.type,
        event.payload,
        at_us,
        (event.thread, event.agent),
        event.previous,
    )


def _check_end(db: Db, eid: int, count: int, digest: str) -> BrokenLink | None:
    """Compare with what the run noted when it ended."""
    values = values_of(db, eid)
    expected = values.get(":run/event-count")
    if expected is None:
        return None
    if expected > count:
        return BrokenLink(count + 1, "is missing")
    if expected < count:
        return BrokenLink(expected + 1, "came after the run had ended")
    noted = values.get(":run/digest")
    if noted != digest:
        return BrokenLink(count, "is not the one that the run ended with", noted, digest)
    return None
