"""Vectors as attributes: which stored vectors are nearest to a query, at any instant."""

from datamem.vector.build import build_index
from datamem.vector.nearest import Neighbour, nearest
from datamem.vector.search import search

__all__ = ["Neighbour", "build_index", "nearest", "search"]
