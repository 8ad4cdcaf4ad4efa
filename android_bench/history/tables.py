"""The tables of the history. What a series is asked by has a column; the whole run is kept beside it.

``bench_devices``, ``bench_configurations`` and ``bench_binaries`` are shared by runs and keyed by the
digest of their content, so that two writers make the same row. Texts in columns are for asking; what a
run really says stands in ``document``. The tables change by migrations only (``migrations/versions``), and
a test holds both against each other.
"""

from __future__ import annotations

import sqlalchemy as sa

# The newest migration; a test holds it against the folder of migrations.
HEAD = "0001"
# A name of our own: a team's database may hold the tables of other programs that use Alembic.
VERSION_TABLE = "bench_schema"

metadata = sa.MetaData()

devices = sa.Table(
    "bench_devices",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("serial", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text),
)

configurations = sa.Table(
    "bench_configurations",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("label", sa.Text, nullable=False),
    # Canonical JSON of what latencies depend on; the key is its SHA-256.
    sa.Column("document", sa.Text, nullable=False),
)

binaries = sa.Table(
    "bench_binaries",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("flavor", sa.Text, nullable=False),
    sa.Column("version", sa.Text),
)

runs = sa.Table(
    "bench_runs",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("session_id", sa.Text, nullable=False),
    # ISO 8601 in UTC to the millisecond, so that the order of the texts is that of the times.
    sa.Column("started_at", sa.String(24), nullable=False),
    sa.Column("added_at", sa.String(24), nullable=False),
    sa.Column("complete", sa.Boolean, nullable=False),
    sa.Column("invocations", sa.Integer, nullable=False),
    sa.Column("artifact_name", sa.Text, nullable=False),
    sa.Column("artifact_sha256", sa.String(64), nullable=False),
    sa.Column("recipe", sa.Text),
    sa.Column("device_key", sa.ForeignKey("bench_devices.key"), nullable=False),
    sa.Column("configuration_key", sa.ForeignKey("bench_configurations.key"), nullable=False),
    sa.Column("binary_sha256", sa.ForeignKey("bench_binaries.sha256"), nullable=False),
    # SHA-256 of the run's comparability key: equal where latencies are comparable.
    sa.Column("comparability", sa.String(64), nullable=False),
    sa.Column("revision", sa.Text),
    sa.Column("branch", sa.Text),
    sa.Column("tool_version", sa.Text, nullable=False),
    sa.Column("document_sha256", sa.String(64), nullable=False),
    # The whole run as JSON, compressed by zlib: a tenth of its size.
    sa.Column("document", sa.LargeBinary, nullable=False),
    sa.Index("bench_runs_by_name", "artifact_name", "branch", "started_at"),
    sa.Index("bench_runs_by_time", "started_at"),
    sa.Index("bench_runs_by_revision", "revision"),
)

tags = sa.Table(
    "bench_tags",
    metadata,
    sa.Column("run_id", sa.ForeignKey("bench_runs.run_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("tag", sa.Text, primary_key=True),
    sa.Index("bench_tags_by_tag", "tag"),
)

measures = sa.Table(
    "bench_measures",
    metadata,
    sa.Column("run_id", sa.ForeignKey("bench_runs.run_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("measure", sa.String(40), primary_key=True),
    # Microseconds, bytes, fractions or counts: android_bench.history.measures says which.
    sa.Column("value", sa.Float, nullable=False),
    sa.Column("low", sa.Float),
    sa.Column("high", sa.Float),
    # The invocations' values in their order; empty for what has no noise.
    sa.Column("samples", sa.JSON, nullable=False),
    sa.Index("bench_measures_by_measure", "measure"),
)
