"""Schema files: both EDN shapes, a path, a text or Python data, read as transaction data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from datamem.edn import Keyword, read_all
from datamem.errors import SchemaError
from datamem.schema.bootstrap import SETTINGS
from datamem.schema.names import ident_of
from datamem.schema.properties import INSTALL, normalise_properties

_MODE: Final = ":datamem/mode"
_MODES: Final = ("strict", "open")


def read_schema(source: object) -> list[dict[str, Any]]:
    """Return the schema as transaction data: one map for each attribute, in order of appearance.

    Args:
        source: a path, EDN text, a map of maps (`{:user/name {:db/valueType …}}`), a vector of maps
            with `:db/ident`, a sequence of such sources, "strict", or None. An attribute that
            appears twice has the properties of both; the later wins where they differ.

    Raises:
        SchemaError: `schema/bad-source` for what is none of these, `schema/no-file`,
            `schema/unknown-property`, `schema/bad-name`.
        EdnError: for text that is not EDN.
    """
    merged: dict[str, dict[str, Any]] = {}
    settings: dict[str, Any] = {}
    for ident, properties in _entries(source):
        if ident == _MODE:
            settings[_MODE] = properties
        else:
            merged.setdefault(ident, {}).update(properties)
    maps = [_attribute_map(ident, properties) for ident, properties in merged.items()]
    return [{":db/id": SETTINGS, **settings}, *maps] if settings else maps


def _attribute_map(ident: str, properties: dict[str, Any]) -> dict[str, Any]:
    normal = normalise_properties(properties)
    if any(name.startswith(":db.entity/") for name in normal):
        return {":db/ident": Keyword(ident), **normal}
    return {":db/ident": Keyword(ident), INSTALL: ":db.part/db", **normal}


def _entries(source: object) -> Iterable[tuple[str, Any]]:
    match source:
        case None:
            return
        case Path():
            yield from _entries_of_text(_text_of_file(source))
        case str():
            yield from _entries_of_string(source)
        case Mapping() if _has_ident(source):
            yield _entry_of_ident_map(source)
        case Mapping():
            yield from _entries_of_map(source)
        case list() | tuple():
            for part in source:
                yield from _entries(part)
        case _:
            raise _bad_source(source)


def _entries_of_string(source: str) -> Iterable[tuple[str, Any]]:
    name = source.lstrip(":").removeprefix("datamem/")
    if name in _MODES:
        yield _MODE, f":{name}"
    elif source.lstrip()[:1] in {"{", "[", ";", "#", "("}:
        yield from _entries_of_text(source)
    else:
        yield from _entries_of_text(_text_of_file(Path(source)))


def _entries_of_text(text: str) -> Iterable[tuple[str, Any]]:
    for form in read_all(text):
        yield from _entries(form)


def _text_of_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise SchemaError(
            f"the schema {str(path)!r} cannot be read: {error.strerror or error}",
            code="schema/no-file",
            hint="give the path of an EDN file, EDN text, or a dict",
            path=str(path),
        ) from error


def _has_ident(source: Mapping[Any, Any]) -> bool:
    return any(str(key) in {":db/ident", "db/ident"} for key in source)


def _entry_of_ident_map(source: Mapping[Any, Any]) -> tuple[str, Any]:
    ident = source.get(":db/ident", source.get("db/ident"))
    if not isinstance(ident, str):
        raise _bad_source(source)
    skipped = {":db/ident", "db/ident", ":db/id", "db/id"}
    properties = {key: value for key, value in source.items() if str(key) not in skipped}
    return str(ident_of(ident)), properties


def _entries_of_map(source: Mapping[Any, Any]) -> Iterable[tuple[str, Any]]:
    for name, properties in source.items():
        if not isinstance(name, str):
            raise _bad_source({name: properties})
        ident = str(ident_of(name))
        if ident == _MODE:
            yield from _entries_of_string(str(properties))
        elif properties is None or isinstance(properties, Mapping):
            yield ident, dict(properties or {})
        else:
            raise _bad_source({name: properties})


def _bad_source(source: object) -> SchemaError:
    shown = repr(source)
    return SchemaError(
        f"{shown[:80]} is not a schema",
        code="schema/bad-source",
        hint="a schema is {:user/name {:db/valueType :db.type/string}}, or [{:db/ident :user/name …}]",
        source=source,
    )
