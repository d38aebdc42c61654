"""Columns: int64 words, what they mean, and relations made of them."""
