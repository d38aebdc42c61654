"""Embedders: what makes vectors of texts; by name, offline where the package carries its weights."""

from datamem.search.embedders.protocol import Embedder, Named, embed, model_name
from datamem.search.embedders.registry import EMBEDDERS, embedder

__all__ = ["EMBEDDERS", "Embedder", "Named", "embed", "embedder", "model_name"]
