"""benchmark_model as a file: found or fetched, pinned, and checked against the device."""
