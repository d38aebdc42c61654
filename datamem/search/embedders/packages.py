"""Finding an embedder's package without importing it, and refusing clearly where there is none."""

from __future__ import annotations

from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from datamem.errors import DatamemError


def package_path(name: str, embedder: str, install: str) -> Path:
    """Return the directory of an installed package, whose code is not run.

    Raises:
        DatamemError: `embed/not-installed`.
    """
    spec = find_spec(name)
    places = None if spec is None else spec.submodule_search_locations
    if not places:
        raise _missing(name, embedder, install)
    return Path(next(iter(places)))


def import_package(name: str, embedder: str, install: str) -> Any:
    """Import a package that an embedder needs.

    Raises:
        DatamemError: `embed/not-installed`.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise _missing(name, embedder, install) from error


def check_weights(path: Path, digest: str, embedder: str) -> None:
    """Refuse weights that are not those they are said to be. Cost: 0.3 s for 90 MB.

    Raises:
        DatamemError: `embed/damaged-weights`.
    """
    with path.open("rb") as file:
        hasher = sha256()
        while chunk := file.read(1 << 20):
            hasher.update(chunk)
    if hasher.hexdigest() != digest:
        raise DatamemError(
            f"the weights of {embedder} in {path} are not the ones that are known",
            code="embed/damaged-weights",
            hint="install the package again",
            path=str(path),
            expected=digest,
            actual=hasher.hexdigest(),
        )


def _missing(name: str, embedder: str, install: str) -> DatamemError:
    return DatamemError(
        f"the embedder {embedder} needs {name}, which is not installed",
        code="embed/not-installed",
        hint=install,
        package=name,
        embedder=embedder,
    )
