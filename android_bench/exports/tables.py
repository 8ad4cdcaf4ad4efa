"""CSV: one row for each run, each invocation or each operator, with the unit in the name of the column.

A name that a spreadsheet would run as a formula gets an apostrophe in front.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any

from android_bench.config import StartupMode
from android_bench.exports.text import cell, number
from android_bench.exports.view import ExportView, profiled, require_profiles
from android_bench.results import Conditions, Invocation, LatencySummary
from android_bench.run_view import RunView

_Row = dict[str, Any]
_NO_CONDITIONS = Conditions(taken_at="")
_NO_LATENCY = LatencySummary(count=0)


class Rows(str, Enum):
    """What a row is about."""

    RUNS = "runs"
    INVOCATIONS = "invocations"
    OPERATORS = "operators"


def table(export: ExportView, rows: Rows) -> str:
    """The table of these runs as RFC 4180 has it, in UTF-8, with line feeds.

    Raises:
        UsageError: operators are wanted, and no run has a profile.
    """
    if rows is Rows.OPERATORS:
        found = [row for view in require_profiles(export, what=_WHAT) for row in _operators(view)]
    elif rows is Rows.INVOCATIONS:
        found = [_invocation(view, item) for view in export.runs for item in view.run.invocations]
    else:
        found = [_run(view) for view in export.runs]
    return _written(found)


_WHAT = "A table of operators"


def _written(rows: Iterable[_Row]) -> str:
    rows = list(rows)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _value(value) for name, value in row.items()})
    return out.getvalue()


def _value(value: object) -> object:
    """A cell: unknown is empty, truth is a word that every tool reads."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        known = number(value)
        return "" if known is None else known
    return value if isinstance(value, int) else cell(str(value))


def _identity(view: RunView) -> _Row:
    run = view.run
    return {
        "run_id": run.run_id,
        "label": view.full_label,
        "model": run.artifact.name,
        "recipe": run.artifact.recipe_name,
        "device": run.device.label,
        "device_kind": run.device.kind,
        "delegate": run.config.delegate.label,
        "threads": run.config.num_threads,
        "cores": run.config.cores,
        "cpu_mask": run.config.cpu_mask,
    }


def _run(view: RunView) -> _Row:
    run, summary = view.run, view.summary
    latency, fidelity = summary.latency, run.artifact.fidelity
    delegation = view.delegations[-1] if view.delegations else None
    numerics = summary.numerics
    row = {
        **_identity(view),
        "session_id": run.session_id,
        "serial": run.device.serial,
        "soc": run.device.soc,
        "android_release": run.device.android_release,
        "binary": run.binary.flavor,
        "binary_version": run.binary.version,
        "started_at": run.started_at,
        "complete": run.complete,
        "invocations_planned": run.planned,
        "invocations_made": len(run.invocations),
        "invocations_valid": view.valid,
        "timing_invocations": summary.invocations,
        "throttled_invocations": summary.set_apart,
        "inferences": summary.inferences,
        "latency_median_us": latency.estimate if latency else None,
        "latency_low_us": latency.low if latency else None,
        "latency_high_us": latency.high if latency else None,
        "latency_confidence_fraction": latency.confidence if latency else None,
        "between_invocations_spread_fraction": summary.between_spread,
        "within_invocations_spread_fraction": summary.within_spread,
        "fastest_us": summary.fastest_us,
        "slowest_us": summary.slowest_us,
        "init_us": summary.init_us,
        "first_inference_us": summary.first_inference_us,
    }
    for mode in StartupMode:
        name = mode.value.replace("-", "_")
        found = summary.startup.get(mode)
        init = found.init if found else None
        first = found.first_inference if found else None
        row[f"startup_{name}_init_us"] = init.estimate if init else None
        row[f"startup_{name}_first_inference_us"] = first.estimate if first else None
    return {
        **row,
        "init_footprint_bytes": summary.init_footprint_bytes,
        "overall_footprint_bytes": summary.overall_footprint_bytes,
        "monitored_peak_bytes": summary.peak_bytes,
        "file_size_bytes": run.artifact.size_bytes,
        "gzip_size_bytes": run.artifact.gzip_bytes,
        "sparsity_fraction": run.artifact.sparsity,
        "accuracy_fraction": view.accuracy,
        "source_accuracy_fraction": fidelity.source_accuracy if fidelity else None,
        "delegate_applied": delegation.applied if delegation else None,
        "nodes_delegated": delegation.nodes_delegated if delegation else None,
        "nodes_total": delegation.nodes_total if delegation else None,
        "partitions": delegation.partitions if delegation else None,
        "numerics_max_abs_error": numerics.max_abs_error if numerics else None,
        "numerics_min_cosine": numerics.min_cosine if numerics else None,
        "numerics_top1_agreement_fraction": numerics.top1_agreement if numerics else None,
        "findings": " ".join(dict.fromkeys(item.code for item in view.findings)),
        "model_sha256": run.artifact.sha256,
    }


def _invocation(view: RunView, item: Invocation) -> _Row:
    latency, warmup = item.latency or _NO_LATENCY, item.warmup or _NO_LATENCY
    memory, numerics = item.memory, item.numerics
    return {
        **_identity(view),
        "invocation": item.index,
        "round": item.round,
        "kind": item.kind,
        "startup_mode": item.startup,
        "status": item.status,
        "throttled": item.throttled,
        "exit_code": item.exit_code,
        "started_at": item.started_at,
        "wall_s": item.wall_s,
        "init_us": item.init_us,
        "warmup_inferences": warmup.count if item.warmup else None,
        "warmup_first_us": warmup.first_us,
        "warmup_mean_us": warmup.mean_us,
        "inferences": latency.count if item.latency else None,
        "first_us": latency.first_us,
        "min_us": latency.min_us,
        "p5_us": latency.p5_us,
        "median_us": latency.median_us,
        "mean_us": latency.mean_us,
        "p95_us": latency.p95_us,
        "max_us": latency.max_us,
        "std_us": latency.std_us,
        "init_footprint_bytes": memory.init_footprint_bytes if memory else None,
        "overall_footprint_bytes": memory.overall_footprint_bytes if memory else None,
        "monitored_peak_bytes": memory.peak_bytes if memory else None,
        "nodes_delegated": item.delegation.nodes_delegated if item.delegation else None,
        "numerics_sample": numerics.sample if numerics else None,
        "numerics_max_abs_error": numerics.max_abs_error if numerics else None,
        **_conditions("before", item.before or _NO_CONDITIONS),
        **_conditions("after", item.after or _NO_CONDITIONS),
        "problem": item.problem,
        "log": item.log,
    }


def _conditions(when: str, state: Conditions) -> _Row:
    clocks = list(state.cpu_khz.values())
    limits = list(state.cpu_limit_khz.values())
    found = {
        "battery_pct": state.battery_level_pct,
        "battery_c": state.battery_temperature_c,
        "charging": state.charging,
        "thermal_status": state.thermal_status,
        "hottest_c": max(state.temperatures_c.values(), default=None),
        "power_save": state.power_save,
        "load_1min": state.load_1min,
        "memory_available_bytes": state.memory_available_bytes,
        "mean_cpu_khz": sum(clocks) / len(clocks) if clocks else None,
        "highest_cpu_limit_khz": max(limits, default=None),
        "screen_on": state.screen_on,
        "uptime_s": state.uptime_s,
        "other_inferences": state.other_inferences,
    }
    return {f"{when}_{name}": value for name, value in found.items()}


def _operators(view: RunView) -> Iterator[_Row]:
    for position, item in enumerate(profiled(view)):
        yield {
            **_identity(view),
            "position": position,
            "layers": " ".join(item.layers),
            "node_type": item.node_type,
            "time_us": item.time_us,
            "share_fraction": item.share,
            "calls": item.calls,
            "nested": item.nested,
            "inside_delegate": item.inside_delegate,
            "subgraph": item.subgraph,
            "operator_index": item.index,
            "tensors": item.name,
        }
