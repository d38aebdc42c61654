"""Columns, segments, levels, novelty and the heap: where datoms are and how few are read."""
