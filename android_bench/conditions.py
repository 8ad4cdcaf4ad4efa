"""The state of a device around an invocation, read in one round trip and parsed as pure functions.

What cannot be read is unknown, never zero: phones without root refuse much of this.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from android_bench.results import Conditions
from android_bench.store import utc_now

DEVICE_COMMANDS = {
    "battery": "dumpsys battery",
    "thermal": "dumpsys thermalservice",
    "low_power": "settings get global low_power",
    "load": "cat /proc/loadavg",
    "memory": "cat /proc/meminfo",
}
HOST_COMMANDS = {
    "load": "cat /proc/loadavg",
    "memory": "cat /proc/meminfo",
    # Built-ins of the shell only: this is read between measurements, and processes cost time.
    "zones": (
        "for zone in /sys/class/thermal/thermal_zone*; do "
        'read -r name <"$zone/type" && read -r value <"$zone/temp" && echo "$value $name"; done'
    ),
}
_KIB = 1024


def parse(texts: Mapping[str, str]) -> Conditions:
    """Make the conditions of what each command printed."""
    battery = parse_battery(texts.get("battery", ""))
    status, temperatures = parse_thermal(texts.get("thermal", ""))
    return Conditions(
        taken_at=utc_now(),
        battery_level_pct=_level_pct(battery),
        battery_temperature_c=_tenths(battery.get("temperature")),
        charging=_charging(battery),
        thermal_status=status,
        temperatures_c=temperatures or parse_zones(texts.get("zones", "")),
        power_save={"0": False, "1": True}.get(texts.get("low_power", "").strip()),
        load_1min=_first_number(texts.get("load", "")),
        memory_available_bytes=parse_meminfo(texts.get("memory", "")).get("MemAvailable"),
    )


def parse_battery(text: str) -> dict[str, str]:
    """Read ``dumpsys battery`` as names and values (level in percent, temperature in tenths of °C)."""
    return {
        name.strip(): value.strip()
        for name, colon, value in (line.partition(":") for line in text.splitlines())
        if colon and value.strip()
    }


def parse_thermal(text: str) -> tuple[int | None, dict[str, float]]:
    """Read ``dumpsys thermalservice``: the status (0 none … 6 shutdown) and temperatures by sensor in °C.

    The hardware's current temperatures count; the cached ones serve where there are none.
    """
    found = re.search(r"^Thermal Status: ([0-9]+)", text, re.MULTILINE)
    current = text.partition("Current temperatures from HAL:")[2]
    return int(found[1]) if found else None, _sensors(current) or _sensors(text)


def parse_zones(text: str) -> dict[str, float]:
    """Read the kernel's thermal zones, a line ``MILLIDEGREES NAME`` each, as °C by name."""
    return {
        name.strip(): int(value) / 1000
        for value, name in re.findall(r"^(-?[0-9]+) (.+)$", text, re.MULTILINE)
    }


def parse_meminfo(text: str) -> dict[str, int]:
    """Read ``/proc/meminfo`` as names and bytes."""
    lines = re.findall(r"^(\w+):[ \t]+([0-9]+) kB", text, re.MULTILINE)
    return {name: int(kib) * _KIB for name, kib in lines}


def _sensors(text: str) -> dict[str, float]:
    found = re.findall(r"Temperature\{mValue=([^,]+), mType=-?[0-9]+, mName=([^,}]+)", text)
    return {name: float(value) for value, name in found if _is_number(value)}


def _level_pct(battery: Mapping[str, str]) -> int | None:
    level, scale = battery.get("level", ""), battery.get("scale", "100")
    if not (re.fullmatch(r"[0-9]+", level) and re.fullmatch(r"0*[1-9][0-9]*", scale)):
        return None
    return round(100 * int(level) / int(scale))


def _charging(battery: Mapping[str, str]) -> bool | None:
    powered = [value for name, value in battery.items() if name.endswith(" powered")]
    return any(value == "true" for value in powered) if powered else None


def _tenths(text: str | None) -> float | None:
    return int(text) / 10 if text and re.fullmatch(r"-?[0-9]+", text) else None


def _first_number(text: str) -> float | None:
    word = text.split(maxsplit=1)[0] if text.strip() else ""
    return float(word) if _is_number(word) else None


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text) is not None
