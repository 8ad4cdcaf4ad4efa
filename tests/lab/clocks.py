"""A device's /sys, which is a fake: cores and their clocks in files that tests change while it runs.

It looks as the kernel's does: the cores of a cluster share one folder, to which each core's name for it
is a link. Nothing is faster or slower for it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

Cluster = tuple[tuple[int, ...], int, int]
"""Its cores, their highest frequency in kHz, and their capacity (1024 is the fastest core)."""


def clusters_of_this_machine() -> tuple[Cluster, ...]:
    """As many cores as this machine has, the first half of them little ones."""
    cpus = tuple(range(os.cpu_count() or 1))
    half = len(cpus) // 2
    little: tuple[Cluster, ...] = ((cpus[:half], 1_800_000, 384),) if half else ()
    return (*little, (cpus[half:], 2_850_000, 1024))


class Clocks:
    """The folder that a device sees as its /sys."""

    def __init__(self, root: Path, clusters: Iterable[Cluster]) -> None:
        self.root = root
        self._cpus = root / "devices" / "system" / "cpu"
        self._cpus.mkdir(parents=True)
        (root / "this-is-a-fake").touch()
        known: list[int] = []
        for cpus, khz, capacity in clusters:
            known += cpus
            policy = self._cpus / "cpufreq" / f"policy{cpus[0]}"
            policy.mkdir(parents=True)
            values = {
                "cpuinfo_min_freq": 300_000,
                "cpuinfo_max_freq": khz,
                "scaling_min_freq": 300_000,
                "scaling_max_freq": khz,
                "scaling_cur_freq": khz // 2,
                "scaling_governor": "schedutil",
                "scaling_available_governors": "powersave performance schedutil",
                "related_cpus": " ".join(map(str, cpus)),
            }
            for name, value in values.items():
                (policy / name).write_text(f"{value}\n")
            for cpu in cpus:
                folder = self._cpus / f"cpu{cpu}"
                folder.mkdir()
                (folder / "cpufreq").symlink_to(f"../cpufreq/{policy.name}")
                (folder / "cpu_capacity").write_text(f"{capacity}\n")
        for name in ("possible", "present", "online"):
            (self._cpus / name).write_text(f"0-{max(known)}\n")

    def run_at(self, cpu: int, khz: int) -> None:
        """Say that a core and those it shares a clock with run at a frequency."""
        self._write(cpu, "scaling_cur_freq", str(khz))

    def limit(self, cpu: int, khz: int) -> None:
        """Throttle a core and those it shares a clock with, or let them go again."""
        self._write(cpu, "scaling_max_freq", str(khz))

    def governor(self, cpu: int) -> str:
        """Who chooses a core's frequency."""
        return (self._cpus / f"cpu{cpu}" / "cpufreq" / "scaling_governor").read_text().strip()

    def put_to_sleep(self, cpu: int) -> None:
        """Take a core offline: its clock's folder is not its own any more."""
        (self._cpus / f"cpu{cpu}" / "cpufreq").unlink()

    def hide(self) -> None:
        """Tell nothing of clocks any more, as devices do whose policy forbids it to the shell."""
        shutil.rmtree(self._cpus / "cpufreq")

    def _write(self, cpu: int, name: str, value: str) -> None:
        (self._cpus / f"cpu{cpu}" / "cpufreq" / name).write_text(f"{value}\n")
