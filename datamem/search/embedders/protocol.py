"""What an embedder is, and the check of what one returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from datamem.errors import DatamemError

Matrix = npt.NDArray[np.float32]


class Embedder(Protocol):
    """Any callable from n texts to float32[n, d]; equal texts should give equal vectors.

    It may have a `name`, which databases remember beside its vectors, and `dimensions`.
    """

    def __call__(self, texts: Sequence[str], /) -> Any:
        """Return a vector for each text, in their order."""


class Named:
    """A callable as an embedder with a name.

    Attributes:
        name: what databases call the model.
        dimensions: of its vectors, None if it is not known before it is called.
    """

    def __init__(
        self,
        function: Callable[[Sequence[str]], Any],
        name: str,
        dimensions: int | None = None,
    ) -> None:
        self._function = function
        self.name = name
        self.dimensions = dimensions

    def __call__(self, texts: Sequence[str]) -> Matrix:
        """Return the vectors of texts, float32[n, d]."""
        return np.asarray(self._function(texts), np.float32)

    def __repr__(self) -> str:
        return f"<Embedder {self.name} {self.dimensions or '?'}>"


def model_name(embedder: Any) -> str:
    """Return what an embedder calls itself."""
    named = getattr(embedder, "name", None) or getattr(embedder, "__name__", None)
    return str(named or type(embedder).__name__)


def embed(embedder: Any, texts: Sequence[str], dimensions: int | None = None) -> Matrix:
    """Return the vectors of texts, float32[n, d], finite; nothing is trusted that a model returns.

    Args:
        embedder: any callable from texts to vectors.
        texts: what to embed; for none the embedder is not called.
        dimensions: what d must be; None: whatever it is.

    Raises:
        DatamemError: `embed/failed` when it raises, `embed/wrong-shape`, `embed/not-finite`.
    """
    if not texts:
        return np.empty((0, dimensions or 0), np.float32)
    name = model_name(embedder)
    try:
        found = np.asarray(embedder(list(texts)), np.float32)
    except DatamemError:
        raise
    except Exception as error:
        raise DatamemError(
            f"the embedder {name} failed on {len(texts)} texts: {error}",
            code="embed/failed",
            hint="nothing was written; try again once it works",
            embedder=name,
        ) from error
    wanted = dimensions or (found.shape[1] if found.ndim == 2 else 0)
    if found.shape != (len(texts), wanted) or not wanted:
        shown = f"[{len(texts)}, {dimensions or 'd'}]"
        raise DatamemError(
            f"the embedder {name} returned shape {list(found.shape)}, and {shown} was needed",
            code="embed/wrong-shape",
            hint="an embedder takes a list of n texts and returns float32[n, d]",
            embedder=name,
            shape=list(found.shape),
            dimensions=dimensions,
        )
    bad = np.flatnonzero(~np.isfinite(found).all(axis=1))
    if len(bad):
        raise DatamemError(
            f"the embedder {name} returned NaN or infinity for {texts[bad[0]]!r}",
            code="embed/not-finite",
            embedder=name,
            text=texts[bad[0]],
        )
    return found


def unit_rows(vectors: Matrix) -> Matrix:
    """Return vectors with length 1, in place; one of zeros becomes the first axis.

    A text without any token has a vector all the same: one that is near to no other.
    """
    lengths = np.linalg.norm(vectors, axis=1)
    vectors[lengths == 0, 0] = 1.0
    lengths[lengths == 0] = 1.0
    vectors /= lengths[:, None]
    return vectors
