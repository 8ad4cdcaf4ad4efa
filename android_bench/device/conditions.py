"""The state of a device around an invocation, read in one round trip and parsed as pure functions.

What cannot be read is unknown, never zero: phones without root refuse much of this. It is read between
measurements, so it may cost little: what the kernel tells is read by the shell itself, and what only
Android's services tell is asked of all of them at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from android_bench.device import frequencies
from android_bench.device.dumpsys import parse_battery, parse_screen, parse_thermal, plausible_c
from android_bench.results import Conditions
from android_bench.store import utc_now

# Built-ins of the shell.
_OF_THE_KERNEL = {
    "load": "read -r x </proc/loadavg && echo $x",
    "uptime": "read -r x </proc/uptime && echo $x",
    "stat": "read -r x </proc/stat && echo $x",
    "memory": (
        "while read -r a b; do case $a in MemAvailable:) echo $a $b; break;; esac; done </proc/meminfo"
    ),
    "cores": frequencies.CORES_NOW,
}
_OF_THE_HOST = {
    "zones": (
        "for zone in /sys/class/thermal/thermal_zone*; do "
        'read -r name <"$zone/type" && read -r value <"$zone/temp" && echo "$value $name"; done'
    ),
}
# The pattern matches what it describes and not itself, for this script is a command line too. Without a
# sight of process 1 the others are hidden, and none found says nothing.
_INFERENCES = (
    "x=$(grep -ls '[-]-graph=' /proc/[0-9]*/cmdline </dev/null); "
    "if [ $? -le 2 ] && [ -r /proc/1/cmdline ]; then echo visible; "
    'for f in $x; do cat "$f"; echo; done; fi'
)
# The screen's state is a property since Android 9; before, the service that dozes has to be asked,
# whose answer is one word (dumpsys power would write some hundred lines).
_SCREEN = (
    "{ x=$(getprop debug.tracing.screen_state); "
    "case $x in [1-6]) echo $x;; *) dumpsys deviceidle get screen;; esac; }"
)
_COPIED = "cat <&{0}"
_ONE_LINE = 'read -r x <&{0}; echo "$x"'
# What only Android's services tell, and how their answer is taken from its pipe.
_OF_ANDROID = {
    "battery": ("dumpsys battery", _COPIED),
    "thermal": ("dumpsys thermalservice", _COPIED),
    "low_power": ("settings get global low_power", _ONE_LINE),
    "screen": (_SCREEN, _ONE_LINE),
}
_KIB = 1024
# The unit of /proc/stat that the kernel shows to programs, 1/100 s on every architecture of Android.
USER_HZ = 100


def script(mark: str, *, is_host: bool) -> str:
    """A script that prints every section after a line ``MARK NAME``.

    Android's services are asked at once, each into a pipe that is emptied in the end; the kernel is read
    meanwhile. No file is written.
    """
    quick = {**_OF_THE_KERNEL, **(_OF_THE_HOST if is_host else {}), "inferences": _INFERENCES}
    asked = {} if is_host else _OF_ANDROID
    first_free = 3
    numbers = range(first_free, first_free + len(asked))
    begun = [f"{command} </dev/null | {{" for command, _ in asked.values()]
    told = [f"echo; echo '{mark} {name}'\n{command}" for name, command in quick.items()]
    told += [
        f"echo; echo '{mark} {name}'\n{taken.format(number)}"
        for number, (name, (_, taken)) in zip(numbers, asked.items(), strict=True)
    ]
    ended = [f"}} {number}<&0" for number in reversed(numbers)]
    lines = "\n".join([*begun, *told, *ended])
    return f"{{ {lines}\n}} 2>/dev/null"


def sections(output: str, mark: str) -> dict[str, str]:
    """Take apart what the script printed: each section's text by its name."""
    parts = re.split(
        rf"^{re.escape(mark)} (\w+)$", output.replace("\r\n", "\n"), flags=re.MULTILINE
    )
    return {name: text.strip("\n") for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def parse(texts: Mapping[str, str], *, user_hz: int = USER_HZ) -> Conditions:
    """Make the conditions of what each section says; a section that is missing is unknown."""
    battery = parse_battery(texts.get("battery", ""))
    status, temperatures = parse_thermal(texts.get("thermal", ""))
    cores = frequencies.parse_now(texts.get("cores", ""))
    return Conditions(
        taken_at=utc_now(),
        battery_level_pct=battery.level_pct,
        battery_temperature_c=battery.temperature_c,
        charging=battery.charging,
        thermal_status=status,
        temperatures_c=temperatures or parse_zones(texts.get("zones", "")),
        power_save={"0": False, "1": True}.get(texts.get("low_power", "").strip()),
        load_1min=_first_number(texts.get("load", "")),
        memory_available_bytes=parse_meminfo(texts.get("memory", "")).get("MemAvailable"),
        cpu_khz=cores.khz,
        cpu_limit_khz=cores.limit_khz,
        governors=cores.governors,
        screen_on=parse_screen(texts.get("screen", "")),
        uptime_s=_first_number(texts.get("uptime", "")),
        cpu_busy_s=parse_busy(texts.get("stat", ""), user_hz=user_hz),
        other_inferences=parse_inferences(texts.get("inferences", "")),
    )


def parse_zones(text: str) -> dict[str, float]:
    """Read the kernel's thermal zones, a line ``MILLIDEGREES NAME`` each, as °C by name."""
    found = re.findall(r"^(-?[0-9]+) (.+)$", text, re.MULTILINE)
    zones = {name.strip(): plausible_c(int(value) / 1000) for value, name in found}
    return {name: value for name, value in zones.items() if value is not None}


def parse_meminfo(text: str) -> dict[str, int]:
    """Read ``/proc/meminfo`` as names and bytes."""
    lines = re.findall(r"^(\w+):[ \t]+([0-9]+) kB", text, re.MULTILINE)
    return {name: int(kib) * _KIB for name, kib in lines}


def parse_busy(text: str, *, user_hz: int) -> float | None:
    """Read the first line of ``/proc/stat``: the seconds that all cores together have worked.

    Its numbers are user, nice, system, idle, iowait, irq, softirq, steal and guest (part of user).
    """
    found = re.match(r"cpu((?: +[0-9]+){4,})", text)
    if not found:
        return None
    ticks = [int(word) for word in found[1].split()]
    return sum(ticks[:3] + ticks[5:8]) / user_hz


def parse_inferences(text: str) -> int | None:
    """Count processes with an argument ``--graph=…``; ``None`` when others' processes are hidden.

    A shell or an adb client that was told to start one only holds the words and is not counted.
    """
    first, _, rest = text.partition("\n")
    if first != "visible":
        return None
    commands = [[word.strip("\n") for word in line.split("\0")] for line in rest.split("\0\n")]
    return sum(
        any(word.startswith("--graph=") for word in words[1:])
        and PurePosixPath(words[0]).name != "adb"
        for words in commands
    )


def _first_number(text: str) -> float | None:
    found = re.match(r"[0-9]{1,12}(\.[0-9]+)?(?!\S)", text.lstrip())
    return float(found[0]) if found else None
