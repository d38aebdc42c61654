"""Finding: from what the clauses bound to what is asked for: elements, groups, order, pages."""
