"""The job on the device that is waited for, noted on disk: it can be ended after this process died."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from android_bench.device import Device
from android_bench.device.script import Job

PENDING_FILE = "pending"


@contextmanager
def noted_job(folder: Path, device: Device) -> Iterator[Job]:
    """A new job, its name in a run's folder while the block lasts; it stays when the block fails."""
    job = Job(device.root)
    note = folder / PENDING_FILE
    note.write_text(job.name, encoding="ascii")
    yield job
    note.unlink()


def end_noted_job(folder: Path, device: Device) -> None:
    """End the job that was waited for when a run was interrupted, if it still runs."""
    note = folder / PENDING_FILE
    name = note.read_text(encoding="ascii", errors="replace") if note.is_file() else ""
    if re.fullmatch(r"[0-9a-f]{24}", name):
        device.end_job(name)
    note.unlink(missing_ok=True)
