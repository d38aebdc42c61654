"""Words as attributes: which texts answer a query best, at any instant."""

from datamem.text.highlight import Highlight, highlight, highlight_value, highlights
from datamem.text.search import search
from datamem.text.several import search_each

__all__ = ["Highlight", "highlight", "highlight_value", "highlights", "search", "search_each"]
