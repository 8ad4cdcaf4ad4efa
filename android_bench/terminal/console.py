"""Terminal output: data on standard output, everything else on standard error.

Without a terminal there are no control codes and no bars: one plain line for each step instead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from android_bench import formatting
from android_bench.analysis.checks import Finding, Severity
from android_bench.analysis.summary import summarise
from android_bench.config import BenchmarkConfig
from android_bench.doctor import Check, State
from android_bench.results import BenchmarkRun, Invocation, Status

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

_UNBROKEN = 10_000  # columns
# What a terminal obeys, and what lets a text look like another one: names inside a model may hold any.
_OBEYED = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)
SEVERITY_STYLE = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_STATE_STYLE = {State.OK: "green", State.OPTIONAL: "yellow", State.MISSING: "bold red"}


def emit_json(value: Any) -> None:
    """Print a JSON-able value on standard output, never wrapped or coloured."""
    print(harmless(json.dumps(value, indent=2, ensure_ascii=False)))


def harmless(text: str) -> str:
    """A text with the numbers of characters that a terminal would obey, as JSON writes them."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def say(message: str) -> None:
    """Tell a person something; what it holds is never taken for markup."""
    err.print(harmless(message), markup=False, soft_wrap=True)


def complain(message: str, hint: str | None) -> None:
    """Show an expected error and what to do next."""
    err.print(f"[bold red]error:[/] {escape(harmless(message))}", soft_wrap=True)
    if hint:
        err.print(f"[cyan]hint:[/]  {escape(harmless(hint))}", soft_wrap=True)


def table(title: str | None, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; the first column is text, numbers in the others stand right."""
    if title:
        out.print(f"[italic]{harmless(title)}[/]", soft_wrap=True)
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for position, column in enumerate(columns):
        grid.add_column(column, justify="left" if position == 0 else "right", overflow="fold")
    for row in rows:
        grid.add_row(*map(harmless, row))
    _print_grid(grid)


def listing(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows of words, every column to the left."""
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        grid.add_column(harmless(column), overflow="fold")
    for row in rows:
        grid.add_row(*map(harmless, row))
    _print_grid(grid)


def _print_grid(grid: Table) -> None:
    """Print a grid: folded into a terminal, on whole lines elsewhere, where programs read it."""
    if out.is_terminal:
        out.print(grid)
    else:
        Console(file=out.file, width=_UNBROKEN, highlight=False).print(grid)


def print_runs(runs: Sequence[BenchmarkRun]) -> None:
    """Print a table for each device, with a line for each run: latency with its interval, start-up,
    memory, size, accuracy.
    """
    devices: dict[tuple[str, str], list[BenchmarkRun]] = {}
    for run in runs:
        devices.setdefault((run.device.label, run.device.serial), []).append(run)
    labels = [label for label, _ in devices]
    for (label, serial), found in devices.items():
        kind = found[0].device.kind.value
        which = f"{serial}, {kind}" if labels.count(label) > 1 else kind
        _print_device(f"{label} ({which})", found)


def _print_device(title: str, runs: Sequence[BenchmarkRun]) -> None:
    several = len({run.config for run in runs}) > 1
    rows = []
    for run in runs:
        summary = summarise(run)
        fidelity = run.artifact.fidelity
        rows.append(
            (
                escape(run.artifact.name),
                *((escape(_short(run.config)),) * several),
                formatting.interval(summary.latency),
                formatting.duration(summary.init_us),
                formatting.memory(summary.peak_bytes),
                formatting.file_size(run.artifact.size_bytes),
                formatting.percent(fidelity.accuracy if fidelity else None),
            )
        )
    title = escape(title if several else f"{title}, {runs[0].config.label}")
    config = ("configuration",) * several
    table(title, ("model", *config, "latency", "init", "peak", "file", "accuracy"), rows)


def _short(config: BenchmarkConfig) -> str:
    """A configuration in a narrow column: ``gpu ×4 big``."""
    cores = config.cores or config.cpu_mask
    return f"{config.delegate.label} ×{config.num_threads}" + (f" {cores}" if cores else "")


def print_findings(findings: Sequence[Finding], runs: Sequence[BenchmarkRun]) -> None:
    """Print each finding once, with the models that it is about unless it is about all."""
    names = {run.run_id: run.artifact.name for run in runs}
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.code, []).append(finding)
    for group in groups.values():
        finding = group[0]
        about = list(dict.fromkeys(names[item.run_id] for item in group))
        alike = len({item.message for item in group}) == 1
        which = ", ".join(about) if alike else about[0]
        more = "" if alike else f" ({len(group) - 1} more of these: see the report)"
        message = (
            finding.message
            if alike and len(group) == len(runs)
            else f"{which}: {finding.message}{more}"
        )
        style = SEVERITY_STYLE[finding.severity]
        head = f"[{style}]{finding.severity.value}[/] {finding.code}: {escape(harmless(message))}"
        err.print(f"{head} [dim]{escape(harmless(finding.hint))}[/]", soft_wrap=True)


def print_checks(checks: Sequence[Check]) -> None:
    """Print the doctor's findings, and below them what to type."""
    listing(
        ("", "what", "found"),
        [
            (f"[{_STATE_STYLE[item.state]}]{item.state.value}[/]", item.name, escape(item.detail))
            for item in checks
        ],
    )
    hints = {item.hint: None for item in checks if item.hint}
    if hints:
        out.print("\nWhat to type next:")
        for hint in hints:
            out.print(f"  {escape(hint)}", soft_wrap=True)


@contextmanager
def run_progress() -> Iterator[RunProgress]:
    """Show how a session goes on, as a bar on a terminal and as lines elsewhere."""
    with _progress() as progress:
        yield RunProgress(progress)


@contextmanager
def step_progress(label: str) -> Iterator[StepProgress]:
    """Show the named steps of a long command."""
    with _progress() as progress:
        yield StepProgress(progress, label)


class RunProgress:
    """Shows a session; see :class:`android_bench.measuring.preparation.Observer`."""

    def __init__(self, progress: Progress, device: str | None = None) -> None:
        self._progress = progress
        self._prefix = f"{device}: " if device else ""
        self._pushing: dict[str, Any] = {}
        self._measuring: Any = None
        self._position = ""

    def for_device(self, name: str) -> RunProgress:
        """The bars of one of several devices."""
        return RunProgress(self._progress, name)

    def planned(self, device: str, steps: int, seconds: float, *, at_most: bool) -> None:
        """Say how long it will take before it begins."""
        more = "" if at_most else ", and more until they are precise"
        say(
            f"{self._prefix}{formatting.count(steps, 'invocation')} on {device}, "
            f"{formatting.time_span(seconds)} or longer{more}."
        )

    def told(self, message: str) -> None:
        """Say it."""
        say(f"{self._prefix}{message}")

    def pushing(self, name: str, done: int, total: int) -> None:
        """Move the bar of a file that goes to the device."""
        if name not in self._pushing:
            label = f"{self._prefix}push {name}"
            self._pushing[name] = self._progress.add_task(escape(harmless(label)), total=total)
            if not err.is_terminal:
                say(f"{label} ({formatting.file_size(total)})")
        self._progress.update(self._pushing[name], completed=done, total=total)

    def started(self, label: str, step: int, steps: int) -> None:
        """Move the bar of the session to this invocation."""
        for task in self._pushing.values():
            self._progress.update(task, visible=False)
        if self._measuring is None:
            self._measuring = self._progress.add_task("measure", total=steps)
        self._position = f"[{step}/{steps}]"
        self._progress.update(
            self._measuring,
            completed=step - 1,
            total=steps,
            description=escape(harmless(f"{self._prefix}{label}")),
        )

    def finished(self, label: str, invocation: Invocation) -> None:
        """Say what came out; a failed invocation is always told."""
        self._progress.advance(self._measuring)
        if invocation.status is not Status.OK:
            say(f"{self._prefix}{label}: {invocation.status.value}: {invocation.problem}")
        elif not err.is_terminal:
            kind = invocation.kind.value
            say(f"{self._prefix}{self._position} {label}, {kind}: {_outcome(invocation)}")


def _outcome(record: Invocation) -> str:
    """The one figure that an invocation was made for."""
    if record.startup is not None:
        return f"{record.startup.value}, init {formatting.duration(record.init_us)}"
    if record.numerics is not None:
        return f"largest error {formatting.number(record.numerics.max_abs_error, digits=2)}"
    if record.memory is not None and record.memory.peak_bytes is not None:
        return f"peak {formatting.memory(record.memory.peak_bytes)}"
    mean = record.latency.mean_us if record.latency else None
    apart = ", throttled: set apart" if record.throttled else ""
    return f"mean {formatting.duration(mean)}{apart}"


class StepProgress:
    """Shows the steps of a command that is not a measurement."""

    def __init__(self, progress: Progress, label: str) -> None:
        self._progress = progress
        self._task = progress.add_task(escape(label), total=None)

    def __call__(self, step: str) -> None:
        """Say which step is being done now."""
        self._progress.update(self._task, description=escape(step))
        if not err.is_terminal:
            say(step)


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
