"""The commands of the time machine: replay, diff and fork, as a person types them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import datamem as datamem_library
from datamem.runs import record

AGENT = """
WORLD = {"tea": 3}

def shop(run):
    price = run.tool("price")(lambda what: WORLD[what])
    run.transact([{":note/id": "tea", ":note/price": price("tea")}])

def other(run):
    run.tool("price")(lambda what: 1)("cake")
"""


def make(path: str = "test.dm") -> None:
    """Record a run in a database; its code is a module of the working directory."""
    Path("shop_agent.py").write_text(AGENT)
    names: dict[str, object] = {}
    exec(AGENT, names)
    schema = {
        ":note/id": {":db/unique": ":db.unique/identity", ":db/valueType": ":db.type/string"}
    }
    with datamem_library.connect(path, schema) as conn:
        record(conn, names["shop"], run_id="r1")
        record(conn, names["shop"], run_id="r2")


def test_a_run_is_shown_step_by_step(datamem) -> None:
    make()
    said = datamem("replay", "r1", "--format", "json", "--svg", "run.svg")
    steps = (
        [json.loads(line) for line in said.out.splitlines()]
        if said.out[0] == "{"
        else json.loads(said.out)
    )
    assert [(step["kind"], step["name"]) for step in steps] == [
        ("tool", "price"),
        ("transact", "facts"),
    ]
    assert Path("run.svg").read_text().startswith("<svg")


def test_replay_checks_the_code_against_the_record(datamem) -> None:
    make()
    said = datamem("replay", "r1", "--agent", "shop_agent:shop", "--check")
    assert (said.code, said.out) == (0, "run r1: 2 steps replayed, all the same\n")
    said = datamem("replay", "r1", "--agent", "shop_agent:other", "--check")
    assert said.code == 1
    assert "replay/diverged" in said.err
    assert "recorded: step 1, tool price {'what': 'tea'}" in said.err
    assert "replayed: tool price {'what': 'cake'} (shop_agent.py:9 in other)" in said.err
    said = datamem("replay", "r1", "--agent", "shop_agent:other")
    assert said.code == 0
    assert datamem("replay", "r1", "--agent", "nowhere:at_all").code == 2
    assert datamem("replay", "r1", "--check").code == 2
    assert "run/unknown" in datamem("replay", "r9").err
    sys.modules.pop("shop_agent")


def test_a_saved_recording_needs_no_database(datamem, monkeypatch) -> None:
    make()
    assert datamem("replay", "r1", "--save", "kept.json").out == "saved kept.json\n"
    monkeypatch.delenv("DATAMEM_DB")
    said = datamem("replay", "kept.json", "--agent", "shop_agent:shop", "--check")
    assert (said.code, said.err) == (0, "")
    assert datamem("replay", "r1").code == 2
    sys.modules.pop("shop_agent")


def test_two_instants_two_databases_and_two_runs_are_compared(datamem) -> None:
    make()
    said = datamem("diff", "2", "now")
    assert '[:note/id "tea"]' in said.out
    assert datamem("diff", "now").out == "no difference\n"
    assert json.loads(datamem("diff", "--format", "json", "2").out)["removed"] == 0
    assert datamem("diff", "--format", "edn", "now").out.strip() == "[]"
    assert datamem("diff", "--runs", "r1", "r2", "--svg", "two.svg").code == 0
    assert Path("two.svg").read_text().startswith("<svg")
    assert datamem("fork", "branch.dm").out.startswith("forked test.dm at t ")
    assert datamem("diff", "now", "--other", "branch.dm").out == "no difference\n"


def test_a_database_is_forked_at_an_event_of_a_run(datamem) -> None:
    make()
    assert datamem("fork", "--run", "r1", "--at", "2", "early.dm").code == 0
    with datamem_library.connect("early.dm") as branch:
        assert branch.db.resolve([":note/id", "tea"]) is None
        branch.transact([{":note/id": "cake"}])
    said = datamem("diff", "now", "--other", "early.dm", "--format", "edn")
    assert '"cake"' in said.out
    assert datamem("fork", "early.dm").code == 1
    assert datamem("fork", "--at", "2", "x.dm").code == 2
    assert "run/no-event" in datamem("fork", "--run", "r1", "--at", "99", "y.dm").err
