"""Retention: which memories go, by policies that are data, and where they are kept then."""
