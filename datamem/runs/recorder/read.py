"""Recordings: what a run recorded, read from its events, or from a file that is kept with the tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from datamem.db.database import Db
from datamem.edn import print_edn
from datamem.ids import t_of_tx
from datamem.runs.events import read_events
from datamem.runs.recorder.steps import Step
from datamem.runs.recorder.values import RecordError, decode_value, digest_of, encode_value
from datamem.runs.runs import Run, read_run

BEGIN: Final = "record"
"""Type of the event that holds what a recorded run was started with."""
_FORMAT: Final = "datamem-recording-1"


@dataclass(frozen=True, slots=True, repr=False)
class Recording:
    """What a run recorded: all that a replay needs, apart from its code.

    Attributes:
        steps: in the order in which they ended.
        input, seed: what the run was started with.
        start_t: the last transaction before the run; its memory is what the agent began with.
        schema: EDN text, in a recording from a file: that of the database it was made in.
    """

    run_id: str
    steps: tuple[Step, ...]
    input: Any = None
    seed: int = 0
    start_t: int = 0
    metadata: Mapping[str, Any] = field(default_factory=dict)
    schema: str = ""

    def __repr__(self) -> str:
        return f"<Recording of {self.run_id}: {len(self.steps)} steps>"

    @property
    def digest(self) -> str:
        """Digest of all steps, in their order; equal for a replay that did the same."""
        return digest_of([step.digest for step in self.steps])


def read_recording(db: Db, run: Run | str) -> Recording:
    """Return what a run recorded, up to where it ended, crashed or is now.

    Raises:
        RunError: `run/unknown`.
        RecordError: `record/none` for a run that nothing recorded.
    """
    known = read_run(db, run)
    begun: Any = None
    steps: list[Step] = []
    for event in read_events(known.id, db=db):
        if event.type == BEGIN and begun is None:
            begun = event.payload
        elif is_step(event.payload):
            t = tx_of(db, event.eid)
            step = Step.from_payload(event.payload, number=len(steps) + 1, t=t, event=event.eid)
            steps.append(step)
    if begun is None:
        raise RecordError(
            f"run {known.id} has events, but nothing recorded its steps",
            code="record/none",
            hint="record(conn, agent) and recording(conn) make runs that can be replayed",
            run=known.id,
        )
    return Recording(
        known.id,
        tuple(steps),
        decode_value(begun["input"]),
        begun["seed"],
        tx_of(db, known.eid) - 1,
        known.metadata,
    )


def tx_of(db: Db, e: int) -> int:
    """Return the t in which an entity was first written."""
    return t_of_tx(int(db.rows(e=e).tx.min()))


def is_step(payload: Any) -> bool:
    """Tell whether a payload is that of a recorded step."""
    return isinstance(payload, dict) and isinstance(payload.get("step"), dict)


def save_recording(run: Run, path: str | Path) -> Path:
    """Write what a run recorded to a JSON file, to be kept as a regression test.

    Raises:
        RecordError: `record/none`.
    """
    recording = read_recording(run.conn.db, run)
    with run.conn.fork(as_of=max(recording.start_t, 1)) as before:
        schema = before.db.schema.to_data()
    data = {
        "format": _FORMAT,
        "run": recording.run_id,
        "input": encode_value(recording.input),
        "seed": recording.seed,
        "metadata": dict(recording.metadata),
        "schema": print_edn(schema),
        "steps": [step.to_payload() for step in recording.steps],
    }
    target = Path(path)
    target.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return target


def load_recording(path: str | Path) -> Recording:
    """Read a recording from a file.

    Raises:
        RecordError: `record/bad-file` for what is none, or is cut; `record/bad-step`.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        steps = [Step.from_payload(p, number=i) for i, p in enumerate(data["steps"], start=1)]
        if data["format"] != _FORMAT:
            raise _bad_file(path, f"its format is {data['format']!r}")
        return Recording(
            data["run"],
            tuple(steps),
            decode_value(data["input"]),
            data["seed"],
            metadata=data["metadata"],
            schema=data["schema"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise _bad_file(path, repr(error)) from error


def _bad_file(path: str | Path, why: str) -> RecordError:
    return RecordError(
        f"{path} holds no recording: {why}",
        code="record/bad-file",
        hint="write one with save_recording, or `datamem replay RUN --save FILE`",
        file=str(path),
    )
