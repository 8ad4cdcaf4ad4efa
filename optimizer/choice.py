"""Choosing among variants: the Pareto front, and the one to ship within limits. Plain data, no files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

# Latencies closer than this are the same for a choice: the smaller download decides then.
_SAME_LATENCY = 0.02
# Of accuracy, size, gzip size, latency, memory: differences below this share are noise.
_NOISE = (0.0, 0.0, 0.0, _SAME_LATENCY, 0.05)
_NO_NOISE = (0.0,) * len(_NOISE)


class Prefer(str, Enum):
    """What decides among the variants that keep every limit."""

    LATENCY = "latency"
    SIZE = "size"
    GZIP = "gzip"
    MEMORY = "memory"
    ACCURACY = "accuracy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A variant with what is known of it; unknown is ``None``.

    ``accuracy`` is a fraction, and ``source_accuracy`` the source's on the same samples; where there are no
    labels it is how often the source's class stays, and the source's is 1.
    ``latency_source`` says where the latency was measured, in words.
    """

    name: str
    accuracy: float | None
    size_bytes: int
    gzip_bytes: int
    latency_us: float | None = None
    memory_bytes: int | None = None
    latency_source: str | None = None
    source_accuracy: float | None = None
    collapsed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a variant must keep; ``None`` is no limit. The drop is in percentage points."""

    max_accuracy_drop: float | None = None
    max_size_bytes: int | None = None
    max_gzip_bytes: int | None = None
    max_latency_us: float | None = None
    max_memory_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a variant is not the one to ship."""

    name: str
    why: str
    within_limits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """The variant to ship, ``None`` if none keeps the limits, and why the others are not."""

    choice: Candidate | None
    why: str
    others: tuple[Reason, ...]


def pareto_front(candidates: Sequence[Candidate]) -> tuple[str, ...]:
    """The names of candidates that no other beats: no worse in anything and better in something.

    What is measured differs only if it differs by more than noise does: latency by 2 %, memory by 5 %. A
    quantity that is not known of every candidate does not count.
    """
    axes = _axes(candidates)
    for noise in (_NOISE, _NO_NOISE):
        front = tuple(
            one.name
            for one in candidates
            if not any(_beats(axes[other.name], axes[one.name], noise) for other in candidates)
        )
        if front:  # with noise, three could beat each other in a circle
            return front
    return ()


def recommend(
    candidates: Sequence[Candidate],
    *,
    limits: Limits,
    prefer: Prefer = Prefer.LATENCY,
) -> Recommendation:
    """Choose the best variant that keeps every limit; a limit on what is not known is not kept."""
    broken = {one.name: _broken(one, limits) for one in candidates}
    fit = [one for one in candidates if not broken[one.name]]
    choice = _best(fit, prefer) if fit else None
    others = []
    for one in candidates:
        if choice is not None and one.name == choice.name:
            continue
        if broken[one.name]:
            others.append(
                Reason(name=one.name, why="; ".join(broken[one.name]), within_limits=False)
            )
        elif choice is not None:
            others.append(
                Reason(name=one.name, why=_worse(one, choice, prefer), within_limits=True)
            )
    if choice is None:
        return Recommendation(choice=None, why="no variant keeps every limit", others=tuple(others))
    what = {
        Prefer.LATENCY: "the fastest",
        Prefer.SIZE: "the smallest file",
        Prefer.GZIP: "the smallest download",
        Prefer.MEMORY: "the one that needs least memory",
        Prefer.ACCURACY: "the most accurate",
    }[prefer]
    if _rank(choice, prefer)[0]:
        what = f"no {prefer.value} is known; the smallest download"
    return Recommendation(
        choice=choice, why=f"{what} of {len(fit)} within the limits", others=tuple(others)
    )


_Row = tuple[float | None, ...]


def _axes(candidates: Sequence[Candidate]) -> dict[str, _Row]:
    """What counts of each candidate, smaller being better, ``None`` where it is not known of all."""
    rows: dict[str, _Row] = {
        one.name: (
            None if one.accuracy is None else -one.accuracy,
            float(one.size_bytes),
            float(one.gzip_bytes),
            one.latency_us,
            None if one.memory_bytes is None else float(one.memory_bytes),
        )
        for one in candidates
    }
    known = [all(row[axis] is not None for row in rows.values()) for axis in range(len(_NOISE))]
    return {
        name: tuple(value if counts else None for value, counts in zip(row, known, strict=True))
        for name, row in rows.items()
    }


def _beats(one: _Row, other: _Row, noise: Sequence[float]) -> bool:
    """Whether a row is no worse than another in anything, and better in something, beyond noise."""
    pairs = [
        (a, b, share)
        for a, b, share in zip(one, other, noise, strict=True)
        if a is not None and b is not None
    ]
    no_worse = all(a <= b + abs(b) * share for a, b, share in pairs)
    return no_worse and any(a < b - abs(b) * share for a, b, share in pairs)


def _broken(one: Candidate, limits: Limits) -> list[str]:
    """The limits that a candidate does not keep, as reasons."""
    found = ["it collapsed"] if one.collapsed else []
    if limits.max_accuracy_drop is not None:
        if one.accuracy is None or one.source_accuracy is None:
            found.append("its accuracy is not known")
        elif (one.source_accuracy - one.accuracy) * 100 > limits.max_accuracy_drop + 1e-9:
            drop = (one.source_accuracy - one.accuracy) * 100
            found.append(f"it loses {drop:.2f} points, {limits.max_accuracy_drop:g} are allowed")
    bounds: list[tuple[str, float | None, float | None, float, str]] = [
        ("file", one.size_bytes, limits.max_size_bytes, 1e3, "kB"),
        ("download (gzip)", one.gzip_bytes, limits.max_gzip_bytes, 1e3, "kB"),
        ("latency", one.latency_us, limits.max_latency_us, *_unit_of(limits.max_latency_us)),
        ("memory", one.memory_bytes, limits.max_memory_bytes, 1e6, "MB"),
    ]
    for what, value, bound, unit, symbol in bounds:
        if bound is None:
            continue
        if value is None:
            found.append(f"its {what} is not known")
        elif value > bound:
            found.append(
                f"its {what} is {_plain(value / unit)} {symbol}, {_plain(bound / unit)} {symbol} are "
                "allowed"
            )
    return found


def _unit_of(bound_us: float | None) -> tuple[float, str]:
    """The unit that a bound on a latency reads best in."""
    return (1e3, "ms") if bound_us is None or bound_us >= 1e3 else (1.0, "µs")


def _plain(value: float) -> str:
    """A number with three significant digits or all of those before the point."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _best(fit: Sequence[Candidate], prefer: Prefer) -> Candidate:
    """The best of those within the limits; of equally fast ones the smallest download."""
    if prefer is Prefer.LATENCY and any(one.latency_us is not None for one in fit):
        timed = [one for one in fit if one.latency_us is not None]
        fastest = min(one.latency_us or 0.0 for one in timed)
        equal = [one for one in timed if (one.latency_us or 0.0) <= fastest * (1 + _SAME_LATENCY)]
        return min(equal, key=lambda one: (one.gzip_bytes, one.latency_us))
    return min(fit, key=lambda one: (*_rank(one, prefer), one.gzip_bytes))


def _rank(one: Candidate, prefer: Prefer) -> tuple[bool, float]:
    """A place in the order, smaller being better; what is not known comes last."""
    value: float | None = {
        Prefer.LATENCY: one.latency_us,
        Prefer.SIZE: one.size_bytes,
        Prefer.GZIP: one.gzip_bytes,
        Prefer.MEMORY: one.memory_bytes,
        Prefer.ACCURACY: None if one.accuracy is None else -one.accuracy,
    }[prefer]
    return value is None, 0.0 if value is None else float(value)


def _worse(one: Candidate, choice: Candidate, prefer: Prefer) -> str:
    """Why a candidate within the limits is not chosen."""
    pairs: dict[Prefer, tuple[str, float | None, float | None]] = {
        Prefer.LATENCY: ("slow", one.latency_us, choice.latency_us),
        Prefer.SIZE: ("large", one.size_bytes, choice.size_bytes),
        Prefer.GZIP: ("large to download", one.gzip_bytes, choice.gzip_bytes),
        Prefer.MEMORY: ("much memory", one.memory_bytes, choice.memory_bytes),
    }
    if prefer is Prefer.ACCURACY:
        if one.accuracy is not None and choice.accuracy is not None:
            return f"{(choice.accuracy - one.accuracy) * 100:.2f} points less accurate"
        return "its accuracy is not known"
    what, value, best = pairs[prefer]
    if value is None or not best:
        return f"its {prefer.value} is not known"
    ratio = value / best
    if prefer is Prefer.LATENCY and ratio <= 1 + _SAME_LATENCY:
        return f"as fast, {one.gzip_bytes / choice.gzip_bytes:.2f} × as large to download"
    return f"{ratio:.2f} × as {what}"
