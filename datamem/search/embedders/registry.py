"""Embedders by name; each is imported and its weights are read when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Final

from datamem.errors import DatamemError
from datamem.search.embedders.protocol import Embedder

EMBEDDERS: Final = {
    "hash": "datamem.search.embedders.hashing:HashEmbedder",
    "wordllama": "datamem.search.embedders.wordllama:WordLlama",
    "minilm": "datamem.search.embedders.minilm:MiniLM",
    "sentence-transformers": "datamem.search.embedders.adapters:sentence_transformers",
    "fastembed": "datamem.search.embedders.adapters:fastembed",
    "model2vec": "datamem.search.embedders.adapters:model2vec",
    "openai": "datamem.search.embedders.adapters:openai",
}
"""Where each embedder is made, as "module:callable"."""


def embedder(name: str, **options: Any) -> Embedder:
    """Return an embedder by name.

    Args:
        name: "hash" needs nothing; "wordllama" and "minilm" read the weights that their packages carry, and
            never a network; "sentence-transformers", "fastembed", "model2vec" and "openai" adapt
            what the library of that name offers.
        options: what the embedder takes: `dimensions` of "hash", `model` or `client` of an adapter.

    Raises:
        DatamemError: `embed/unknown-embedder`, `embed/not-installed` with what to install,
            `embed/damaged-weights`.

    Example:
        >>> from datamem.search.embedders import embedder
        >>> embedder("hash", dimensions=64)(["good morning", "good mornings"]).shape
        (2, 64)
    """
    place = EMBEDDERS.get(name)
    if place is None:
        near = get_close_matches(name, EMBEDDERS, n=1)
        raise DatamemError(
            f"{name} is not an embedder",
            code="embed/unknown-embedder",
            hint=f"did you mean {near[0]}?" if near else f"they are {', '.join(EMBEDDERS)}",
            name=name,
        )
    module, _, attribute = place.partition(":")
    make: Callable[..., Embedder] = getattr(import_module(module), attribute)
    return make(**options)
