"""Resolved forms: tempids and lookup refs have found their entities, values their words."""
