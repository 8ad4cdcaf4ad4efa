"""One run as the page sees it: :mod:`android_bench.run_view`."""

from __future__ import annotations

from android_bench.run_view import CommandView, RunView

__all__ = ["CommandView", "RunView"]
