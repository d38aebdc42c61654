"""Collections: everything of an agent's memory that is no memory, from people to tasks, a kind each."""
