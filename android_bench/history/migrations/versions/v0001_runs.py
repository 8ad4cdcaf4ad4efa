"""The first: runs with their measures and tags, and the devices, configurations and binaries of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "bench_devices",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("serial", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text),
    )
    op.create_table(
        "bench_configurations",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "bench_binaries",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("flavor", sa.Text, nullable=False),
        sa.Column("version", sa.Text),
    )
    op.create_table(
        "bench_runs",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("started_at", sa.String(24), nullable=False),
        sa.Column("added_at", sa.String(24), nullable=False),
        sa.Column("complete", sa.Boolean, nullable=False),
        sa.Column("invocations", sa.Integer, nullable=False),
        sa.Column("artifact_name", sa.Text, nullable=False),
        sa.Column("artifact_sha256", sa.String(64), nullable=False),
        sa.Column("recipe", sa.Text),
        sa.Column("device_key", sa.String(64), sa.ForeignKey("bench_devices.key"), nullable=False),
        sa.Column(
            "configuration_key",
            sa.String(64),
            sa.ForeignKey("bench_configurations.key"),
            nullable=False,
        ),
        sa.Column(
            "binary_sha256", sa.String(64), sa.ForeignKey("bench_binaries.sha256"), nullable=False
        ),
        sa.Column("comparability", sa.String(64), nullable=False),
        sa.Column("revision", sa.Text),
        sa.Column("branch", sa.Text),
        sa.Column("tool_version", sa.Text, nullable=False),
        sa.Column("document_sha256", sa.String(64), nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
    op.create_index("bench_runs_by_name", "bench_runs", ["artifact_name", "branch", "started_at"])
    op.create_index("bench_runs_by_time", "bench_runs", ["started_at"])
    op.create_index("bench_runs_by_revision", "bench_runs", ["revision"])
    op.create_table(
        "bench_tags",
        sa.Column(
            "run_id",
            sa.Text,
            sa.ForeignKey("bench_runs.run_id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("tag", sa.Text, primary_key=True),
    )
    op.create_index("bench_tags_by_tag", "bench_tags", ["tag"])
    op.create_table(
        "bench_measures",
        sa.Column(
            "run_id",
            sa.Text,
            sa.ForeignKey("bench_runs.run_id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("measure", sa.String(40), primary_key=True),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("low", sa.Float),
        sa.Column("high", sa.Float),
        sa.Column("samples", sa.JSON, nullable=False),
    )
    op.create_index("bench_measures_by_measure", "bench_measures", ["measure"])
