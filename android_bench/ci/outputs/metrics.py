"""OpenMetrics text: what was measured of each candidate, for GitLab's metrics report and for Prometheus.

GitLab's parser cuts each line at a number sign, splits the rest as a shell does and compares values as
texts (``Gitlab::Ci::Parsers::Metrics::Generic``). So labels hold no number sign, and what is not a count
has four digits: more would differ in every pipeline.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from android_bench.ci.outcome import CiOutcome, GateState
from android_bench.exports.text import number, one_line
from android_bench.run_view import RunView, run_views

_Labels = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """A value that may be unknown, under its metric's name, which ends in its unit."""

    metric: str
    unit: str
    labels: _Labels
    value: float | None


_MEANINGS = {
    "android_bench_latency_us": "Median latency of one inference.",
    "android_bench_init_us": "Median time of initialization.",
    "android_bench_peak_memory_bytes": "Peak memory of the process while it measures memory.",
    "android_bench_file_size_bytes": "Size of the .tflite.",
    "android_bench_accuracy_ratio": "Accuracy of the .tflite itself.",
    "android_bench_delegated_nodes": "Nodes that a delegate runs.",
    "android_bench_change_ratio": "Candidate divided by baseline.",
    "android_bench_gates": "Gates by what became of them.",
}


def document(outcome: CiOutcome) -> str:
    """The exposition, ending in ``# EOF`` as OpenMetrics 1.0 asks. What is unknown has no sample."""
    families: dict[str, list[_Sample]] = {name: [] for name in _MEANINGS}
    for sample in _samples(outcome):
        families[sample.metric].append(sample)
    lines = [line for samples in families.values() for line in _family(samples)]
    return "\n".join([*lines, "# EOF"]) + "\n"


def _samples(outcome: CiOutcome) -> Iterator[_Sample]:
    for view in run_views(outcome.candidate_runs):
        yield from _of_run(view)
    for item in outcome.comparisons:
        yield _Sample(
            metric="android_bench_change_ratio",
            unit="ratio",
            labels={
                "variant": item.name,
                "device": item.device,
                "config": item.config,
                "metric": item.metric,
            },
            value=item.ratio.estimate if item.ratio else None,
        )
    for state in GateState:
        yield _Sample(
            metric="android_bench_gates",
            unit="",
            labels={"state": state.value},
            value=sum(1 for gate in outcome.gates if gate.state is state),
        )


def _of_run(view: RunView) -> Iterator[_Sample]:
    run, summary = view.run, view.summary
    delegated = [
        item.nodes_delegated for item in view.delegations if item.nodes_delegated is not None
    ]
    values = (
        ("latency", "us", summary.latency.estimate if summary.latency else None),
        ("init", "us", summary.init_us),
        ("peak_memory", "bytes", summary.peak_bytes),
        ("file_size", "bytes", view.size_bytes),
        ("accuracy", "ratio", view.accuracy),
        ("delegated_nodes", "", min(delegated) if delegated else None),
    )
    labels = {
        "variant": run.artifact.name,
        "device": run.device.label,
        "device_kind": run.device.kind.value,
        "config": run.config.label,
    }
    for name, unit, value in values:
        metric = "_".join(part for part in ("android_bench", name, unit) if part)
        yield _Sample(metric=metric, unit=unit, labels=labels, value=value)


def _family(samples: Iterable[_Sample]) -> Iterator[str]:
    """A metric with its descriptions; of several runs with the same labels the last counts."""
    known: dict[str, float] = {}
    first: _Sample | None = None
    for sample in samples:
        value = number(sample.value)
        if value is not None:
            first = first or sample
            told = ",".join(f'{key}="{_label(text)}"' for key, text in sample.labels.items())
            known[f"{sample.metric}{{{told}}}"] = value
    if first is None:
        return
    yield f"# TYPE {first.metric} gauge"
    if first.unit:
        yield f"# UNIT {first.metric} {first.unit}"
    yield f"# HELP {first.metric} {_MEANINGS[first.metric]}"
    for name, value in known.items():
        yield f"{name} {_figure(value)}"


def _figure(value: float) -> str:
    """A number without an exponent: whole ones as they are, others with four digits."""
    whole = float(value).is_integer()
    return f"{value if whole else float(f'{value:.4g}'):.15g}"


def _label(text: str) -> str:
    clean = one_line(text).replace("#", "_")
    return clean.replace("\\", "\\\\").replace('"', '\\"')
