"""Resolving: from syntax to steps, which know attributes and rules; the schema is asked, the data never."""
