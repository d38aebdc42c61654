"""The replayer: recorded code runs again, answered from the record, and the first divergence is told."""
