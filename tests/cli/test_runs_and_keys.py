"""The commands of runs, events, traces, keys and states, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.runs.test_otel import GENAI, normal


def test_a_run_from_its_beginning_to_its_end(datamem) -> None:
    datamem("init")
    said = datamem("run", "begin", "--id", "r", "--agent", "pip", "--metadata", '{"task": 1}')
    assert (said.code, said.out) == (0, "r\n")
    assert datamem("events", "append", "r", "observed", '{"price": 3}').out.startswith("r/1 ")
    assert datamem("events", "append", "r", "noted", "--thread", "b").out.startswith("r/2 ")
    assert (
        datamem("trace", "add", "r", "decision", "--text", "buy", "--confidence", "0.5").out
        == "r/3\n"
    )
    said = datamem("events", "list", "r", "--format", "json", "--type", "observed")
    assert json.loads(said.out)[0]["payload"] == '{"price": 3}'
    assert datamem("events", "list", "r", "--start", "2", "--stop", "3").out.count("noted") == 1
    said = datamem("trace", "list", "r", "--format", "json")
    assert [trace["text"] for trace in json.loads(said.out)] == ["buy"]
    assert (
        datamem("run", "end", "r", "--status", "failed", "--error", "shop shut").out
        == "r has failed\n"
    )
    assert "shop shut" in datamem("run", "show", "r").out
    assert "r" in datamem("run", "list", "--status", "failed", "--format", "csv").out
    said = datamem("events", "append", "r", "late")
    assert said.code == 1
    assert said.err.startswith("datamem: run/ended: ")


def test_why_a_run_acted_is_told_with_what_it_did_not_use(datamem) -> None:
    datamem("demo", "--db", "sample.dm")
    said = datamem("trace", "why", "--db", "sample.dm", "cake").out
    first, *rest = said.splitlines()
    assert first.startswith("decision bake the hazelnut torte (t 18, ")
    assert rest[1].startswith("    source: message 'I had the allergy test done again.")
    assert rest[-1] == "ignored: memory 'Rye flour comes from Old Weir Mill'"
    assert datamem("trace", "why", "--db", "sample.dm", "cake", "cake/4").out == said
    assert datamem("trace", "why", "--db", "sample.dm", "cake", "cake/9").err.startswith(
        "datamem: trace/unknown: "
    )


def test_verify_names_the_broken_link(datamem) -> None:
    datamem("init")
    datamem("run", "begin", "--id", "r")
    for i in range(3):
        datamem("events", "append", "r", "step", str(i))
    assert datamem("verify").out.startswith("r: 3 events, whole, ")
    datamem("transact", '[[:db/add [:event/id "r/2"] :event/payload 9]]')
    said = datamem("verify", "r")
    assert said.code == 1
    assert "event/broken-chain" in said.err
    assert "event 2 is not what its digest says" in said.err
    assert datamem("verify", "nobody").code == 1


def test_spans_go_in_and_out(datamem) -> None:
    datamem("init")
    Path("spans.json").write_text(json.dumps(GENAI))
    name = GENAI["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"]
    assert datamem("trace", "import", "spans.json").out == f"{name}: 5 traces\n"
    assert normal(json.loads(datamem("trace", "export", name).out)) == normal(GENAI)
    Path("bad.json").write_text('{"resourceSpans": [3]}')
    assert "trace/malformed-span" in datamem("trace", "import", "bad.json").err


def test_keys(datamem) -> None:
    datamem("init")
    assert json.loads(datamem("kv", "list", "--format", "json").out) == []
    assert datamem("kv", "put", "a/1", '{"n": 1}').out == "a/1 is at version 1\n"
    assert datamem("kv", "cas", "a/1", "1", "[2]").out == "a/1 is at version 2\n"
    said = datamem("kv", "cas", "a/1", "1", "[3]")
    assert (said.code, said.err.split(": ")[1]) == (1, "kv/stale-version")
    assert datamem("kv", "get", "a/1").out == "[2]\n"
    assert datamem("kv", "put", "b", "null", "--scope", "acme").code == 0
    assert datamem("kv", "get", "b", "--scope", "acme").out == "null\n"
    assert "kv/not-found" in datamem("kv", "get", "b").err
    assert (
        datamem("kv", "txn", "--read", "a/1=2", "--write", "c=7", "--delete", "a/1").code == 0
    )
    assert "transact/conflict" in datamem("kv", "txn", "--read", "a/1=2", "--write", "c=8").err
    keys = json.loads(datamem("kv", "list", "--format", "json").out)
    assert [(row["key"], row["value"]) for row in keys] == [("c", "7")]
    past = json.loads(datamem("kv", "history", "a/1", "--format", "json").out)
    assert [row["value"] for row in past] == ['{"n": 1}', "[2]", None]
    assert datamem("kv", "get", "a/1", "--as-of", str(past[0]["t"])).out == '{"n": 1}\n'
    datamem("kv", "rule", "n/", "--schema", '{"type": "integer"}', "--ttl", "60")
    assert "kv/schema-mismatch" in datamem("kv", "put", "n/1", '"x"').err
    assert datamem("kv", "sweep").out == "swept 0\n"
    assert datamem("kv", "delete", "c").out == "deleted c\n"
    assert datamem("kv", "delete", "c").out == "c has no value\n"
    assert datamem("kv", "put", "c", "{").code == 2
    assert datamem("kv", "txn", "--write", "c").code == 2


def test_states_and_leases(datamem) -> None:
    datamem("init")
    assert datamem("state", "cas", "job", "0", '{"step": 1}').out == "job is at version 1\n"
    assert json.loads(datamem("state", "read", "job").out) == {
        "version": 1,
        "value": {"step": 1},
    }
    assert "kv/stale-version" in datamem("state", "cas", "job", "0", "2").err
    assert datamem("state", "acquire", "index", "--holder", "a").out == "1\n"
    said = datamem("state", "acquire", "index", "--holder", "b", "--ttl", "5")
    assert "lease/held" in said.err
    assert datamem("state", "release", "index", "--holder", "a", "--token", "1").code == 0
    assert datamem("state", "acquire", "index", "--holder", "b", "--ttl", "5").out == "2\n"
    assert "job" in datamem("state", "list", "--format", "csv").out
    assert len(json.loads(datamem("state", "history", "job", "--format", "json").out)) == 1
