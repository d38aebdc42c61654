"""Reflection: what is made of the memory after it was written, and how strong each memory is."""
