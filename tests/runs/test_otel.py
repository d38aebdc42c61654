"""OpenTelemetry spans: what was imported comes out as it was, and what is malformed comes in not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamem import runs
from datamem.errors import DatamemError
from tests.kv.worlds import refused, world

T, S = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b17"
START = 1_544_712_660_000_000_123


def text(value: str) -> dict[str, Any]:
    return {"stringValue": value}


def attributes(**values: Any) -> list[dict[str, Any]]:
    return [{"key": key.replace("__", "."), "value": value} for key, value in values.items()]


def span(n: int, parent: int | None = None, **more: Any) -> dict[str, Any]:
    made = {
        "traceId": T,
        "spanId": f"{S}{n}",
        "name": f"span {n}",
        "startTimeUnixNano": str(START + n),
        "endTimeUnixNano": str(START + 1000 + n),
    }
    return made | ({} if parent is None else {"parentSpanId": f"{S}{parent}"}) | more


def otlp(*spans: Any) -> dict[str, Any]:
    resource = {"attributes": attributes(service__name=text("pip"))}
    scopes = [{"scope": {"name": "lib", "version": "1"}, "spans": list(spans)}]
    return {"resourceSpans": [{"resource": resource, "scopeSpans": scopes}]}


GENAI = otlp(
    span(1, None, kind=1, status={"code": 1}, attributes=attributes(
        gen_ai__operation__name=text("invoke_agent"), gen_ai__agent__name=text("Pip"),
        gen_ai__conversation__id=text("conv-1"))),
    span(2, 1, kind=3, attributes=attributes(
        gen_ai__operation__name=text("chat"), gen_ai__request__model=text("gpt-4o"),
        gen_ai__input__messages=text('[{"role": "user", "parts": []}]'),
        gen_ai__output__messages=text('[{"role": "assistant", "parts": []}]'),
        gen_ai__usage__input_tokens={"intValue": "12"},
        gen_ai__usage__output_tokens={"intValue": 3})),
    span(3, 1, status={"code": 2, "message": "no such flight"}, attributes=attributes(
        gen_ai__operation__name=text("execute_tool"), gen_ai__tool__name=text("search"),
        gen_ai__tool__call__arguments=text('{"q": "OSL"}')),
        events=[{"timeUnixNano": str(START), "name": "exception"}],
        links=[{"traceId": T, "spanId": f"{S}2"}]),
)  # fmt: skip


def normal(data: Any) -> Any:
    """Return OTLP data with attributes in the order of their keys and 64-bit numbers as texts."""
    if isinstance(data, list):
        found = [normal(item) for item in data]
        keyed = all(isinstance(item, dict) and "key" in item for item in found)
        return sorted(found, key=lambda item: item["key"]) if keyed else found
    if isinstance(data, dict):
        return {
            key: str(value) if key == "intValue" else normal(value)
            for key, value in data.items()
            if value not in ({}, []) or key in {"value", "resource", "scope"}
        }
    return data


def test_genai_spans_become_a_run_with_traces_and_events() -> None:
    conn, _ = world()
    [run] = runs.import_otlp(conn, GENAI)
    record = run.record()
    assert (run.id, record.status) == (T, "completed")
    assert conn.db.entity(record.agent)[":agent/external-id"] == "Pip"
    assert conn.db.entity(record.session)[":session/external-id"] == "conv-1"
    root, model, told, said, tool = runs.read_traces(run)
    assert (root.kind, root.name, root.status) == ("span", "Pip", "ok")
    assert (model.name, model.input_tokens, model.output_tokens) == ("gpt-4o", 12, 3)
    assert (told.kind, told.input) == ("model_input", [{"role": "user", "parts": []}])
    assert (said.kind, said.output) == ("model_output", [{"role": "assistant", "parts": []}])
    assert (tool.kind, tool.name, tool.input) == ("tool_call", "search", {"q": "OSL"})
    assert (tool.status, tool.error, tool.parent) == ("error", "no such flight", root.eid)
    assert told.parent == said.parent == model.eid
    assert len(runs.read_events(run)) == 3
    assert runs.verify(run).is_whole
    assert runs.current_run(conn) is None


def test_openinference_spans_are_understood() -> None:
    conn, _ = world()
    data = otlp(
        span(1, attributes=attributes(
            openinference__span__kind=text("LLM"), llm__model_name=text("m"),
            llm__input_messages__0__message__role=text("user"), llm__input_messages__0__message__content=text("hi"), llm__input_messages__1__message__role=text("tool"),
            llm__token_count__prompt={"intValue": "5"}, session__id=text("s"))),
        span(2, 1, attributes=attributes(
            openinference__span__kind=text("TOOL"), tool__name=text("search"),
            input__value=text('{"q": 1}'), input__mime_type=text("application/json"),
            output__value=text("plain text"))),
        span(3, 1, attributes=attributes(
            openinference__span__kind=text("RETRIEVER"),
            retrieval__documents__0__document__id=text("d1"), retrieval__documents__0__document__score={"doubleValue": 0.5})),
    )  # fmt: skip
    [run] = runs.import_otlp(conn, data)
    model, told, tool, retriever = runs.read_traces(run)
    assert told.input == [{"role": "user", "content": "hi"}, {"role": "tool"}]
    assert (model.name, model.input_tokens) == ("m", 5)
    assert (tool.kind, tool.input, tool.output) == ("tool_call", {"q": 1}, "plain text")
    assert retriever.output == [{"id": "d1", "score": 0.5}]
    assert normal(runs.export_otlp(run)) == normal(data)


def test_exporting_gives_back_what_was_imported() -> None:
    conn, _ = world()
    [run] = runs.import_otlp(conn, GENAI)
    assert normal(runs.export_otlp(run)) == normal(GENAI)
    json.dumps(runs.export_otlp(run), allow_nan=False)


scalars = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4).map(text),
    st.booleans().map(lambda value: {"boolValue": value}),
    st.integers(-(2**63), 2**63 - 1).map(lambda value: {"intValue": str(value)}),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda v: {"doubleValue": v + 0.0}),
    st.sampled_from(["NaN", "Infinity", "-Infinity"]).map(lambda value: {"doubleValue": value}),
    st.just({"bytesValue": "AAEC"}),
    st.just({}),
)
keys = st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3
) | st.sampled_from(["$bytes", "$double", "$$x"])


def lists_of(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    pairs = st.dictionaries(keys, values, max_size=3)
    return pairs.map(lambda found: [{"key": k, "value": v} for k, v in found.items()])


typed = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda values: {"arrayValue": {"values": values}})
        | lists_of(inner).map(lambda values: {"kvlistValue": {"values": values}})
    ),
    max_leaves=5,
)


@given(
    found=lists_of(typed),
    has_end=st.booleans(),
    name=st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
)
def test_any_span_comes_back(found: Any, has_end: bool, name: str) -> None:
    conn, _ = world()
    one = span(1, attributes=found) | {"name": name}
    if not has_end:
        del one["endTimeUnixNano"]
    [run] = runs.import_otlp(conn, otlp(one))
    again = runs.export_otlp(run)
    assert exactly(again["resourceSpans"][0]["scopeSpans"][0]["spans"][0]) == exactly(one)
    assert run.is_open is not has_end


def exactly(raw: dict[str, Any]) -> Any:
    def sort(value: Any) -> Any:
        if isinstance(value, list):
            items = [sort(item) for item in value]
            return (
                sorted(items, key=lambda i: i["key"]) if items and "key" in items[0] else items
            )
        if isinstance(value, dict):
            return {key: sort(inner) for key, inner in value.items()}
        return repr(value)

    return sort({key: value for key, value in raw.items() if value != []})


def test_native_traces_come_out_with_the_names_of_both_conventions_and_in_again() -> None:
    conn, clock = world()
    with runs.begin_run(conn, "r") as run, runs.span(run, "plan"):
        clock.move(1)
        runs.add_trace(run, "tool_call", "search", input={"q": 1}, output=[1], error="late")
        clock.move(1)
        said = [{"role": "assistant"}]
        runs.add_trace(run, "model_output", "gpt-4o", output=said, output_tokens=4)
        clock.move(1)
        runs.add_trace(run, "decision", text="go", confidence=0.5)
    for style, tool_name in (("genai", "gen_ai.tool.name"), ("openinference", "tool.name")):
        data = runs.export_otlp(run, style=style)
        spans = data["resourceSpans"][0]["scopeSpans"][0]["spans"]
        named = {item["key"] for item in spans[1]["attributes"]}
        assert tool_name in named
        assert spans[1]["status"] == {"code": 2, "message": "late"}
        assert {one["parentSpanId"] for one in spans[1:]} == {spans[0]["spanId"]}
        other, _ = world()
        [copy] = runs.import_otlp(other, data)
        shown = [(t.kind, t.text, t.confidence, t.output) for t in runs.read_traces(copy)]
        assert shown == [
            (t.kind, t.text, t.confidence, t.output) for t in runs.read_traces(run)
        ]
    with refused("trace/unknown-style"):
        runs.export_otlp(run, style="xml")


def test_importing_twice_and_in_parts_adds_each_span_once() -> None:
    conn, _ = world()
    spans = GENAI["resourceSpans"][0]["scopeSpans"][0]["spans"]
    [run] = runs.import_otlp(conn, otlp(*spans[1:]))
    assert run.is_open
    [run] = runs.import_otlp(conn, GENAI)
    assert not run.is_open
    t = conn.db.basis_t
    runs.import_otlp(conn, GENAI)
    assert conn.db.basis_t == t
    assert len([trace for trace in runs.read_traces(run) if trace.otlp]) == 3
    assert runs.verify(run).event_count == 3


def test_spans_may_go_to_a_run_that_is_open() -> None:
    conn, _ = world()
    with runs.begin_run(conn, "mine") as run:
        assert runs.import_otlp(conn, GENAI, run) == [run]
        runs.append_event(run, "more")
    assert runs.verify(run).event_count == 4
    with refused("run/ended"):
        runs.import_otlp(conn, otlp(span(9)), run)


MALFORMED: list[tuple[Any, str]] = [
    (None, "no map"),
    ({"resourceSpans": {}}, "no map"),
    ({"resourceSpans": [3]}, "scopeSpans"),
    ({"resourceSpans": [{"scopeSpans": [{"spans": 3}]}]}, "list of spans"),
    (otlp(3), "is no map"),
    (otlp(span(1, traceId="xyz")), "traceId"),
    (otlp(span(1, spanId="0" * 16)), "spanId"),
    (otlp(span(1, parentSpanId="12")), "parentSpanId"),
    (otlp(span(1, 1)), "own parent"),
    (otlp(span(1, 2), span(2, 1)), "own ancestors"),
    (otlp(span(1), span(1)), "twice"),
    (otlp(span(1, startTimeUnixNano="soon")), "startTimeUnixNano"),
    (otlp(span(1, startTimeUnixNano=None)), "startTimeUnixNano"),
    (otlp(span(1, endTimeUnixNano="5")), "ends before"),
    (otlp(span(1, name=3)), "name"),
    (otlp(span(1, status={"code": 7})), "status"),
    (otlp(span(1, attributes={})), "no list"),
    (otlp(span(1, attributes=[{"value": text("x")}])), "without a key"),
    (otlp(span(1, attributes=attributes(a=3))), "typed value"),
    (otlp(span(1, attributes=attributes(a={"intValue": "x"}))), "typed value"),
    (
        otlp(span(1, attributes=attributes(a={"intValue": "1", "boolValue": True}))),
        "typed value",
    ),
    (
        otlp(span(1, attributes=[*attributes(a=text("x")), *attributes(a=text("y"))])),
        "two attributes",
    ),
]


@pytest.mark.parametrize(("data", "fault"), MALFORMED)
def test_malformed_spans_are_refused_whole(data: Any, fault: str) -> None:
    conn, _ = world()
    runs.end_run(runs.begin_run(conn, "r"))
    t = conn.db.basis_t
    if (
        isinstance(data, dict)
        and data["resourceSpans"]
        and isinstance(data["resourceSpans"], list)
    ):
        data = {"resourceSpans": [*otlp(span(9))["resourceSpans"], *data["resourceSpans"]]}
    with pytest.raises(DatamemError) as refusal:
        runs.import_otlp(conn, data)
    assert refusal.value.code == "trace/malformed-span"
    assert any(fault in found for found in refusal.value.data["faults"])
    assert conn.db.basis_t == t
