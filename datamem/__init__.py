"""A time machine for agent memory."""
