"""One JSON document about runs and comparisons: numbers as a program wants them, documented, versioned.

It is no run file: it holds what the runs say, not their records. Units stand in the names of keys,
unknown is null, and keys are only added within a version.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Any

from android_bench.analysis.checks import Finding
from android_bench.analysis.compare import Comparison
from android_bench.analysis.operators import by_type
from android_bench.analysis.stats import Interval
from android_bench.analysis.summary import RunSummary
from android_bench.exports.text import json_text, number
from android_bench.exports.view import ExportView, profiled, unit_of
from android_bench.results import DeviceKind
from android_bench.run_view import RunView

FORMAT = "android-bench/summary"
# 1: the first.
VERSION = 1

_Json = dict[str, Any]


def document(export: ExportView) -> str:
    """The document of these runs."""
    value = {
        "format": FORMAT,
        "version": VERSION,
        "generated_at": export.generated_at,
        "tool_version": export.tool_version,
        "runs": [_run(view) for view in export.runs],
        "baseline_runs": [_run(view) for view in export.baseline],
        "comparisons": [
            _comparison(item, decides=decides)
            for items, decides in ((export.decided, True), (export.informing, False))
            for item in items
        ],
    }
    return json_text(_plain(value))


def _run(view: RunView) -> _Json:
    run, summary = view.run, view.summary
    return {
        "run_id": run.run_id,
        "session_id": run.session_id,
        "label": view.full_label,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "complete": run.complete,
        "invocations": {
            "planned": run.planned,
            "made": len(run.invocations),
            "valid": view.valid,
            "timing": summary.invocations,
            "set_apart_by_throttling": summary.set_apart,
        },
        "model": _model(view),
        "device": {
            **asdict(run.device),
            "label": run.device.label,
            "is_phone": run.device.kind is DeviceKind.PHONE,
        },
        "config": {**asdict(run.config), "label": run.config.label},
        "binary": asdict(run.binary),
        "latency": {
            **_interval("median", summary.latency, "us"),
            "inferences": summary.inferences,
            "fastest_us": summary.fastest_us,
            "slowest_us": summary.slowest_us,
            "between_invocations_spread_fraction": summary.between_spread,
            "within_invocations_spread_fraction": summary.within_spread,
            "invocation_means_us": summary.samples_us,
        },
        "startup": _startup(summary),
        "memory": {
            "init_footprint_bytes": summary.init_footprint_bytes,
            "overall_footprint_bytes": summary.overall_footprint_bytes,
            "monitored_peak_bytes": summary.peak_bytes,
        },
        "delegation": [asdict(item) for item in view.delegations],
        "numerics": asdict(summary.numerics) if summary.numerics else None,
        "operators": _operators(view),
        "findings": [_finding(item) for item in view.findings],
    }


def _finding(item: Finding) -> _Json:
    return {
        "code": item.code,
        "severity": item.severity,
        "message": item.message,
        "hint": item.hint,
    }


def _model(view: RunView) -> _Json:
    artifact, fidelity = view.run.artifact, view.run.artifact.fidelity
    return {
        "name": artifact.name,
        "sha256": artifact.sha256,
        "size_bytes": artifact.size_bytes,
        "gzip_bytes": artifact.gzip_bytes,
        "recipe": artifact.recipe_name,
        "source": artifact.source,
        "source_sha256": artifact.source_sha256,
        "sparsity_fraction": artifact.sparsity,
        "accuracy_fraction": fidelity.accuracy if fidelity else None,
        "source_accuracy_fraction": fidelity.source_accuracy if fidelity else None,
        "accuracy_samples": fidelity.samples if fidelity else None,
    }


def _startup(summary: RunSummary) -> _Json:
    return {
        "init_us": summary.init_us,
        "first_inference_us": summary.first_inference_us,
        "modes": {
            mode.value: {
                "invocations": item.count,
                **_interval("init_median", item.init, "us"),
                **_interval("first_inference_median", item.first_inference, "us"),
            }
            for mode, item in summary.startup.items()
        },
    }


def _operators(view: RunView) -> _Json | None:
    times = profiled(view)
    if not times:
        return None
    return {
        "by_type": [
            {
                "node_type": item.node_type,
                "count": item.count,
                "time_us": item.time_us,
                "share_fraction": item.share,
                "nested": item.nested,
            }
            for item in by_type(times)
        ],
        "in_order": [
            {
                "layers": item.layers,
                "node_type": item.node_type,
                "time_us": item.time_us,
                "share_fraction": item.share,
                "calls": item.calls,
                "name": item.name,
                "index": item.index,
                "subgraph": item.subgraph,
                "nested": item.nested,
            }
            for item in times
        ],
    }


def _comparison(item: Comparison, *, decides: bool) -> _Json:
    unit = unit_of(item.metric)
    ratio = item.ratio
    return {
        "metric": item.metric,
        "name": item.name,
        "device": item.device,
        "config": item.config,
        "baseline_run_id": item.baseline_run_id,
        "candidate_run_id": item.candidate_run_id,
        f"baseline_{unit}": item.baseline,
        f"candidate_{unit}": item.candidate,
        "ratio": ratio.estimate if ratio else None,
        "ratio_low": ratio.low if ratio else None,
        "ratio_high": ratio.high if ratio else None,
        "ratio_confidence_fraction": ratio.confidence if ratio else None,
        "method": item.method,
        "max_slowdown_fraction": item.max_slowdown,
        "noise_floor_fraction": item.noise_floor,
        "gate_fraction": item.gate,
        "verdict": item.verdict,
        "decides": decides,
        "reasons": item.reasons,
        "cautions": [_finding(one) for one in item.cautions],
    }


def _interval(name: str, value: Interval | None, unit: str) -> _Json:
    return {
        f"{name}_{unit}": value.estimate if value else None,
        f"{name}_low_{unit}": value.low if value else None,
        f"{name}_high_{unit}": value.high if value else None,
        f"{name}_confidence_fraction": value.confidence if value else None,
    }


def _plain(value: object) -> Any:
    """The value in JSON's types; a number that is not finite is unknown."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return number(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value
