"""Series: one measure of one model on one device with one configuration on one branch, over time."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from android_bench.history.measures import Measure, measure_named
from android_bench.history.rows import phone_serial, storable
from android_bench.results import DeviceKind

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.engine import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One run in a series. ``samples`` are the invocations' values, ``low`` and ``high`` the interval."""

    run_id: str
    started_at: str
    revision: str | None
    artifact_sha256: str
    serial: str
    fingerprint: str | None
    binary_sha256: str
    value: float
    low: float | None = None
    high: float | None = None
    samples: tuple[float, ...] = ()

    @property
    def when(self) -> str:
        """The revision in short, else the time."""
        return short_revision(self.revision) or self.started_at[:16].replace("T", " ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A measure of complete runs, the oldest first.

    ``key`` tells what the series is of, whatever is measured; ``serial`` is named where it tells apart.
    """

    key: str
    measure: Measure
    name: str
    device: str
    kind: DeviceKind
    configuration: str
    branch: str | None
    points: tuple[Point, ...]
    serial: str | None = None

    @property
    def label(self) -> str:
        """The series in a line, with what its device is unless that is a phone."""
        kind = "" if self.kind is DeviceKind.PHONE else f" ({self.kind.value})"
        serial = f" {self.serial}" if self.serial else ""
        branch = f", {self.branch}" if self.branch else ""
        return f"{self.name} on {self.device}{serial}{kind}, {self.configuration}{branch}"


def short_revision(revision: str | None) -> str | None:
    """A revision as git shortens it; words like v1.2 stay whole."""
    if revision is None:
        return None
    found = re.fullmatch(r"([0-9a-f]{12})[0-9a-f]{28,}(-dirty)?", revision)
    return f"{found[1]}{found[2] or ''}" if found else revision


def series_of(
    connection: Connection,
    *,
    measure: str = "latency",
    name: str | None = None,
    device: str | None = None,
    branch: str | None = None,
    last: int | None = None,
) -> tuple[Series, ...]:
    """The series that fit what is given, by name; ``last`` keeps the newest runs of each.

    ``device`` is a label or a serial number. Two phones of one model whose runs take turns are two series;
    a phone that takes another's place goes on with its series, and the trend says so.

    Raises:
        UsageError: the measure is unknown.
    """
    about = measure_named(measure)
    rows = connection.execute(_query(about, name, device, branch)).mappings().all()
    found = [
        replace(series, points=series.points[-last:] if last else series.points)
        for _, group in itertools.groupby(rows, key=_identity)
        for series in _split(about, list(group))
    ]
    # Databases differ in the order of texts and of unknown branches.
    return tuple(sorted(_told_apart(found), key=lambda series: (series.label, series.key)))


def _query(
    measure: Measure, name: str | None, device: str | None, branch: str | None
) -> Select[Any]:
    import sqlalchemy as sa

    from android_bench.history.tables import configurations, devices, measures, runs

    query = (
        sa.select(
            *(runs.c[column] for column in (
                "run_id", "started_at", "revision", "branch", "artifact_name", "artifact_sha256",
                "configuration_key", "binary_sha256",
            )),
            *(devices.c[column] for column in ("serial", "label", "kind", "fingerprint")),
            *(measures.c[column] for column in ("value", "low", "high", "samples")),
            configurations.c.label.label("configuration"),
        )
        .join(devices, devices.c.key == runs.c.device_key)
        .join(configurations, configurations.c.key == runs.c.configuration_key)
        .join(measures, measures.c.run_id == runs.c.run_id)
        .where(measures.c.measure == measure.name)
        .where(runs.c.complete)
        .order_by(
            runs.c.artifact_name, devices.c.kind, devices.c.label, configurations.c.label,
            runs.c.configuration_key, runs.c.branch, runs.c.started_at, runs.c.run_id,
        )
    )  # fmt: skip
    if name is not None:
        query = query.where(runs.c.artifact_name == storable(name))
    if branch is not None:
        query = query.where(runs.c.branch == storable(branch))
    if device is not None:
        text = storable(device)
        query = query.where(sa.or_(devices.c.label == text, devices.c.serial == text))
    return query


def _identity(row: Any) -> tuple[Any, ...]:
    columns = ("artifact_name", "kind", "label", "configuration_key", "branch")
    return tuple(row[column] for column in columns)


def _split(measure: Measure, rows: Sequence[Any]) -> Iterator[Series]:
    """One series, or one for each phone of a model where they take turns."""
    blocks = [serial for serial, _ in itertools.groupby(rows, key=_phone)]
    if len(set(blocks)) == len(blocks):
        yield _series(measure, rows, None)
        return
    for serial in sorted(set(blocks)):
        yield _series(measure, [row for row in rows if _phone(row) == serial], serial or None)


def _phone(row: Any) -> str:
    return phone_serial(DeviceKind(row["kind"]), str(row["serial"]))


def _series(measure: Measure, rows: Sequence[Any], serial: str | None) -> Series:
    first = rows[0]
    identity = (*_identity(first), serial)
    return Series(
        key=hashlib.sha256(repr(identity).encode()).hexdigest()[:12],
        measure=measure,
        name=first["artifact_name"],
        device=first["label"],
        kind=DeviceKind(first["kind"]),
        configuration=first["configuration"],
        branch=first["branch"],
        serial=serial,
        points=tuple(
            Point(
                run_id=row["run_id"],
                started_at=row["started_at"],
                revision=row["revision"],
                artifact_sha256=row["artifact_sha256"],
                serial=_phone(row),
                fingerprint=row["fingerprint"],
                binary_sha256=row["binary_sha256"],
                value=row["value"],
                low=row["low"],
                high=row["high"],
                samples=tuple(row["samples"]),
            )
            for row in rows
        ),
    )


def _told_apart(found: Iterable[Series]) -> Iterator[Series]:
    """Configurations that read alike and are not (other durations, other flags) get a mark."""
    every = list(found)
    labels = [series.label for series in every]
    for series, label in zip(every, labels, strict=True):
        if labels.count(label) > 1:
            yield replace(series, configuration=f"{series.configuration} #{series.key[:4]}")
        else:
            yield series
