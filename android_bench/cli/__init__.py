"""The command ``android-bench``: thin commands, each importing what it needs when it runs."""

from __future__ import annotations

from android_bench.cli.app import main

__all__ = ["main"]
