"""Pure functions of runs: statistics, findings, comparisons, where the time goes."""
