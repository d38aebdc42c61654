"""Comparing: which step of one run is which of another, and where the two part."""
