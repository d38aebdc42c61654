"""Vectors as attributes: which stored vectors are nearest to a query, at any instant."""

from datamem.vector.exact import Neighbour, nearest
from datamem.vector.search import search

__all__ = ["Neighbour", "nearest", "search"]
