"""Memories: added once, revised with a reason, related, forgotten, and kept in the history."""
