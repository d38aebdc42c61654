"""The schema on standard output."""

from __future__ import annotations

from typing import Any

import click

from datamem_cli.show.printing import edn_of, json_of, print_records


def print_schema(schema: Any, fmt: str, *, prefix: str, everything: bool) -> None:
    """Print the attributes whose name starts with the prefix, by name."""
    found = _found(schema, prefix, everything=everything)
    if fmt in {"edn", "json"}:
        names = {attribute.ident for attribute in found}
        shown = {name: data for name, data in schema.to_data().items() if name in names}
        if fmt == "json":
            click.echo(json_of(shown))
        else:
            lines = [f"{name} {edn_of(data)}" for name, data in shown.items()]
            click.echo("{" + "\n ".join(lines) + "}")
        return
    print_records([_record(attribute) for attribute in found], fmt)


def _found(schema: Any, prefix: str, *, everything: bool) -> list[Any]:
    wanted = prefix if prefix.startswith(":") or not prefix else f":{prefix}"
    return sorted(
        (
            attribute
            for attribute in schema
            if attribute.ident.startswith(wanted) and (everything or is_users(attribute))
        ),
        key=lambda attribute: str(attribute.ident),
    )


def attribute_rows(schema: Any, prefix: str) -> list[dict[str, Any]]:
    """Return a record for each of the user's attributes whose name starts with the prefix."""
    return [_record(attribute) for attribute in _found(schema, prefix, everything=False)]


def is_users(attribute: Any) -> bool:
    """Tell whether an attribute is the user's, and not the database's own."""
    return not attribute.ident.startswith((":db/", ":db.", ":datamem/"))


def _record(attribute: Any) -> dict[str, Any]:
    flags = {
        "component": attribute.component,
        "index": attribute.indexed,
        "no history": attribute.no_history,
        "inferred": not attribute.declared,
    }
    return {
        "attribute": attribute.ident,
        "type": attribute.value_type.keyword.removeprefix(":db.type/"),
        "cardinality": "many" if attribute.many else "one",
        "unique": attribute.unique,
        "also": ", ".join(name for name, is_set in flags.items() if is_set),
        "doc": attribute.doc,
    }
