"""EDN: megabytes a second, reading and printing one mixed document, beside edn_format."""

from __future__ import annotations

import importlib
import importlib.util

from bench.frame.options import Options
from bench.frame.report import Report, seconds_text
from bench.frame.timing import Work, calls_for
from datamem.edn import iter_forms, print_edn, read, read_all, tokenize

MEGABYTE = 1_000_000
REPEATS = 7
TARGET_RATE = 4.0

RECORD = """
{{:message/id #uuid "00000000-0000-4000-8000-{n:012x}" ; entry {n}
 :message/session [:session/id "s-{session}"], :message/role :{role}
 :message/content "Turn {n}: she said \\"{word}\\" and left.\\nThen it rained."
 :message/timestamp #inst "2023-05-{day:02}T{hour:02}:15:{second:02}.000-00:00"
 :message/tokens {tokens} :message/cost {cost} :message/exact 1.5{n}M
 #_ {{:draft {n}}} :message/tags #{{:chat :day-{day} "{word}"}}
 :message/parts ({{:type :text, :score [{cost} -{tokens} nil true]}} [{n} {day} {hour} ?x \\a])}}
"""

QUERY = """[:find ?name (count ?m) :in $ ?since :where [?u :user/name ?name]
 [?m :message/user ?u] [?m :message/at ?t] [(>= ?t ?since)]]"""


def mixed_document(size: int = MEGABYTE) -> str:
    """Return about `size` characters of entities as a program would export them."""
    words = ("tram", "kitchen", "letter", "harbour", "violin")
    records: list[str] = []
    length = 0
    while length < size:
        n = len(records)
        records.append(
            RECORD.format(
                n=n,
                session=n // 20,
                role=("user", "assistant", "tool")[n % 3],
                word=words[n % len(words)],
                day=n % 28 + 1,
                hour=n % 24,
                second=n % 60,
                tokens=n * 37 % 4096,
                cost=n % 997 / 64,
            )
        )
        length += len(records[-1])
    return "".join(records)


def run(_: Options) -> Report:
    text = mixed_document()
    size = len(text.encode())
    forms = read_all(text)
    report = Report(
        f"EDN of {size:,} bytes, {len(tokenize(text)):,} tokens, {len(forms):,} forms: best of {REPEATS}",
        ("time", "MB/s"),
    )
    add(report, "read_all", lambda: read_all(text), size, TARGET_RATE)
    add(report, "iter_forms", lambda: sum(1 for _ in iter_forms(text)), size)
    add(report, "tokenize", lambda: tokenize(text), size)
    add(report, "print_edn", lambda: print_edn(forms), size)
    add(report, "print_edn pretty", lambda: print_edn(forms, pretty=True), size)
    add(report, "read, one query", lambda: read(QUERY), len(QUERY))
    if importlib.util.find_spec("edn_format") is None:
        report.notes.append("edn_format is not installed: no comparison")
        return report
    peer = importlib.import_module("edn_format")
    add(report, "edn_format.loads_all", lambda: peer.loads_all(text), size)
    add(report, "edn_format.loads, one query", lambda: peer.loads(QUERY), len(QUERY))
    return report


def add(report: Report, what: str, work: Work, size: int, target: float | None = None) -> None:
    """Add a row."""
    seconds = calls_for(work, 0.0, least=REPEATS).least
    rate = size / seconds / MEGABYTE
    report.add(
        what,
        seconds_text(seconds),
        f"{rate:.2f}",
        target=f"{target:.0f} MB/s" if target else "",
        is_met=rate >= target if target else None,
    )
