"""EDN: megabytes a second, reading and printing one mixed document, beside edn_format.

python bench/edn.py
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import platform
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from datamem.edn import iter_forms, print_edn, read, read_all, tokenize

if TYPE_CHECKING:
    from collections.abc import Callable

MEGABYTE = 1_000_000
REPEATS = 7

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


def best_seconds(work: Callable[[], object]) -> float:
    """Return the shortest of several runs, without the collector, as timeit does."""
    times = []
    gc.collect()
    gc.disable()
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    gc.enable()
    return min(times)


def report(name: str, seconds: float, size: int) -> None:
    print(f"{name:28} {seconds * 1e3:9.3f} ms {size / seconds / MEGABYTE:8.2f} MB/s")


def main() -> None:
    text = mixed_document()
    size = len(text.encode())
    forms = read_all(text)
    print(f"python {platform.python_version()}, {platform.machine()}, best of {REPEATS}")
    print(f"{size} bytes, {len(tokenize(text))} tokens, {len(forms)} forms")
    report("read_all", best_seconds(lambda: read_all(text)), size)
    report("iter_forms", best_seconds(lambda: sum(1 for _ in iter_forms(text))), size)
    report("tokenize", best_seconds(lambda: tokenize(text)), size)
    report("print_edn", best_seconds(lambda: print_edn(forms)), size)
    report("print_edn pretty", best_seconds(lambda: print_edn(forms, pretty=True)), size)
    report("read, one query", best_seconds(lambda: read(QUERY)), len(QUERY))
    if importlib.util.find_spec("edn_format") is None:
        print("edn_format is not installed: no comparison (pip install edn_format)")
        return
    peer = importlib.import_module("edn_format")
    report("edn_format.loads_all", best_seconds(lambda: peer.loads_all(text)), size)
    report("edn_format.loads, one query", best_seconds(lambda: peer.loads(QUERY)), len(QUERY))


if __name__ == "__main__":
    main()
