"""Spans as OTLP/JSON has them: read with every fault named, and written back as they were.

The format is the JSON of OpenTelemetry's `ExportTraceServiceRequest`: resourceSpans, scopeSpans, spans; ids
in hex, 64-bit numbers as texts, attributes as lists of keys and typed values.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from datamem.errors import RunError

_TRACE_ID: Final = re.compile(r"[0-9a-f]{32}")
_SPAN_ID: Final = re.compile(r"[0-9a-f]{16}")
_NUMBER: Final = re.compile(r"-?\d{1,19}")
_OWN: Final = {
    "traceId",
    "spanId",
    "parentSpanId",
    "name",
    "startTimeUnixNano",
    "endTimeUnixNano",
    "attributes",
    "status",
}


@dataclass(slots=True)
class OtlpSpan:
    """One span.

    Attributes:
        parent_id: "" for none.
        start_ns, end_ns: ns since 1970; 0 for an end that has not come.
        status: `code` (0 unset, 1 ok, 2 error) and `message`.
        attributes: as JSON values; bytes and numbers that JSON lacks are `{"$bytes": …}`, `{"$double": …}`.
        rest: other fields of the span as they came: kind, events, links, …
        resource, scope: what it came under, as it came.
    """

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    start_ns: int
    end_ns: int
    status: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    rest: dict[str, Any] = field(default_factory=dict)
    resource: dict[str, Any] = field(default_factory=dict)
    scope: dict[str, Any] = field(default_factory=dict)


class Fault(Exception):  # noqa: N818 - collected, and told together
    """What is wrong with one part."""


def read_otlp(data: Any) -> list[OtlpSpan]:
    """Return the spans of OTLP/JSON data, in their order.

    Raises:
        RunError: `trace/malformed-span`; `data["faults"]` names every fault and its place.
    """
    spans: list[OtlpSpan] = []
    faults: list[str] = []
    seen: set[tuple[str, str]] = set()
    for place, raw, resource, scope in _raw_spans(data, faults):
        try:
            span = _span(raw, resource, scope)
        except Fault as fault:
            faults.append(f"{place} {fault}")
            continue
        if (span.trace_id, span.span_id) in seen:
            faults.append(f"{place} is there twice")
        seen.add((span.trace_id, span.span_id))
        spans.append(span)
    faults += _cycles(spans)
    if faults:
        raise RunError(
            f"{len(faults)} of the spans are malformed; {faults[0]}",
            code="trace/malformed-span",
            hint="nothing was imported; data['faults'] has them all",
            faults=faults,
        )
    return spans


def _raw_spans(data: Any, faults: list[str]) -> Iterable[tuple[str, Any, Any, Any]]:
    if not isinstance(data, Mapping) or not isinstance(data.get("resourceSpans"), list):
        faults.append("the data is no map with a list of resourceSpans")
        return
    for i, group in enumerate(data["resourceSpans"]):
        resource = _map_at(group, "resource")
        scopes = group.get("scopeSpans") if isinstance(group, Mapping) else None
        if not isinstance(scopes, list) or resource is None:
            faults.append(
                f"resourceSpans[{i}] has no list of scopeSpans, or its resource is no map"
            )
            continue
        for j, part in enumerate(scopes):
            place = f"resourceSpans[{i}].scopeSpans[{j}]"
            scope = _map_at(part, "scope")
            spans = part.get("spans") if isinstance(part, Mapping) else None
            if not isinstance(spans, list) or scope is None:
                faults.append(f"{place} has no list of spans, or its scope is no map")
                continue
            for k, span in enumerate(spans):
                yield f"{place}.spans[{k}]", span, resource, scope


def _map_at(data: Any, key: str) -> dict[str, Any] | None:
    found = data.get(key, {}) if isinstance(data, Mapping) else None
    return dict(found) if isinstance(found, Mapping) else None


def _span(raw: Any, resource: dict[str, Any], scope: dict[str, Any]) -> OtlpSpan:
    if not isinstance(raw, Mapping):
        raise Fault("is no map")
    name = raw.get("name", "")
    if not isinstance(name, str):
        raise Fault("has a name that is no text")
    status = raw.get("status", {})
    if not isinstance(status, Mapping) or status.get("code", 0) not in (0, 1, 2):
        raise Fault("has a status without a code from 0 to 2")
    span = OtlpSpan(
        _id(raw, "traceId", _TRACE_ID),
        _id(raw, "spanId", _SPAN_ID),
        _id(raw, "parentSpanId", _SPAN_ID) if raw.get("parentSpanId") else "",
        name,
        _nanoseconds(raw, "startTimeUnixNano"),
        _nanoseconds(raw, "endTimeUnixNano") if raw.get("endTimeUnixNano") else 0,
        dict(status),
        read_attributes(raw.get("attributes", [])),
        {key: value for key, value in raw.items() if key not in _OWN},
        resource,
        scope,
    )
    if span.end_ns and span.end_ns < span.start_ns:
        raise Fault("ends before it begins")
    if span.parent_id == span.span_id:
        raise Fault("is its own parent")
    return span


def _id(raw: Mapping[str, Any], key: str, pattern: re.Pattern[str]) -> str:
    text = raw.get(key)
    found = text.lower() if isinstance(text, str) else ""
    if not pattern.fullmatch(found) or not found.strip("0"):
        raise Fault(f"has {text!r} for {key}, which is no id in hex")
    return found


def _nanoseconds(raw: Mapping[str, Any], key: str) -> int:
    value = raw.get(key)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 63:
        raise Fault(f"has {value!r} for {key}, which is no time in ns")
    return value


def _cycles(spans: list[OtlpSpan]) -> list[str]:
    """Name the spans that are among their own ancestors."""
    parents = {(s.trace_id, s.span_id): (s.trace_id, s.parent_id) for s in spans}
    faults: list[str] = []
    safe: set[tuple[str, str]] = set()
    for key in parents:
        way: dict[tuple[str, str], None] = {}
        at = key
        while at in parents and at not in safe and at not in way:
            way[at] = None
            at = parents[at]
        if at in way:
            faults.append(f"span {at[1]} is among its own ancestors")
        safe.update(way)
    return faults


def read_attributes(items: Any) -> dict[str, Any]:
    """Return a list of keys and typed values as a map of JSON values.

    Raises:
        Fault: for what is none.
    """
    if not isinstance(items, list):
        raise Fault("has attributes that are no list")
    found: dict[str, Any] = {}
    for item in items:
        if not isinstance(item, Mapping) or not isinstance(item.get("key"), str):
            raise Fault(f"has an attribute without a key: {item!r}")
        if item["key"] in found:
            raise Fault(f"has two attributes {item['key']!r}")
        found[item["key"]] = _read_value(item.get("value", {}), item["key"])
    return found


def _read_value(value: Any, key: str) -> Any:
    if not isinstance(value, Mapping) or len(value) > 1:
        raise Fault(f"has {value!r} for attribute {key!r}, which is no typed value")
    for kind, inner in value.items():
        return _read_kind(kind, inner, key)
    return None


def _read_kind(kind: str, inner: Any, key: str) -> Any:
    match kind:
        case "stringValue" if isinstance(inner, str):
            return inner
        case "boolValue" if isinstance(inner, bool):
            return inner
        case "intValue" if isinstance(inner, int | str) and _NUMBER.fullmatch(str(inner)):
            return int(inner)
        case "doubleValue" if isinstance(inner, int | float) and not isinstance(inner, bool):
            return float(inner) if math.isfinite(inner) else {"$double": str(float(inner))}
        case "doubleValue" if inner in ("NaN", "Infinity", "-Infinity"):
            return {"$double": inner}
        case "bytesValue" if isinstance(inner, str):
            return {"$bytes": inner}
        case "arrayValue" if isinstance(inner, Mapping):
            return [_read_value(item, key) for item in inner.get("values", [])]
        case "kvlistValue" if isinstance(inner, Mapping):
            parts = read_attributes(inner.get("values", []))
            return {f"${k}" if k.startswith("$") else k: v for k, v in parts.items()}
        case _:
            raise Fault(f"has {kind} {inner!r} for attribute {key!r}, which is no typed value")


# Writing


def write_otlp(spans: Iterable[OtlpSpan]) -> dict[str, Any]:
    """Return spans as OTLP/JSON data, grouped by what they came under."""
    groups: list[tuple[dict[str, Any], list[tuple[dict[str, Any], list[Any]]]]] = []
    for span in spans:
        scopes = _group(groups, span.resource)
        _group(scopes, span.scope).append(_written(span))
    return {
        "resourceSpans": [
            {
                "resource": resource,
                "scopeSpans": [{"scope": scope, "spans": found} for scope, found in scopes],
            }
            for resource, scopes in groups
        ]
    }


def _group(groups: list[tuple[dict[str, Any], list[Any]]], key: dict[str, Any]) -> list[Any]:
    for known, members in groups:
        if known == key:
            return members
    groups.append((key, []))
    return groups[-1][1]


def _written(span: OtlpSpan) -> dict[str, Any]:
    raw: dict[str, Any] = {"traceId": span.trace_id, "spanId": span.span_id}
    if span.parent_id:
        raw["parentSpanId"] = span.parent_id
    raw["name"] = span.name
    raw["startTimeUnixNano"] = str(span.start_ns)
    if span.end_ns:
        raw["endTimeUnixNano"] = str(span.end_ns)
    if span.attributes:
        raw["attributes"] = write_attributes(span.attributes)
    if span.status:
        raw["status"] = span.status
    return raw | span.rest


def write_attributes(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a map of JSON values as a list of keys and typed values, by key."""
    return [{"key": key, "value": _write_value(attributes[key])} for key in sorted(attributes)]


def _write_value(value: Any) -> dict[str, Any]:
    match value:
        case None:
            return {}
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case str():
            return {"stringValue": value}
        case list():
            return {"arrayValue": {"values": [_write_value(item) for item in value]}}
        case {"$bytes": str() as text} if len(value) == 1:
            return {"bytesValue": text}
        case {"$double": str() as text} if len(value) == 1:
            return {"doubleValue": text}
        case _:
            plain = {k.removeprefix("$"): v for k, v in value.items()}
            return {"kvlistValue": {"values": write_attributes(plain)}}
