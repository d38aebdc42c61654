"""Noting: what in a query can match nothing, or cannot be what was meant, though it is a query."""
