"""Executing: the steps of a conjunction over columns, the cheapest next."""
