"""What `python -m bench` was asked for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

DIRECTORY = Path(".deps/bench")


@dataclass(frozen=True, slots=True)
class Options:
    """Arguments of a run.

    Attributes:
        command: as a person would type it again.
        directory: where databases are made; decides which disk is measured.
        size: datoms of a big database; None for the case's own choice.
        has_peers: whether to run Datalevin and DataScript beside.
        kept: where databases that take long to build stay for the next run; None to build anew.
    """

    command: str = "python -m bench"
    directory: Path = DIRECTORY
    size: int | None = None
    has_peers: bool = True
    kept: Path | None = None

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Make a directory that is gone afterwards."""
        self.directory.mkdir(parents=True, exist_ok=True)
        path = Path(mkdtemp(dir=self.directory))
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    @contextmanager
    def place(self, name: str) -> Iterator[Path]:
        """Make a directory as `scratch` does, or find the one of this name among those that stay."""
        if self.kept is None:
            with self.scratch() as path:
                yield path
        else:
            path = self.kept / name
            path.mkdir(parents=True, exist_ok=True)
            yield path
