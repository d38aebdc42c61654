"""The demonstration tells the story it promises, and the sample's dates are in order."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

from datamem.demo import play_demo
from datamem.demo.sample import read_memories


def test_the_demonstration_shows_present_past_why_and_what_would_have_been(tmp_path) -> None:
    said: list[str] = []
    play_demo(str(tmp_path / "sample.dm"), said.append)
    text = "\n".join(said)
    now, then = text.split("And what did it know then?")
    assert "allergic to walnuts" in now
    assert "hazelnuts" not in now
    assert "allergic to hazelnuts" in then
    assert "on 10 April:   Mira lives at 3 Mill Lane" in then
    assert "19 March  dropped  The bakery opens on 20 April 2024" in then
    assert "A second allergy test, 02 April 2024" in then
    run = text.split("A run:")[1]
    assert "cited: memory 'Mira is allergic to walnuts' (t 10, 2024-04-02" in run
    assert "source: message 'I had the allergy test done again." in run
    assert "'Rye flour comes from Old Weir Mill'" in run.split("ignored(run)")[1]
    assert "4 steps replayed, all the same" in run
    assert "asked meanwhile: 0" in run
    assert "now: hazelnut torte; then: walnut cake" in run
    assert "on 01 August:  Mira is allergic to walnuts" in text
    assert "on 01 September:  Mira may eat walnuts again" in text


def test_what_the_agent_kept_is_dated_in_order() -> None:
    dates = [memory[":at"] for memory in read_memories()]
    assert dates == sorted(dates)


def test_the_readme_shows_what_the_demonstration_says(tmp_path) -> None:
    readme = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
    [shown] = re.findall(r"^```text\n(.*?)^```", readme, flags=re.DOTALL | re.MULTILINE)
    said: list[str] = []
    play_demo(str(tmp_path / "sample.dm"), said.append)
    text = "\n".join(said) + "\n"
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.OutputChecker().check_output(f"...\n{shown}...\n", text, flags)
