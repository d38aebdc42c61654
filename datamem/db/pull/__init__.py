"""Pull: parts of an entity, named by a pattern, as nested data."""
