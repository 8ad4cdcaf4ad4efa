"""The kernel's word on its cores, from ``/sys/devices/system/cpu``: frequencies, limits, clusters.

The shell scripts use built-ins only, because they run between measurements and a process costs more than
what it reads. A file that is not there or not for us leaves its field out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from android_bench.results import CpuCluster

_CPUS = "/sys/devices/system/cpu"
# A line for each core: its number, frequency, limit and governor; "-" is unreadable.
CORES_NOW = (
    f"for c in {_CPUS}/cpu[0-9]*; do f=$c/cpufreq; a=-; b=-; g=-; "
    "read -r a <$f/scaling_cur_freq; read -r b <$f/scaling_max_freq; read -r g <$f/scaling_governor; "
    'echo "${c##*/cpu} ${a:--} ${b:--} ${g:--}"; done'
)
# A line "core NUMBER KHZ CAPACITY" for each core, and "policy KHZ CORE…" for each clock, whose list
# names cores that sleep as well.
CORES_AT_MOST = (
    f"for c in {_CPUS}/cpu[0-9]*; do a=-; b=-; "
    "read -r a <$c/cpufreq/cpuinfo_max_freq; read -r b <$c/cpu_capacity; "
    'echo "core ${c##*/cpu} ${a:--} ${b:--}"; done; '
    f"for p in {_CPUS}/cpufreq/policy[0-9]*; do a=-; b=; "
    'read -r a <$p/cpuinfo_max_freq; read -r b <$p/related_cpus; echo "policy ${a:--} $b"; done'
)
_PATH_OF_HOST = Path(_CPUS)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoresNow:
    """Each core's frequency and limit in kHz and its governor, by number, where they can be read."""

    khz: dict[int, int] = field(default_factory=dict)
    limit_khz: dict[int, int] = field(default_factory=dict)
    governors: dict[int, str] = field(default_factory=dict)


def parse_now(text: str) -> CoresNow:
    """Read what :data:`CORES_NOW` printed; a frequency of 0 is unknown."""
    found = CoresNow()
    for line in text.splitlines():
        words = line.split()
        if len(words) != 4 or not _is_number(words[0]):
            continue
        cpu = int(words[0])
        for kind, word in ((found.khz, words[1]), (found.limit_khz, words[2])):
            if _is_number(word) and int(word):
                kind[cpu] = int(word)
        if re.fullmatch(r"\w+", words[3]):
            found.governors[cpu] = words[3]
    return found


def parse_clusters(text: str) -> tuple[CpuCluster, ...]:
    """Group the cores that :data:`CORES_AT_MOST` told of, the slowest first; empty when nothing tells.

    Cores belong together when highest frequency and capacity are the same: there are chips whose big
    and little cores reach one frequency and differ in what they get done (Unisoc T618). Capacity is the
    kernel's own measure of that, 1024 for the fastest core.
    """
    khz: dict[int, int | None] = {}
    capacity: dict[int, int | None] = {}
    asleep: list[tuple[int, list[int]]] = []
    for words in (line.split() for line in text.splitlines()):
        if words[:1] == ["core"] and len(words) == 4 and _is_number(words[1]):
            cpu = int(words[1])
            khz[cpu], capacity[cpu] = _known(words[2]), _known(words[3])
        elif words[:1] == ["policy"] and len(words) > 2 and all(map(_is_number, words[1:])):
            asleep.append((int(words[1]), [int(word) for word in words[2:]]))
    for frequency, cpus in asleep:
        # A core that sleeps has no frequency of its own, and the capacity of those it shares a clock with.
        shared = next((capacity[cpu] for cpu in cpus if capacity.get(cpu)), None)
        for cpu in cpus:
            khz[cpu] = khz.get(cpu) or frequency or None
            capacity[cpu] = capacity.get(cpu) or shared
    return _grouped(khz, capacity)


def of_this_machine() -> tuple[CpuCluster, ...]:
    """The clusters of the machine that this runs on."""

    def word(path: Path) -> str:
        try:
            return path.read_text(encoding="ascii").strip() or "-"
        except (OSError, ValueError):
            return "-"

    lines = []
    for folder in _PATH_OF_HOST.glob("cpu[0-9]*"):
        highest, capacity = word(folder / "cpufreq/cpuinfo_max_freq"), word(folder / "cpu_capacity")
        lines.append(f"core {folder.name[3:]} {highest} {capacity}")
    return parse_clusters("\n".join(lines))


def cpu_list(cpus: Iterable[int]) -> str:
    """Core numbers as the kernel writes them: ``0-3,7``."""
    spans: list[list[int]] = []
    for cpu in sorted(set(cpus)):
        if spans and cpu == spans[-1][1] + 1:
            spans[-1][1] = cpu
        else:
            spans.append([cpu, cpu])
    return ",".join(str(one) if one == last else f"{one}-{last}" for one, last in spans)


def _grouped(
    khz: Mapping[int, int | None], capacity: Mapping[int, int | None]
) -> tuple[CpuCluster, ...]:
    if not khz or any(not khz[cpu] and not capacity.get(cpu) for cpu in khz):
        return ()  # a core of which nothing is known could belong anywhere
    by_capacity = all(capacity.get(cpu) for cpu in khz)
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for cpu in sorted(khz):
        groups[(capacity[cpu] or 0) if by_capacity else 0, khz[cpu] or 0].append(cpu)
    return tuple(
        CpuCluster(cpus=tuple(cpus), max_khz=frequency or None)
        for (_, frequency), cpus in sorted(groups.items())
    )


def _known(word: str) -> int | None:
    return (int(word) or None) if _is_number(word) else None


def _is_number(word: str) -> bool:
    return re.fullmatch(r"[0-9]{1,9}", word) is not None
