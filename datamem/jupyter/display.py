"""How a notebook shows what datamem returns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, Final

from datamem.conn import Connection
from datamem.datalog.explanation import Explanation
from datamem.db.database import Db
from datamem.db.difference import Difference
from datamem.db.entity import Entity
from datamem.db.report import TxReport
from datamem.db.time import instant_of_t
from datamem.schema.schema import Schema
from datamem.svg import ADDED, REMOVED

_MOST: Final = 500
_SYSTEM: Final = (":db/", ":db.", ":datamem/")


def register_displays(ipython: Any) -> None:
    """Let a notebook show database values, entities, schemas, reports and plans as HTML."""
    html = ipython.display_formatter.formatters["text/html"]
    for kind, shown in DISPLAYS.items():
        html.for_type(kind, shown)


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]], note: str = "") -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join(
        "<tr>" + "".join(f'<td style="text-align:left">{_cell(v)}</td>' for v in row) + "</tr>"
        for row in rows
    )
    below = f"<p>{escape(note)}</p>" if note else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{below}"


def _cell(value: Any) -> str:
    from datamem.datalog.result import shown

    return escape("" if value is None else shown(value))


def database_html(db: Db) -> str:
    """Return when a value is, and what it sees."""
    when = f"{instant_of_t(db, db.t):%Y-%m-%d %H:%M:%S} UTC" if db.t else "the beginning"
    return f"<b>database</b> t={db.t} <span>({when})</span> <code>{escape(repr(db))}</code>"


def connection_html(conn: Connection) -> str:
    """Return where a connection leads and its newest value."""
    where = ":memory:" if conn.path is None else conn.path.name
    return f"<b>connection</b> <code>{escape(where)}</code>, {database_html(conn.db)}"


def entity_html(entity: Entity) -> str:
    """Return an entity's attributes and values."""
    rows = [(name, _plain(entity[name])) for name in entity]
    return _table(["attribute", "value"], rows, f"entity {entity.eid}")


def _plain(value: Any) -> Any:
    if isinstance(value, Entity):
        return value.eid
    if isinstance(value, list | set | frozenset | tuple):
        return [_plain(item) for item in value]
    return value


def schema_html(schema: Schema) -> str:
    """Return the user's attributes with their types."""
    users = [a for a in schema if not a.ident.startswith(_SYSTEM)]
    rows = [
        (
            a.ident,
            a.value_type.keyword.removeprefix(":db.type/"),
            "many" if a.many else "",
            a.unique or "",
            a.doc or "",
        )
        for a in sorted(users, key=lambda a: str(a.ident))[:_MOST]
    ]
    return _table(["attribute", "type", "", "unique", "doc"], rows, f"{len(users)} attributes")


def report_html(report: TxReport) -> str:
    """Return what a transaction added and retracted."""
    db = report.db_after
    rows = "".join(
        f'<tr style="color:{ADDED if d.added else REMOVED}"><td>{"+" if d.added else "-"}</td>'
        f"<td>{d.e}</td><td>{escape(str(db.ident(d.a) or d.a))}</td><td>{_cell(d.v)}</td></tr>"
        for d in report.tx_data[:_MOST]
    )
    note = f"t={report.t}, {report.datom_count} datoms"
    return f"<table><tbody>{rows}</tbody></table><p>{note}</p>"


def plan_html(explanation: Explanation) -> str:
    """Return the steps of a plan, and the short way that is taken in their place."""
    names = ["clause", "how", "estimate", "rows_in", "rows_out", "us"]
    steps = [[step.get(name) for name in names] for step in explanation.steps]
    return _table(names, steps, explanation.short_way or "")


def difference_html(difference: Difference) -> str:
    """Return a difference as its text says it."""
    return f"<pre>{escape(str(difference))}</pre>"


DISPLAYS: Final[dict[type, Any]] = {
    Connection: connection_html,
    Db: database_html,
    Difference: difference_html,
    Entity: entity_html,
    Explanation: plan_html,
    Schema: schema_html,
    TxReport: report_html,
}
