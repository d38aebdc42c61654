"""The figures of `docs/benchmarks.md`, measured: one case a file, peers side by side in one run."""
