"""Which cores a program may run on: a word, a mask or a list, as the hexadecimal mask of ``taskset``.

On a phone the choice decides more than the model: the same inference took 143 ms on its big cores and
281 ms on its little ones (tensorflow#29910).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from android_bench import formatting
from android_bench.device.frequencies import cpu_list
from android_bench.errors import UsageError
from android_bench.results import DeviceInfo

# No device has more; a longer number is a slip.
_MOST_CPUS = 1024


class CoreWord(str, Enum):
    """Cores by what they are: the slowest cluster, all others, or the fastest cluster."""

    BIG = "big"
    LITTLE = "little"
    PRIME = "prime"


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreChoice:
    """The cores of a run: ``mask`` is hexadecimal without ``0x``, ``word`` the word that it was made of."""

    mask: str
    cpus: tuple[int, ...]
    word: CoreWord | None = None


def mask_of(word: str, device: DeviceInfo, num_threads: int = 1) -> CoreChoice:
    """Find the cores that ``big``, ``little``, ``prime``, a mask (``f0``) or a list (``4-7``) means there.

    Raises:
        UsageError: it means nothing on this device, or has fewer cores than there are threads.
    """
    text = word.strip().lower()
    name = CoreWord(text) if text in set(CoreWord) else None
    cpus = _named(name, device) if name else _listed(text, device)
    there = _all_cpus(device) or range(_MOST_CPUS)
    absent = [cpu for cpu in cpus if cpu not in there]
    if absent:
        raise UsageError(
            f"{device.label} has no core {cpu_list(absent)}.", hint=f"It has {describe(device)}."
        )
    if num_threads > len(cpus):
        raise UsageError(
            f"{num_threads} threads on {formatting.count(len(cpus), 'core')} ({cpu_list(cpus)}) would "
            "wait for each other.",
            hint=f"Take --threads {len(cpus)}, or more cores: {device.label} has {describe(device)}.",
        )
    return CoreChoice(mask=f"{sum(1 << cpu for cpu in cpus):x}", cpus=cpus, word=name)


def describe(device: DeviceInfo) -> str:
    """The device's cores in words: ``cpus 0-3 1.80 GHz, 4-7 2.40 GHz``."""
    if device.clusters:
        told = [
            " ".join(
                [cpu_list(one.cpus), *([formatting.frequency(one.max_khz)] if one.max_khz else [])]
            )
            for one in device.clusters
        ]
        return f"cpus {', '.join(told)}"
    if device.cpu_count:
        return f"cpus {cpu_list(range(device.cpu_count))}, whose frequencies cannot be read"
    return "cores that cannot be counted"


def _named(word: CoreWord, device: DeviceInfo) -> tuple[int, ...]:
    clusters = device.clusters
    if len(clusters) < 2:
        why = "has one kind of cores" if clusters else "does not tell which of its cores are fast"
        raise UsageError(
            f"{device.label} {why}, so {word.value!r} names none of them.",
            hint=f"Name them: --cores 0-1 or --cores 0x3. It has {describe(device)}.",
        )
    chosen = {
        CoreWord.LITTLE: clusters[:1],
        CoreWord.BIG: clusters[1:],
        CoreWord.PRIME: clusters[-1:],
    }[word]
    return tuple(sorted(cpu for cluster in chosen for cpu in cluster.cpus))


def _listed(text: str, device: DeviceInfo) -> tuple[int, ...]:
    """The cores of a list or a mask. Digits alone could be either, and are refused."""
    if re.fullmatch(r"0x[0-9a-f]+|(?=[0-9]*[a-f])[0-9a-f]+", text):
        bits = int(text, 16)
        cpus = [cpu for cpu in range(min(bits.bit_length(), _MOST_CPUS + 1)) if bits >> cpu & 1]
    elif re.fullmatch(r"[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*", text) and not text.isdecimal():
        cpus = _expanded(text.split(","))
    elif text.isdecimal():
        raise UsageError(
            f"--cores {text} could be a mask or a core's number.",
            hint=f"Write 0x{text} for the mask, {text}-{text} for the one core.",
        )
    else:
        raise UsageError(
            f"--cores {text} is neither a word nor a mask nor a list of cores.",
            hint=f"Use {', '.join(CoreWord)}, a mask (0xf0) or a list (4-7). "
            f"{device.label} has {describe(device)}.",
        )
    if not cpus:
        raise UsageError(
            f"--cores {text} holds no core.", hint=f"{device.label} has {describe(device)}."
        )
    return tuple(cpus)


def _expanded(parts: Sequence[str]) -> list[int]:
    cpus: set[int] = set()
    for part in parts:
        first, _, last = part.partition("-")
        low, high = int(first), int(last or first)
        # Of what is beyond all cores one is enough to be refused.
        cpus.update(range(low, min(high, max(low, _MOST_CPUS)) + 1))
    return sorted(cpus)


def _all_cpus(device: DeviceInfo) -> frozenset[int]:
    known = {cpu for cluster in device.clusters for cpu in cluster.cpus}
    return frozenset(known | set(range(device.cpu_count or 0)))
