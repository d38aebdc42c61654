"""Pictures of runs: well-formed, with every step in them, and nothing outside of their frame."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem.runs import draw, draw_beside, record
from datamem.runs.comparing.align import align_steps
from datamem.runs.pictures import (
    graphviz,
    mermaid,
    side_by_side_svg,
    tree_of,
    tree_svg,
    waterfall_svg,
)
from datamem.runs.recorder.steps import Failure, Step
from tests.runs.agents import World, connect, shopper

SVG = "{http://www.w3.org/2000/svg}"
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=200)


@st.composite
def runs(draw: st.DrawFn) -> list[Step]:
    """Steps that nest in earlier ones, with hostile names, some failed, some timed."""
    found = []
    for issued in range(1, draw(st.integers(1, 8)) + 1):
        begun = draw(st.integers(0, 5_000_000))
        found.append(
            Step(
                draw(st.sampled_from(["tool", "model", "event", "trace", "transact", "clock"])),
                draw(texts),
                draw(st.one_of(st.none(), texts)),
                draw(texts),
                failure=draw(
                    st.sampled_from([None, Failure("builtins:ValueError", "<no> & no")])
                ),
                issued=issued,
                number=issued,
                parent=draw(st.integers(0, issued - 1)),
                started_us=begun,
                ended_us=begun + draw(st.integers(0, 1_000_000)),
            )
        )
    return found


def check_frame(svg: str) -> None:
    """Every box lies inside of the picture."""
    root = ET.fromstring(svg)
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    for box in root.iter(f"{SVG}rect"):
        x, y, w, h = (float(box.get(name, 0)) for name in ("x", "y", "width", "height"))
        assert -0.1 <= x <= x + w <= width + 0.1
        assert -0.1 <= y <= y + h <= height + 0.1


@given(a=runs(), b=runs())
def test_pictures_are_well_formed_and_hold_every_step(a: list[Step], b: list[Step]) -> None:
    root = tree_of("a <run>", a)
    assert sum(1 for _ in root.rows()) == len(a) + 1
    check_frame(tree_svg(root))
    check_frame(waterfall_svg(root))
    check_frame(side_by_side_svg(align_steps(a, b), ("a", "b")))
    assert mermaid(root).count(" --> ") == len(a)
    assert graphviz(root).count(" -> n") == len(a)
    assert graphviz(root).count('[label="') == len(a) + 1


def test_aligned_steps_are_all_there_once() -> None:
    conn = connect()
    runs = [record(conn, shopper(World()), run_id=name).run for name in ("a", "b")]
    shown = draw(runs[0])
    words = " ".join(text.text or "" for text in ET.fromstring(shown.svg).iter(f"{SVG}text"))
    for title in ("tool price", "model oracle", "event message", "transact facts"):
        assert title in words
        assert title in shown.mermaid()
        assert title in shown.graphviz()
    check_frame(draw(runs[0], "waterfall").svg)
    check_frame(draw_beside(*runs).svg)
    conn.close()


@pytest.mark.parametrize(("us", "text"), [(0, "0 µs"), (999, "999 µs"), (61_000_000, "61 s")])
def test_durations_have_the_unit_that_fits(us: int, text: str) -> None:
    from datamem.runs.pictures import duration_text

    assert duration_text(us) == text
