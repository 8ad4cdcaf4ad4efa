"""What Android's ``dumpsys battery`` and ``dumpsys thermalservice`` print, as pure functions of text.

The formats are those of AOSP 8 to 16 (``BatteryService.dump``, ``ThermalManagerService.dump``). Vendors
leave sensors unconnected, and those read 0, NaN or -274: that is unknown, never a temperature.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

# android.os.BatteryManager.BATTERY_STATUS_*: discharging, not charging, full.
_NOT_CHARGING = {"3", "4", "5"}
# android.os.Temperature.TYPE_BCL_VOLTAGE, _CURRENT and _PERCENTAGE: listed among the temperatures and none.
_NO_TEMPERATURES = {6, 7, 8}
_SENSOR = re.compile(r"Temperature\{mValue=([^,]+), mType=(-?[0-9]+), mName=([^,}]+)")
# Nothing that computes is colder or hotter, so what is beyond is no reading, or in thousandths.
_COLDEST_C = -90.0
_HOTTEST_C = 200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """What is known of the battery. ``charging`` is false when it is full or held at its level."""

    level_pct: int | None = None
    temperature_c: float | None = None
    charging: bool | None = None


def parse_battery(text: str) -> Battery:
    """Read ``dumpsys battery``.

    A device without a battery has no level, and one whose values somebody set by hand (``dumpsys battery
    unplug``, ``set``) tells nothing that can be believed.
    """
    values: dict[str, str] = {}
    for name, colon, value in (line.partition(":") for line in text.splitlines()):
        if colon and value.strip():
            values.setdefault(name.strip(), value.strip())  # some makers append logs of their own
    if "(UPDATES STOPPED" in text or values.get("present") == "false":
        return Battery()
    return Battery(
        level_pct=_level_pct(values),
        temperature_c=_battery_c(values.get("temperature", "")),
        charging=_charging(values),
    )


def parse_thermal(text: str) -> tuple[int | None, dict[str, float]]:
    """Read ``dumpsys thermalservice``: the status (0 none … 6 shutdown) and temperatures by sensor in °C.

    The hardware's current temperatures count; the cached ones serve where there are none. A status that
    somebody set (``cmd thermalservice override-status``) is none.
    """
    found = re.search(r"^\s*Thermal Status: ([0-6])\s*$", text, re.MULTILINE)
    real = found is not None and "IsStatusOverride: true" not in text
    current = text.partition("Current temperatures from HAL:")[2]
    return int(found[1]) if found and real else None, _sensors(current) or _sensors(text)


def parse_screen(text: str) -> bool | None:
    """Read the screen's state.

    It is a number of ``android.view.Display.STATE_*`` (1 off, 2 on, 3 and 4 dozing, 5 VR, 6 on and
    suspended) or ``true`` or ``false``.
    """
    words = {"1": False, "2": True, "3": False, "4": False, "5": True, "6": True}
    return {**words, "true": True, "false": False}.get(text.strip())


def plausible_c(value: float) -> float | None:
    """A temperature in °C, of a reading in °C or in thousandths; ``None`` when it can be neither.

    Exactly 0 is what a sensor says that is not connected.
    """
    degrees = value / 1000 if value > 1000 else value
    return degrees if _COLDEST_C < degrees < _HOTTEST_C and degrees else None


def _sensors(text: str) -> dict[str, float]:
    """Temperatures by name; of two sensors of one name the hotter."""
    found: dict[str, float] = {}
    for value, kind, name in _SENSOR.findall(text):
        if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value) or int(kind) in _NO_TEMPERATURES:
            continue
        degrees = plausible_c(float(value))
        if degrees is not None:
            found[name] = max(degrees, found.get(name, degrees))
    return found


def _level_pct(values: Mapping[str, str]) -> int | None:
    level, scale = values.get("level", ""), values.get("scale", "100")
    if not (re.fullmatch(r"[0-9]{1,6}", level) and re.fullmatch(r"[0-9]{1,6}", scale)):
        return None
    whole = int(scale)
    return round(100 * int(level) / whole) if whole > 0 and int(level) <= whole else None


def _battery_c(text: str) -> float | None:
    """Android's unit is a tenth of a degree; some drivers hand thousandths through."""
    if not re.fullmatch(r"-?[0-9]{1,7}", text):
        return None
    tenths = int(text)
    return plausible_c(tenths / 10 if tenths <= 10 * _HOTTEST_C else float(tenths))


def _charging(values: Mapping[str, str]) -> bool | None:
    powered = [value for name, value in values.items() if name.endswith(" powered")]
    if not powered:
        return None
    return "true" in powered and values.get("status") not in _NOT_CHARGING
