"""The REPL: a conversation with a database, in a terminal or from a pipe."""
