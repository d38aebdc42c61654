"""The commands, a module for those that belong together; each is imported when it is wanted."""
