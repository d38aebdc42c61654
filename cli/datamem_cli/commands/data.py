"""The command that writes: transact."""

from __future__ import annotations

from typing import Any

import click

from datamem_cli.options import db_option, format_option, text_of_argument


@click.command()
@db_option
@format_option
@click.option("--meta", metavar="EDN", help="Facts about the transaction, as an EDN map.")
@click.option("--dry-run", is_flag=True, help="Show what it would do, and do nothing.")
@click.argument("tx_data", metavar="TX-DATA")
def transact(path: str, fmt: str, meta: str | None, dry_run: bool, tx_data: str) -> None:
    r"""Assert and retract facts, all or none.

    TX-DATA may be `-`, which reads it from standard input, or `@FILE`.

    \b
    Examples:
      datamem transact '[{:user/name "Mira"}]'
      datamem transact '[[:db/add [:user/external-id "mira"] :user/timezone "Europe/Oslo"]]'
      datamem transact --meta '{:tx/why "a correction"}' @facts.edn
    """
    from datamem_cli.opening import open_reading, open_writing

    about = _meta_of(meta)
    text = text_of_argument(tx_data)
    if dry_run:
        with open_reading(path) as conn:
            _print_report(conn.db.with_tx(text, about), fmt, would=True)
        return
    with open_writing(path) as conn:
        _print_report(conn.transact(text, meta=about), fmt, would=False)


def _meta_of(meta: str | None) -> Any:
    from datamem.edn import read

    if meta is None:
        return None
    form = read(meta)
    if not isinstance(form, dict):
        raise click.UsageError('--meta is an EDN map, as {:tx/why "a correction"}')
    return form


def _print_report(report: Any, fmt: str, *, would: bool) -> None:
    from datamem_cli.commands.look import datom_record
    from datamem_cli.show.printing import print_record, print_records

    if would:
        db = report.db_after
        rows = [datom_record(db, datom) for datom in report.tx_data if datom.e != report.tx]
        keys = ("added", "entity", "attribute", "value")
        print_records([{key: row[key] for key in keys} for row in rows], fmt)
        return
    record = {"t": report.t, "datoms": report.datom_count}
    if report.tempids:
        record["tempids"] = dict(report.tempids)
    print_record(record, fmt)


COMMANDS = (transact,)
