"""Numbers to text, in one place. Stored quantities have their unit in the name; text has it in sight."""

from __future__ import annotations

from datetime import datetime, timezone

from android_bench.analysis.stats import Interval

UNKNOWN = "–"

_DURATIONS = ((1.0, "µs"), (1e3, "ms"), (1e6, "s"))
_FILE_SIZES = ((1.0, "B"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB"))
_MEMORIES = ((1.0, "B"), (1024.0, "KiB"), (1024.0**2, "MiB"), (1024.0**3, "GiB"))

_Units = tuple[tuple[float, str], ...]


def duration(us: float | None) -> str:
    """Microseconds as text with three or four significant digits, in µs, ms or s."""
    return _scaled(us, _DURATIONS)


def difference(us: float | None) -> str:
    """A difference of two durations with its sign: ``+1.21 ms``."""
    if us is None:
        return UNKNOWN
    text = duration(abs(us))
    return text if us == 0 else f"{'+' if us > 0 else '-'}{text}"


def time_span(seconds: float | None) -> str:
    """A time that a person waits: ``8 s``, ``3 min 20 s``, ``1 h 5 min``."""
    if seconds is None:
        return UNKNOWN
    whole = round(seconds)
    hours, minutes, left = whole // 3600, whole % 3600 // 60, whole % 60
    parts = [(hours, "h"), (minutes, "min"), (left if not hours else 0, "s")]
    return " ".join(f"{value} {unit}" for value, unit in parts if value) or "0 s"


def duration_range(low_us: float | None, high_us: float | None) -> str:
    """Two durations as ``1.21 to 1.25 ms``, in the unit of the larger one."""
    if low_us is None or high_us is None:
        return UNKNOWN
    divisor, unit = duration_unit(max(abs(low_us), abs(high_us)))
    return f"{_significant(low_us / divisor)} to {_significant(high_us / divisor)} {unit}"


def duration_unit(largest_us: float) -> tuple[float, str]:
    """The divisor and unit in which durations up to this one read best, for an axis."""
    return _unit(largest_us, _DURATIONS)


def interval(value: Interval | None) -> str:
    """A latency with half the width of its interval: ``2.94 ms ±1.2 %``."""
    if value is None or value.low is None or value.high is None or not value.estimate:
        return duration(value.estimate if value else None)
    half = (value.high - value.low) / 2 / value.estimate
    return f"{duration(value.estimate)} ±{half * 100:.1f} %"


def file_size(size_bytes: float | None) -> str:
    """A file's size in decimal units (kB, MB), as app stores and download pages count."""
    return _scaled(size_bytes, _FILE_SIZES)


def file_size_unit(largest_bytes: float) -> tuple[float, str]:
    """The divisor and unit in which file sizes up to this one read best, for an axis."""
    return _unit(largest_bytes, _FILE_SIZES)


def memory(size_bytes: float | None) -> str:
    """An amount of memory in binary units (KiB, MiB), as the kernel counts."""
    return _scaled(size_bytes, _MEMORIES)


def memory_unit(largest_bytes: float) -> tuple[float, str]:
    """The divisor and unit in which amounts of memory up to this one read best, for an axis."""
    return _unit(largest_bytes, _MEMORIES)


def percent(fraction: float | None, *, digits: int = 1) -> str:
    """A fraction between 0 and 1 as a percentage."""
    return UNKNOWN if fraction is None else f"{fraction * 100:.{digits}f} %"


def change(ratio: float | None) -> str:
    """A ratio as a signed change: 1.052 is ``+5.2 %``."""
    return UNKNOWN if ratio is None else f"{(ratio - 1) * 100:+.1f} %"


def multiple(ratio: float | None) -> str:
    """A ratio as a factor: 0.43 is ``0.43 ×``."""
    return UNKNOWN if ratio is None else f"{_significant(ratio)} ×"


def points(difference: float | None) -> str:
    """A difference of two fractions in percentage points: -0.003 is ``-0.3 points``."""
    if difference is None:
        return UNKNOWN
    text = f"{difference * 100:+.1f}"
    return f"{'±0.0' if text in {'+0.0', '-0.0'} else text} points"


def number(value: float | None, *, digits: int = 4) -> str:
    """A bare number with a few significant digits."""
    return UNKNOWN if value is None else f"{value:.{digits}g}"


def count(value: int | None, singular: str, plural: str | None = None) -> str:
    """A whole number with its noun: ``1 run``, ``1,200 runs``."""
    if value is None:
        return UNKNOWN
    return f"{value:,} {singular if value == 1 else plural or singular + 's'}"


def temperature(celsius: float | None) -> str:
    """A temperature in degrees Celsius."""
    return UNKNOWN if celsius is None else f"{celsius:.1f} °C"


def frequency(khz: float | None) -> str:
    """A clock frequency in GHz with two decimals, as data sheets give it."""
    return UNKNOWN if khz is None else f"{khz / 1e6:.2f} GHz"


def moment(iso: str | None) -> str:
    """An ISO 8601 time to the minute in UTC; what cannot be read as a time stays as it is."""
    if iso is None:
        return UNKNOWN
    try:
        parsed = datetime.fromisoformat(iso.replace("Z", "+00:00"))
    except ValueError:
        return iso
    if parsed.tzinfo is not None:
        parsed = parsed.astimezone(timezone.utc)
    return f"{parsed:%Y-%m-%d %H:%M} UTC"


def _unit(largest: float, units: _Units) -> tuple[float, str]:
    """The largest unit that leaves at least 1 in front of it, rounding considered."""
    chosen = units[0]
    for divisor, unit in units[1:]:
        if abs(largest) >= divisor * 0.99995:
            chosen = (divisor, unit)
    return chosen


def _scaled(value: float | None, units: _Units) -> str:
    if value is None:
        return UNKNOWN
    divisor, unit = _unit(value, units)
    if unit == "B":
        return f"{value:.0f} B"
    return f"{_significant(value / divisor)} {unit}"


def _significant(value: float) -> str:
    """Between three and four significant digits without an exponent: 2.761, 15.3, 153, 0.042."""
    magnitude = abs(value)
    if magnitude >= 100:
        return f"{value:.0f}"
    if magnitude >= 10:
        return f"{value:.1f}"
    if magnitude >= 1:
        return f"{value:.2f}"
    return f"{value:.3g}"
