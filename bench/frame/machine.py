"""What the figures were measured on: machine, versions, how busy it was."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from datamem.clock import now_us

PACKAGES = ("datamem", "numpy", "msgpack", "pyarrow")


def describe_machine() -> list[str]:
    """Return lines that say when, where and with what."""
    day = datetime.fromtimestamp(now_us() / 1e6, UTC).date()
    load = " ".join(f"{x:.1f}" for x in os.getloadavg())
    return [
        f"{day}, {_commit()}, load before {load}",
        f"{_processor()}, {os.cpu_count()} cores, {_memory()}, {platform.system()} {platform.release()}",
        ", ".join([f"Python {platform.python_version()}", *_versions()]),
    ]


def _commit() -> str:
    git = shutil.which("git")
    if git is None:
        return "unknown commit"
    done = subprocess.run(
        [git, "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return f"commit {done.stdout.strip() or 'unknown'}"


def _processor() -> str:
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory() -> str:
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemTotal"):
            return f"{int(line.split()[1]) / 2**20:.0f} GB"
    return "memory unknown"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _versions() -> list[str]:
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found
