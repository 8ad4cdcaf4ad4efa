"""Regression tests in CI: a project file, what is compared with what, gates, and the outcome."""
