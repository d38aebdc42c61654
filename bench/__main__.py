"""`python -m bench [case …]`: measure, print and keep; without a case, all that are quick."""

from __future__ import annotations

import argparse
import shlex
import sys
import traceback
from importlib import import_module
from pathlib import Path

from bench.frame.options import DIRECTORY, Options
from bench.frame.report import Report, keep

QUICK = (
    "startup",
    "commit",
    "threads",
    "nosync",
    "transaction",
    "load",
    "asof",
    "asofrules",
    "asofsmall",
    "queries",
    "rules",
    "point",
    "graph",
    "genealogy",
    "edn",
    "log",
    "replay",
    "events",
    "kv",
    "transactions",
    "ingest",
    "scopes",
    "recall",
    "text",
    "texthybrid",
)
BIG = ("store", "growth", "million", "diff", "vectors", "vectormillion", "locomo")
"""Minutes, and gigabytes of disk: only when named, or with --all."""


def main(arguments: list[str]) -> int:
    """Run cases; a missed target is a figure and no fault, a case that fails is one."""
    asked = _parser().parse_args(arguments)
    cases = asked.case or [*QUICK, *(BIG if asked.all else ())]
    if asked.list:
        for name in (*QUICK, *BIG):
            print(f"{name:12} {_summary(name)}")
        return 0
    reports = [_run(name, asked) for name in cases]
    missed = sum(report.missed_count for report in reports if report is not None)
    print(f"{missed} targets missed" if missed else "every target met")
    return int(None in reports)


def _run(name: str, asked: argparse.Namespace) -> Report | None:
    """Run, print and keep one case; None if it failed, so that the others still run."""
    options = Options(
        command=_command(name, asked),
        directory=asked.directory,
        size=asked.size,
        has_peers=not asked.no_peers,
        kept=asked.keep,
    )
    try:
        report: Report = import_module(f"bench.{name}").run(options)
    except Exception:  # noqa: BLE001 - shown, and the next case runs
        traceback.print_exc()
        return None
    print(report.text(options.command), flush=True)
    if not asked.dry:
        keep(name, report, options)
    return report


def _command(name: str, asked: argparse.Namespace) -> str:
    parts = ["python", "-m", "bench", name]
    if asked.size is not None:
        parts += ["--size", str(asked.size)]
    if asked.no_peers:
        parts.append("--no-peers")
    return shlex.join(parts)


def _summary(name: str) -> str:
    doc = import_module(f"bench.{name}").__doc__ or ""
    return doc.splitlines()[0]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "case", nargs="*", choices=[*QUICK, *BIG, []], help="default: the quick ones"
    )
    parser.add_argument("--list", action="store_true", help="say what there is")
    parser.add_argument("--all", action="store_true", help="the big ones too")
    parser.add_argument("--size", type=int, help="datoms of a big database, people of others")
    parser.add_argument(
        "--no-peers", action="store_true", help="without Datalevin and DataScript"
    )
    parser.add_argument("--dry", action="store_true", help="print, and keep nothing")
    parser.add_argument(
        "--directory", type=Path, default=DIRECTORY, help="where to make databases: which disk"
    )
    parser.add_argument(
        "--keep", type=Path, help="build big databases there once, and use them again"
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
