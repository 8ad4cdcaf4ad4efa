"""Whether a device is fit to be measured, and waiting until it is.

A hot phone, or one that saves power, measures its own protection instead of the model. Waiting helps
against heat and not against an empty battery, so only what passes by itself is waited for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from android_bench import formatting
from android_bench.device.frequencies import cpu_list
from android_bench.results import Conditions, DeviceInfo

POLL_S = 5.0
# Some phones allow less than the hardware's highest frequency all the time. A limit that has not risen for
# so long, on a device that says it is cool, is how that phone is.
SETTLE_S = 15.0
# The same reason with another value is told again after so long.
_TELL_AGAIN_S = 30.0
# A rest of the time that is too short to wait for.
_INSTANT_S = 0.001
# android.os.PowerManager.THERMAL_STATUS_*
_STATUS_NAMES = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitness:
    """What is asked of a device. A value that it does not tell is no reason against it.

    * ``max_thermal_status`` 0: from 1 ("light") on Android limits something, if little.
    * ``max_battery_c`` 35: phones begin to throttle when their skin is at 37 to 39 °C, which the battery,
      inside, reaches about when it is warmer than 35; charging is slowed from there as well.
    * ``min_battery_pct`` 20: below it many phones lower their clocks, for an old battery's voltage would
      break down under a peak, and Android offers its battery saver.
    * Battery saver caps the clocks; another inference takes cores and memory away.
    * A core's limit below what it was before in this session is throttling that no status tells.
    """

    max_thermal_status: int = 0
    max_battery_c: float = 35.0
    min_battery_pct: int = 20

    def reasons(
        self,
        conditions: Conditions,
        device: DeviceInfo,
        *,
        usual_khz: Mapping[int, int] | None = None,
    ) -> tuple[str, ...]:
        """Why the device is not fit, a short phrase with its values each; empty when it is.

        ``usual_khz`` is each core's limit when the device was cool; without it the hardware's.
        """
        return tuple(
            one.text for one in self._reasons(conditions, usual_khz or hardware_khz(device))
        )

    def _reasons(self, seen: Conditions, usual_khz: Mapping[int, int]) -> list[_Reason]:
        found = []
        status, battery_c, level = (
            seen.thermal_status,
            seen.battery_temperature_c,
            seen.battery_level_pct,
        )
        if status is not None and status > self.max_thermal_status:
            name = _STATUS_NAMES[min(status, len(_STATUS_NAMES) - 1)]
            found.append(_Reason("status", f"its thermal status is {status} ({name})"))
        if battery_c is not None and battery_c > self.max_battery_c:
            at, most = (formatting.temperature(value) for value in (battery_c, self.max_battery_c))
            found.append(_Reason("battery-heat", f"its battery is at {at}, {most} at most"))
        if level is not None and level < self.min_battery_pct:
            text = f"its battery holds {level} %, {self.min_battery_pct} % at least"
            found.append(_Reason("battery-level", text, passes=bool(seen.charging)))
        if seen.power_save:
            found.append(_Reason("power-save", "battery saver is on", passes=False))
        if seen.other_inferences:
            others = formatting.count(seen.other_inferences, "other inference")
            found.append(_Reason("others", f"{others} at work"))
        found.extend(_limited(seen, usual_khz))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """How long was waited, what still speaks against the device, and how it is now.

    ``usual_khz`` is each core's highest limit so far, for the next wait of the session.
    """

    seconds: float
    reasons_left: tuple[str, ...]
    conditions: Conditions
    usual_khz: dict[int, int] = field(default_factory=dict)

    @property
    def fit(self) -> bool:
        """Whether nothing speaks against the device any more."""
        return not self.reasons_left


@dataclass(frozen=True, slots=True)
class _Reason:
    """``passes`` is whether waiting can help."""

    code: str
    text: str
    passes: bool = True


def wait_until_fit(
    read: Callable[[], Conditions],
    device: DeviceInfo,
    *,
    limit_s: float,
    tell: Callable[[str], None],
    fitness: Fitness | None = None,
    usual_khz: Mapping[int, int] | None = None,
    poll_s: float = POLL_S,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Waited:
    """Read a device's conditions until it is fit, for ``limit_s`` seconds at most.

    ``tell`` gets one sentence when the wait begins, when its reason changes, and when it was in vain.
    Where nothing is left that passes by itself, the wait ends at once. Heat is never an error: what is
    left is in the answer.

    Raises:
        DeviceError: from ``read``.
    """
    fitness = fitness or Fitness()
    limits = _Limits(dict(usual_khz or {}), hardware_khz(device))
    start = clock()
    told: tuple[frozenset[str], float] | None = None
    while True:
        seen = read()
        now = clock()
        limits.update(seen, now)
        reasons = fitness._reasons(seen, limits.expected())  # noqa: SLF001 (one module)
        left_s = limit_s - (now - start)
        if not reasons or left_s < _INSTANT_S or not any(one.passes for one in reasons):
            if reasons:
                tell(f"{device.label} is measured although {_joined(reasons)}.")
            return Waited(
                seconds=now - start,
                reasons_left=tuple(one.text for one in reasons),
                conditions=seen,
                # Limits that are still low may be the heat's: nothing to hold the next wait against.
                usual_khz=limits.highest if limits.settled or not reasons else {},
            )
        codes = frozenset(one.code for one in reasons)
        if told is None or told[0] != codes or now - told[1] >= _TELL_AGAIN_S:
            tell(f"Waiting for {device.label}, {left_s:.0f} s at most: {_joined(reasons)}.")
            told = codes, now
        sleep(min(poll_s, left_s))


def hardware_khz(device: DeviceInfo) -> dict[int, int]:
    """Each core's highest frequency, where it is known."""
    return {
        cpu: cluster.max_khz
        for cluster in device.clusters
        for cpu in cluster.cpus
        if cluster.max_khz is not None
    }


@dataclass(slots=True)
class _Limits:
    """What may be expected of each core: the highest limit seen, or the hardware's until that settles."""

    highest: dict[int, int]
    hardware: Mapping[int, int]
    risen_at: float | None = None
    settled: bool = False

    def __post_init__(self) -> None:
        self.settled = bool(self.highest)

    def update(self, seen: Conditions, now: float) -> None:
        """Take in a reading; a limit that is still rising is not what the phone is like."""
        rising = {
            cpu: khz for cpu, khz in seen.cpu_limit_khz.items() if khz > self.highest.get(cpu, 0)
        }
        self.highest.update(rising)
        if self.risen_at is None or rising:
            self.risen_at = now
        elif now - self.risen_at >= SETTLE_S and not seen.thermal_status:
            self.settled = True

    def expected(self) -> Mapping[int, int]:
        """The limits below which a core counts as throttled."""
        return self.highest if self.settled else {**self.highest, **self.hardware}


def _limited(seen: Conditions, usual_khz: Mapping[int, int]) -> list[_Reason]:
    lowered = {
        cpu: (khz, usual_khz[cpu])
        for cpu, khz in seen.cpu_limit_khz.items()
        if khz < usual_khz.get(cpu, khz)
    }
    reasons = []
    for pair in dict.fromkeys(lowered.values()):
        cores = [cpu for cpu, other in lowered.items() if other == pair]
        now, usual = (formatting.frequency(khz) for khz in pair)
        reasons.append(
            _Reason("limit", f"cpus {cpu_list(cores)} may run at {now} only, not {usual}")
        )
    return reasons


def _joined(reasons: list[_Reason]) -> str:
    return "; ".join(one.text for one in reasons)
