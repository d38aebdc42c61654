"""Short ways: queries of a known shape, answered without the engine."""
