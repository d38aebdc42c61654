"""Pictures of runs as a notebook shows them: a tree, a waterfall, two side by side."""

from __future__ import annotations

from typing import Literal

from datamem.runs.differences import diff
from datamem.runs.pictures import (
    Node,
    RunPicture,
    side_by_side_svg,
    tree_of,
    tree_svg,
    waterfall_svg,
)
from datamem.runs.recorder.read import Recording, read_recording
from datamem.runs.runs import Run
from datamem.svg import Picture

Shape = Literal["tree", "waterfall"]


def draw(run: Run | Recording, shape: Shape = "tree") -> RunPicture:
    """Draw a recorded run.

    Args:
        shape: "tree", a row a step with what it said and how long it took; "waterfall", bars over time.

    Raises:
        RecordError: `record/none` for a run that nothing recorded.
    """
    root = node_of(run)
    return RunPicture(tree_svg(root) if shape == "tree" else waterfall_svg(root), root)


def node_of(run: Run | Recording) -> Node:
    """Return a recorded run as the tree that pictures are made of."""
    if isinstance(run, Recording):
        return tree_of(run.run_id, run.steps)
    recording = read_recording(run.conn.db, run)
    return tree_of(run.id, recording.steps, is_failed=run.record().status == "failed")


def draw_beside(a: Run | Recording, b: Run | Recording) -> Picture:
    """Draw two runs side by side, what differs tinted."""
    found = diff(a, b)
    return Picture(side_by_side_svg(found.pairs, found.names), " and ".join(found.names))
