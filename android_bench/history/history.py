"""The history: runs in a database, added once and asked for by name, device, branch, revision or tag."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from android_bench.history.address import find_address
from android_bench.history.database import Database
from android_bench.history.recording import Added, record_rows
from android_bench.history.rows import (
    RunRows,
    comparability,
    phone_serial,
    rows_of,
    run_of,
    storable,
)
from android_bench.results import BenchmarkRun

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.engine import Connection

    from android_bench.history.series import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """A run with what the history knows besides."""

    run: BenchmarkRun
    revision: str | None
    branch: str | None
    tags: tuple[str, ...]


class History:
    """A history that is open. Closing it ends its connections; each call is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> History:  # noqa: PYI034 - Self is of Python 3.11
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    @property
    def label(self) -> str:
        """Where it is, without secrets."""
        return self._database.address.label

    def add(
        self,
        runs: Iterable[BenchmarkRun],
        *,
        revision: str | None = None,
        branch: str | None = None,
        tag: str | None = None,
    ) -> int:
        """Add runs, all of them or none; return how many were new. See :meth:`record`."""
        return self.record(runs, revision=revision, branch=branch, tag=tag).new

    def record(
        self,
        runs: Iterable[BenchmarkRun],
        *,
        revision: str | None = None,
        branch: str | None = None,
        tag: str | None = None,
    ) -> Added:
        """Add runs, all of them or none.

        A run that is there already stays as it is, unless this one has more invocations, or as many
        and other figures (its logs were read again). A revision or branch once known is kept; a tag is
        one more.

        Raises:
            HistoryUnavailableError: the database went away; nothing was added.
        """
        rows: dict[str, RunRows] = {}
        for run in runs:
            item = rows_of(run, revision=revision, branch=branch)
            other = rows.setdefault(item.run["run_id"], item)
            if item.run["invocations"] >= other.run["invocations"]:
                rows[item.run["run_id"]] = item
        # Everybody inserts in the same order, so that writers wait for each other and never in a circle.
        ordered = [rows[key] for key in sorted(rows)]
        with self._database.writing() as connection:
            return record_rows(connection, ordered, tag=storable(tag) or None)

    def runs(
        self,
        *,
        name: str | None = None,
        device: str | None = None,
        branch: str | None = None,
        revision: str | None = None,
        tag: str | None = None,
        last: int | None = None,
    ) -> tuple[BenchmarkRun, ...]:
        """The runs that fit all that is given, the newest first.

        ``device`` is a label or a serial number; ``revision`` may be the beginning of one, from four
        characters on.
        """
        wanted = {
            "name": name,
            "device": device,
            "branch": branch,
            "revision": revision,
            "tag": tag,
        }
        return tuple(item.run for item in self.stored(**wanted, last=last))

    def stored(self, *, last: int | None = None, **wanted: str | None) -> tuple[StoredRun, ...]:
        """Like :meth:`runs`, with revision, branch and tags of each; ``run_id`` asks for one run."""
        with self._database.reading() as connection:
            rows = connection.execute(_select(last=last, **wanted)).mappings().all()
            tags = _tags(connection, [str(row["run_id"]) for row in rows])
        return tuple(
            StoredRun(
                run=_read(row["document"], row["run_id"], self.label),
                revision=row["revision"],
                branch=row["branch"],
                tags=tags.get(row["run_id"], ()),
            )
            for row in rows
        )

    def baseline(self, like: BenchmarkRun, *, branch: str, last: int) -> tuple[BenchmarkRun, ...]:
        """The last complete runs of a branch that a run can be compared with, the newest first.

        They have the same artifact name, device, configuration and benchmark_model, and are not of the
        run's own session. Runs of the very same phone go before those of another of its model. When none is
        comparable, the newest one that has the same name, device and configuration in words: a
        comparison with it names the fields that differ.
        """
        from android_bench.history.tables import configurations, devices
        from android_bench.history.tables import runs as table

        of_branch = (
            _select(name=like.artifact.name, branch=branch)
            .where(table.c.complete)
            .where(table.c.session_id != storable(like.session_id))
            .where(table.c.run_id != storable(like.run_id))
        )
        alike = of_branch.where(table.c.comparability == comparability(like)).limit(last)
        serial = phone_serial(like.device.kind, like.device.serial)
        same_phone = alike.where(devices.c.serial == storable(serial))
        unlike = (
            of_branch.where(devices.c.label == storable(like.device.label))
            .where(devices.c.kind == like.device.kind.value)
            .where(configurations.c.label == storable(like.config.label))
            .limit(1)
        )
        with self._database.reading() as connection:
            for query in (same_phone, alike, unlike):
                rows = connection.execute(query).mappings().all()
                if rows:
                    break
        return tuple(_read(row["document"], row["run_id"], self.label) for row in rows)

    def tagged(self, tag: str) -> tuple[BenchmarkRun, ...]:
        """The runs with this tag, the newest first."""
        return self.runs(tag=tag)

    def series(
        self,
        *,
        measure: str = "latency",
        name: str | None = None,
        device: str | None = None,
        branch: str | None = None,
        last: int | None = None,
    ) -> tuple[Series, ...]:
        """The series of a measure: see :func:`android_bench.history.series.series_of`."""
        from android_bench.history.series import series_of

        with self._database.reading() as connection:
            return series_of(
                connection, measure=measure, name=name, device=device, branch=branch, last=last
            )

    def known_measures(self) -> tuple[str, ...]:
        """The measures that any run tells."""
        import sqlalchemy as sa

        from android_bench.history.measures import BY_NAME
        from android_bench.history.tables import measures

        with self._database.reading() as connection:
            found = set(connection.execute(sa.select(measures.c.measure).distinct()).scalars())
        return tuple(name for name in BY_NAME if name in found)


def open_history(url: str | None = None, *, create: bool = True) -> History:
    """Open the history at a path or URL, else that of ``ANDROID_BENCH_DB``, else the project's own.

    Its tables are made or brought up to date; with ``create`` false a missing one stays missing.

    Raises:
        UsageError: the address is none.
        HistoryMissingError: there is no history and ``create`` is false.
        HistoryVersionError: it is of a newer android-bench.
        HistoryUnavailableError: it cannot be reached.
    """
    return History(Database(find_address(url), create=create))


def _select(*, last: int | None = None, **wanted: str | None) -> Select[Any]:
    """Runs with device and configuration, the newest first."""
    import sqlalchemy as sa

    from android_bench.history.tables import configurations, devices, tags
    from android_bench.history.tables import runs as table

    query = (
        sa.select(table.c.run_id, table.c.document, table.c.revision, table.c.branch)
        .join(devices, devices.c.key == table.c.device_key)
        .join(configurations, configurations.c.key == table.c.configuration_key)
        .order_by(table.c.started_at.desc(), table.c.run_id.desc())
    )
    given = {key: storable(value) for key, value in wanted.items() if value is not None}
    if "run_id" in given:
        query = query.where(table.c.run_id == given["run_id"])
    if "name" in given:
        query = query.where(table.c.artifact_name == given["name"])
    if "branch" in given:
        query = query.where(table.c.branch == given["branch"])
    if "device" in given:
        query = query.where(
            sa.or_(devices.c.label == given["device"], devices.c.serial == given["device"])
        )
    if "revision" in given:
        begins = table.c.revision.startswith(given["revision"], autoescape=True)
        exact = table.c.revision == given["revision"]
        query = query.where(begins if len(given["revision"]) >= 4 else exact)
    if "tag" in given:
        tagged = sa.select(tags.c.run_id).where(tags.c.tag == given["tag"])
        query = query.where(table.c.run_id.in_(tagged))
    return query if last is None else query.limit(last)


def _tags(connection: Connection, run_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    import sqlalchemy as sa

    from android_bench.history.tables import tags

    found: dict[str, tuple[str, ...]] = {}
    # Databases bound the number of values in a question.
    for start in range(0, len(run_ids), 500):
        part = run_ids[start : start + 500]
        query = sa.select(tags).where(tags.c.run_id.in_(part)).order_by(tags.c.tag)
        for run_id, tag in connection.execute(query):
            found[run_id] = (*found.get(run_id, ()), tag)
    return found


def _read(document: bytes, run_id: str, where: str) -> BenchmarkRun:
    return run_of(document, where=f"run {run_id} in {where}")
