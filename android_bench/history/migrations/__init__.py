"""The migrations of the history's tables, run by :mod:`android_bench.history.migrating`."""
