"""Parsing: from EDN text or Python data to the syntax of a query; what can be refused before names are known."""
