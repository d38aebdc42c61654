"""Rules: programs that derive relations, evaluated by the shape of their recursion."""
