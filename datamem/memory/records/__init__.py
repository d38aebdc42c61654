"""Records: one entity of the memory, its kind, and what its options are as facts."""
