"""Effects: what changes, what follows from it, and what forbids it."""
