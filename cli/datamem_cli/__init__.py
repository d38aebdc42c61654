"""The `datamem` command: every operation of the library from a shell."""
