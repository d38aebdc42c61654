"""Datalevin and DataScript as processes that answer one JSON line for each JSON line.

Each runs by itself, so that its threads and its garbage disturb nobody, and times its own calls: what is
compared is the engine, not the way to it.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.frame.timing import Times

HOME = Path(__file__).resolve().parent
NODE_PACKAGES = Path(".deps/npm")
DATASCRIPT = "datascript@1.8.1"


class PeerError(Exception):
    """A peer could not do what a case asked for."""


class Peer:
    """A peer's process.

    Attributes:
        name: with its version, for the report.
    """

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.name = str(self._ask({"do": "version"}))

    def _ask(self, request: dict[str, Any]) -> Any:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(request).encode() + b"\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise PeerError(f"{self._process.args!r} ended while asked for {request['do']}")
        answer = json.loads(line)
        if "error" in answer:
            code = str(request.get("code"))
            raise PeerError(f"{answer['error'][:500]} in {code[:500]}")
        return answer["value"]

    def run(self, code: str) -> Any:
        """Evaluate code in the peer's language and return its value as JSON has it."""
        return self._ask({"do": "run", "code": code})

    def rows(self, code: str) -> list[tuple[Any, ...]]:
        """Evaluate code whose value is a relation; return its tuples, sorted."""
        return sorted(tuple(row) for row in self._ask({"do": "rows", "code": code}))

    def times(self, code: str, seconds: float, *, before: str | None = None) -> Times:
        """Call code for about `seconds` and at least three times, timed by the peer itself.

        Args:
            code: an expression.
            seconds: how long.
            before: evaluated before each call and not timed.
        """
        request = {"do": "times", "code": code, "seconds": seconds, "before": before}
        return Times.of([took / 1e9 for took in self._ask(request)])

    def measure(
        self, code: str, *, seconds: float = 0.2, warm_s: float = 1.5, before: str | None = None
    ) -> Callable[[], Times]:
        """Return a measure for `in_turns`; the code is warmed up now, for a just-in-time compiler."""
        self.times(code, warm_s, before=before)
        return lambda: self.times(code, seconds, before=before)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def datalevin() -> Peer | None:
    """Start Datalevin in a JVM; None if it is not installed (`pip install datamem[bench]`)."""
    if importlib.util.find_spec("datalevin") is None:
        return None
    return Peer([sys.executable, str(HOME / "datalevin_peer.py")])


def datascript() -> Peer | None:
    """Start DataScript in node, fetching it from npm at the first time; None without node."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    if not (NODE_PACKAGES / "node_modules" / "datascript").is_dir():
        NODE_PACKAGES.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--silent", "--prefix", str(NODE_PACKAGES), DATASCRIPT]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return None
    return Peer(
        [node, "--stack-size=4000", str(HOME / "datascript_peer.js"), str(NODE_PACKAGES)]
    )
