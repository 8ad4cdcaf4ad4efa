"""Runs together with the folders they lie in, where their raw logs are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from android_bench.collector import collector_paused
from android_bench.results import BenchmarkRun
from android_bench.store import load_run, run_files


def load_with_folders(
    paths: Iterable[Path],
) -> tuple[tuple[BenchmarkRun, ...], dict[str, Path]]:
    """Read all runs below these folders and files, oldest first, each once, and where each lies.

    Raises:
        ResultError: a path is missing, holds no run, or a run in it cannot be read.
    """
    runs: dict[str, BenchmarkRun] = {}
    folders: dict[str, Path] = {}
    with collector_paused():
        for file in run_files(paths):
            run = load_run(file)
            runs[run.run_id], folders[run.run_id] = run, file.parent
    return tuple(sorted(runs.values(), key=lambda run: (run.started_at, run.run_id))), folders
