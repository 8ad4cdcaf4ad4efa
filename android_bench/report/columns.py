"""Columns as data: what each is called, what it means, and what it reads from a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from android_bench import formatting
from android_bench.report.rows import RunView

Read = Callable[[RunView], Any]

_FORMATS: dict[str, Callable[[Any], str]] = {
    "duration": formatting.duration,
    "file_size": formatting.file_size,
    "memory": formatting.memory,
    "percent": formatting.percent,
    "number": formatting.number,
    "cosine": lambda value: f"{value:.6f}",
    "signed": lambda value: formatting.change(1 + value),
    "multiple": formatting.multiple,
    "text": str,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What stands in a cell: its text, a second line, and what the table is sorted by."""

    text: str | None
    note: str | None
    order: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: ``kind`` names how a value becomes text, ``note`` is a second line under it.

    ``words`` makes the text of what has no kind, and ``order`` is what a table is sorted by, both made
    of the value, where that is not the value itself.
    """

    group: str
    heading: str
    about: str
    kind: str
    read: Read
    note: Read | None = None
    words: Callable[[Any], str] | None = None
    order: Callable[[Any], Any] | None = None

    def text(self, view: RunView) -> str | None:
        """The cell's text; ``None`` when the value is unknown."""
        return self.cell(view).text

    def cell(self, view: RunView) -> Cell:
        """The cell of one run; an unknown value has no text, and no place in the order."""
        note = self.note(view) if self.note else None
        value = self.read(view)
        if value is None:
            return Cell(text=None, note=note, order=None)
        text = self.words(value) if self.words else _FORMATS[self.kind](value)
        return Cell(text=text, note=note, order=self.order(value) if self.order else value)


def known(columns: Sequence[Column], views: Sequence[RunView]) -> tuple[Column, ...]:
    """The columns that at least one run has a value for."""
    return tuple(
        column for column in columns if any(column.read(view) is not None for view in views)
    )


def groups(columns: Sequence[Column]) -> list[tuple[str, int]]:
    """The groups of neighbouring columns with how many columns each spans."""
    found: list[tuple[str, int]] = []
    for column in columns:
        if found and found[-1][0] == column.group:
            found[-1] = (column.group, found[-1][1] + 1)
        else:
            found.append((column.group, 1))
    return found


def _summary(name: str) -> Read:
    return lambda view: getattr(view.summary, name)


def _artifact(name: str) -> Read:
    return lambda view: getattr(view.run.artifact, name)


def _fidelity(name: str) -> Read:
    return lambda view: getattr(view.run.artifact.fidelity, name, None)


def _interval(view: RunView) -> str | None:
    latency = view.summary.latency
    if latency is None:
        return None
    if latency.low is None or latency.high is None:
        return "no interval"
    return formatting.duration_range(latency.low, latency.high)


def _source_accuracy(view: RunView) -> str | None:
    fidelity = view.run.artifact.fidelity
    if fidelity is None or fidelity.source_accuracy is None:
        return None
    return f"source {formatting.percent(fidelity.source_accuracy)}"


def _estimate(view: RunView) -> float | None:
    return view.summary.latency.estimate if view.summary.latency else None


VARIANTS = (
    Column(
        group="Latency",
        heading="Median",
        about="median of the invocations' mean latencies, with its 95 % interval below",
        kind="duration",
        read=_estimate,
        note=_interval,
    ),
    Column(
        group="Latency",
        heading="Ratio",
        about="this median over the baseline's, on the same device and configuration",
        kind="multiple",
        read=lambda view: view.latency_ratio,
        note=lambda view: "baseline" if view.is_baseline else None,
    ),
    Column(
        group="Spread",
        heading="Between",
        about="standard deviation over mean of the invocations' means",
        kind="percent",
        read=_summary("between_spread"),
    ),
    Column(
        group="Spread",
        heading="Within",
        about="standard deviation over mean of the inferences of one invocation, the median of all",
        kind="percent",
        read=_summary("within_spread"),
    ),
    Column(
        group="Spread",
        heading="Drift",
        about="from the first invocation to the last, by the median of all slopes between them",
        kind="signed",
        read=lambda view: view.summary.drift.change if view.summary.drift else None,
        note=lambda view: (
            "beyond chance" if view.summary.drift and view.summary.drift.significant else None
        ),
    ),
    Column(
        group="Start-up",
        heading="Init",
        about="loading the model and preparing the interpreter, median",
        kind="duration",
        read=_summary("init_us"),
    ),
    Column(
        group="Start-up",
        heading="First",
        about="the first inference, median",
        kind="duration",
        read=_summary("first_inference_us"),
    ),
    Column(
        group="Memory",
        heading="Init growth",
        about="growth of the process's high-water mark by initialisation",
        kind="memory",
        read=_summary("init_footprint_bytes"),
    ),
    Column(
        group="Memory",
        heading="Total growth",
        about="growth of the process's high-water mark over the whole invocation",
        kind="memory",
        read=_summary("overall_footprint_bytes"),
    ),
    Column(
        group="Memory",
        heading="Peak",
        about="absolute peak of the process, sampled while it ran; not comparable with the growths",
        kind="memory",
        read=_summary("peak_bytes"),
    ),
    Column(
        group="Size",
        heading="File",
        about="the .tflite file",
        kind="file_size",
        read=_artifact("size_bytes"),
    ),
    Column(
        group="Size",
        heading="Gzip",
        about="the file after gzip -9: what a download costs",
        kind="file_size",
        read=_artifact("gzip_bytes"),
    ),
    Column(
        group="Fidelity",
        heading="Accuracy",
        about="accuracy of the .tflite itself, with its source model's on the same samples below",
        kind="percent",
        read=_fidelity("accuracy"),
        note=_source_accuracy,
    ),
    Column(
        group="Fidelity",
        heading="Top-1 same",
        about="share of inputs on which the .tflite and its source choose the same class",
        kind="percent",
        read=_fidelity("top1_agreement"),
    ),
    Column(
        group="Fidelity",
        heading="Largest diff.",
        about="largest difference between the outputs of the .tflite and its source",
        kind="number",
        read=_fidelity("max_abs_error"),
    ),
)
