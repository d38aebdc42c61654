"""Adapters of embedding libraries and services; each is thin, and imports its library when it is made.

These libraries fetch their weights from a network when they first use a model; datamem itself never does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from datamem.search.embedders.packages import import_package
from datamem.search.embedders.protocol import Matrix, Named

_MOST_A_CALL: Final = 256


def sentence_transformers(
    model: Any = "sentence-transformers/all-MiniLM-L6-v2", **options: Any
) -> Named:
    """Return an embedder over a `SentenceTransformer`, or the name of one."""
    name = model if isinstance(model, str) else "sentence-transformers"
    if isinstance(model, str):
        install = "pip install sentence-transformers"
        library = import_package("sentence_transformers", "sentence-transformers", install)
        model = library.SentenceTransformer(model, **options)
    return Named(lambda texts: model.encode(list(texts), convert_to_numpy=True), name)


def fastembed(model: Any = "BAAI/bge-small-en-v1.5", **options: Any) -> Named:
    """Return an embedder over a fastembed `TextEmbedding`, or the name of its model."""
    name = model if isinstance(model, str) else "fastembed"
    if isinstance(model, str):
        library = import_package("fastembed", "fastembed", "pip install fastembed")
        model = library.TextEmbedding(model_name=model, **options)
    return Named(lambda texts: np.stack(list(model.embed(list(texts)))), name)


def model2vec(model: Any = "minishlab/potion-base-8M", **options: Any) -> Named:
    """Return an embedder over a model2vec `StaticModel`, or the name of one."""
    name = model if isinstance(model, str) else "model2vec"
    if isinstance(model, str):
        library = import_package("model2vec", "model2vec", "pip install model2vec")
        model = library.StaticModel.from_pretrained(model, **options)
    return Named(lambda texts: model.encode(list(texts)), name)


def openai(
    client: Any, model: str = "text-embedding-3-small", dimensions: int | None = None
) -> Named:
    """Return an embedder over a client with `embeddings.create`, as OpenAI's and many others' are.

    Args:
        client: made and authorised by the caller.
        model: what the service calls the model.
        dimensions: asked of the service, where it can shorten its vectors.
    """
    options: dict[str, Any] = {"model": model}
    if dimensions is not None:
        options["dimensions"] = dimensions

    def embed(texts: Sequence[str]) -> Matrix:
        rows: list[Any] = []
        for start in range(0, len(texts), _MOST_A_CALL):
            part = list(texts[start : start + _MOST_A_CALL])
            answer = client.embeddings.create(input=part, **options)
            rows += [one.embedding for one in sorted(answer.data, key=lambda one: one.index)]
        return np.array(rows, np.float32)

    return Named(embed, model, dimensions)
