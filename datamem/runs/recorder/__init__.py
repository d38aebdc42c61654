"""The recorder: an agent's code runs with a context, and what could have gone otherwise is kept as steps."""
