"""Terminal output of comparisons and noise floors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.markup import escape

from android_bench import formatting
from android_bench.analysis.compare import Comparison, Verdict
from android_bench.analysis.metrics import Metric
from android_bench.analysis.noise import ENOUGH_DEGREES, NoiseFloor
from android_bench.results import DeviceKind
from android_bench.terminal.console import SEVERITY_STYLE, err, harmless, listing, out, say

_VERDICT_STYLE = {
    Verdict.IMPROVED: "green",
    Verdict.UNCHANGED: "green",
    Verdict.REGRESSED: "bold red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.INCOMPARABLE: "yellow",
}
# What stands beside the name of a device whose times are no phone's.
_NO_PHONE: dict[DeviceKind | None, str] = {
    DeviceKind.HOST: ", a computer",
    DeviceKind.EMULATOR: ", an emulator",
}


def print_comparisons(comparisons: Sequence[Comparison]) -> None:
    """Print the verdict on each pair's latency and why, below it the other metrics in short."""
    for item in comparisons:
        style = _VERDICT_STYLE[item.verdict]
        change = formatting.change(item.ratio.estimate if item.ratio else None)
        amount = _AMOUNTS[Metric(item.metric)]
        figures = f"{amount(item.baseline)} → {amount(item.candidate)}, {change}"
        if item.metric != Metric.LATENCY.value:
            words = item.metric.replace("-", " ")
            out.print(f"  {words}: [{style}]{item.verdict.value}[/], {figures}", soft_wrap=True)
            continue
        device = f"{item.device}{_NO_PHONE.get(item.device_kind, '')}"
        where = escape(harmless(f"{item.name} on {device} ({item.config})"))
        out.print(f"[{style}]{item.verdict.value}[/] {where}: {figures}", soft_wrap=True)
        for reason in item.reasons:
            out.print(f"  {escape(harmless(reason))}", soft_wrap=True)
        for caution in item.cautions:
            severity = f"[{SEVERITY_STYLE[caution.severity]}]{caution.severity.value}[/]"
            message, hint = escape(harmless(caution.message)), escape(harmless(caution.hint))
            err.print(f"{severity} {caution.code}: {message} [dim]{hint}[/]", soft_wrap=True)


_AMOUNTS: dict[Metric, Callable[[float | None], str]] = {
    Metric.LATENCY: formatting.duration,
    Metric.INIT: formatting.duration,
    Metric.FIRST_INFERENCE: formatting.duration,
    Metric.PEAK_MEMORY: formatting.memory,
    Metric.FILE_SIZE: formatting.file_size,
}


def print_floors(floors: Sequence[NoiseFloor]) -> None:
    """Print the noise floor of each device, and from how much it is known."""
    rows = [
        (
            escape(floor.device),
            floor.scope.words,
            formatting.percent(floor.floor, digits=2),
            formatting.percent(floor.typical, digits=2),
            formatting.percent(floor.largest, digits=2),
            str(floor.runs),
            str(floor.pairs),
        )
        for floor in floors
    ]
    listing(("device", "", "noise floor", "typical", "largest seen", "runs", "pairs"), rows)
    if any(floor.degrees < ENOUGH_DEGREES for floor in floors):
        say("With so few runs the floor is high because it is hardly known: measure five or more.")
