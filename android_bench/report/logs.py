"""Links from the page to the raw logs, where the page lies above them.

Such a link is relative, so it works from a file share; a page elsewhere only names the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from android_bench.results import BenchmarkRun


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """A file of raw output: the ending that tells it from its siblings, and its address."""

    ending: str
    href: str


# By run id and by the log's path in the run's folder.
LogFiles = Mapping[str, Mapping[str, tuple[LogFile, ...]]]


def log_files(
    runs: Iterable[BenchmarkRun], folders: Mapping[str, Path], *, page: Path
) -> dict[str, dict[str, tuple[LogFile, ...]]]:
    """The raw logs that exist below the page's own folder; ``folders`` has each run's by its id."""
    above = page.resolve().parent
    return {
        run.run_id: _of_run(run, folder.resolve(), above)
        for run in runs
        if (folder := folders.get(run.run_id)) is not None
    }


def _of_run(run: BenchmarkRun, folder: Path, above: Path) -> dict[str, tuple[LogFile, ...]]:
    if not folder.is_relative_to(above):
        return {}
    where = folder.relative_to(above)
    listed: dict[str, list[str]] = {}
    found = {}
    for log in dict.fromkeys(item.log for item in run.invocations):
        parent, _, stem = log.rpartition("/")
        # A record from elsewhere may say anything: only files of the run's own folders are linked.
        if not stem or not all(part.isidentifier() for part in parent.split("/") if part):
            continue
        if parent not in listed:
            listed[parent] = _names(folder / parent)
        endings = [
            name.removeprefix(f"{stem}.") for name in listed[parent] if name.startswith(f"{stem}.")
        ]
        if endings:
            base = quote("/".join((where / parent / stem).parts), errors="replace")
            found[log] = tuple(
                LogFile(ending=ending, href=f"./{base}.{quote(ending)}") for ending in endings
            )
    return found


def _names(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    except OSError:
        return []
