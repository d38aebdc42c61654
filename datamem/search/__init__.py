"""Words and vectors together: fused rankings, and the embedders that make vectors of words."""

from datamem.search.fusion import Fused, fuse
from datamem.search.hybrid import hybrid, hybrid_columns

__all__ = ["Fused", "fuse", "hybrid", "hybrid_columns"]
