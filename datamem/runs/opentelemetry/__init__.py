"""OpenTelemetry: traces of other programs come in, and runs go out, as spans."""
