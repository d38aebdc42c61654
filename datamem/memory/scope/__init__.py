"""Scopes: the part of the memory that one tenant, user, agent or session may see, as a view."""
