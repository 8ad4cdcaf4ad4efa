"""Which cores matter: those of the fastest cluster, where a model runs when it may."""

from __future__ import annotations

from collections.abc import Mapping

from android_bench.results import DeviceInfo


def big_cores(device: DeviceInfo) -> frozenset[int]:
    """The cores of the fastest cluster; empty when the clusters are unknown."""
    return frozenset(device.clusters[-1].cpus) if device.clusters else frozenset()


def highest_khz(khz: Mapping[int, int], cores: frozenset[int]) -> float | None:
    """The highest frequency among these cores, or among all where they are not known."""
    return max((value for cpu, value in khz.items() if not cores or cpu in cores), default=None)
