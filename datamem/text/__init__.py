"""Words as attributes: which texts answer a query best, at any instant."""

from datamem.text.search import search

__all__ = ["search"]
