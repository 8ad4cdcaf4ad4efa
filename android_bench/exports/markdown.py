"""Markdown for pull requests and step summaries: the answer first, tables behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from android_bench import formatting
from android_bench.analysis.compare import Comparison, Verdict
from android_bench.analysis.operators import OperatorChange, operator_changes
from android_bench.exports.markdown_cells import MARKS, cell, change_text, named, row
from android_bench.exports.markdown_findings import findings
from android_bench.exports.markdown_page import LIMIT, Section, assemble
from android_bench.exports.text import markdown_text
from android_bench.exports.view import ExportView, profiled, provenance
from android_bench.report.answer import Certainty, answer
from android_bench.report.pairs import GRAVEST_FIRST, metric_name, metric_text
from android_bench.results import DeviceKind
from android_bench.run_view import RunView, device_key

_OPERATORS_SHOWN = 8
# Operators that changed by less than this part of the inference are no news.
_WORTH_TELLING = 0.01


def document(export: ExportView, *, limit: int = LIMIT) -> str:
    """The page of these runs, at most ``limit`` characters long."""
    devices = _by_device(export.runs)
    sections: list[Section] = []
    if export.is_comparison:
        sections.append(_verdicts(export, export.decided, title="Against the baseline"))
    sections += [_runs(views, export) for views in devices]
    if export.is_comparison:
        if export.informing:
            title = "Other metrics, which do not decide"
            sections.append(_verdicts(export, export.informing, title=title, folded=True))
        sections += _changes(export)
    else:
        sections += _operators(export)
    sections += findings(export)
    foot = f"android-bench {markdown_text(export.tool_version)}"
    return assemble(
        f"## {_headline(export, devices)}",
        provenance_notes(export),
        sections,
        foot=foot,
        limit=limit,
    )


def evidence(export: ExportView, more: Sequence[Comparison]) -> list[Section]:
    """What verdicts rest on, folded: ``more`` comparisons, every run, what changed in the operators."""
    sections = [_verdicts(export, more, title="Other comparisons")] if more else []
    sections += [_runs(views, export) for views in _by_device((*export.runs, *export.baseline))]
    return [replace(section, folded=True) for section in sections] + list(_changes(export))


def _headline(export: ExportView, devices: Sequence[Sequence[RunView]]) -> str:
    if not export.runs:
        return "There are no runs to report"
    if export.is_comparison:
        return _verdict_line(export.decided) + _remark(export.runs)
    if len(devices) == 1:
        return _answer_line(devices[0]) + _remark(export.runs)
    return f"{len(export.runs)} runs on {len(devices)} devices" + _remark(export.runs)


def _remark(views: Sequence[RunView]) -> str:
    """What makes the whole page no statement about a phone."""
    notes = {provenance(view) for view in views}
    note = next(iter(notes)) if len(notes) == 1 else None
    return f" ({note})" if note else ""


def _verdict_line(comparisons: Sequence[Comparison]) -> str:
    """The worst verdict with its figures if it is one pair's, else how many pairs got which."""
    if not comparisons:
        return "Nothing to compare"
    if len(comparisons) == 1:
        item = comparisons[0]
        change = f" {change_text(item)}" if item.ratio else ""
        return f"{item.verdict.value.capitalize()}: {named(item.name)}{change}"
    counts = dict.fromkeys(GRAVEST_FIRST, 0)
    for item in comparisons:
        counts[item.verdict] += 1
    told = ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count)
    return f"{told[:1].upper()}{told[1:]} of {len(comparisons)} comparisons"


def _answer_line(views: Sequence[RunView]) -> str:
    """Which variant, how fast, how sure."""
    found = answer(views)
    if found.fastest is None:
        return f"No valid measurement on {named(views[0].run.device.label)}"
    latency = formatting.interval(found.fastest.summary.latency)
    name, device = named(found.fastest.label), named(found.fastest.run.device.label)
    if found.certainty is Certainty.ALONE:
        return f"{name} takes {latency} on {device}"
    if found.certainty is Certainty.TIED:
        rivals = formatting.count(len(found.rivals), "other")
        return f"{name} is the fastest on {device} at {latency}, not told apart from {rivals}"
    if found.certainty is Certainty.TOO_FEW:
        return f"{name} is the fastest so far on {device} at {latency}, with too few invocations"
    return f"{name} is the fastest on {device} at {latency}"


def provenance_notes(export: ExportView) -> list[str]:
    """What must be known before any number is read."""
    kinds = {view.run.device.kind for view in (*export.runs, *export.baseline)}
    notes = []
    if DeviceKind.HOST in kinds:
        notes.append("Numbers marked **computer** were measured on a computer, not on a phone.")
    if DeviceKind.EMULATOR in kinds:
        notes.append("Numbers marked **emulator** were measured on an emulator, not on a phone.")
    return notes


def _verdicts(
    export: ExportView, comparisons: Sequence[Comparison], *, title: str, folded: bool = False
) -> Section:
    ordered = sorted(comparisons, key=lambda item: GRAVEST_FIRST.index(item.verdict))
    return Section(
        title=f"{title} ({formatting.count(len(ordered), 'comparison')})",
        folded=folded,
        head=(
            "| verdict | model | on | metric | baseline | candidate | change | why |",
            "| --- | --- | --- | --- | ---: | ---: | ---: | --- |",
        ),
        rows=tuple(
            row(
                f"**{item.verdict.value}**"
                if item.verdict is Verdict.REGRESSED
                else item.verdict.value,
                cell(item.name),
                _place(export, item),
                markdown_text(metric_name(item.metric)),
                metric_text(item.metric, item.baseline) or formatting.UNKNOWN,
                metric_text(item.metric, item.candidate) or formatting.UNKNOWN,
                change_text(item),
                markdown_text("; ".join([*item.reasons, *_cautions(item)])),
            )
            for item in ordered
        ),
        noun="comparison",
    )


def _place(export: ExportView, item: Comparison) -> str:
    """The device and configuration of a comparison, marked when the device is no phone."""
    view = export.view_of(item.candidate_run_id) or export.view_of(item.baseline_run_id)
    mark = MARKS.get(view.run.device.kind) if view else None
    return f"{cell(item.device)}{f' (**{mark}**)' if mark else ''}, {cell(item.config)}"


def _runs(views: Sequence[RunView], export: ExportView) -> Section:
    device = views[0].run.device
    mark = MARKS.get(device.kind)
    release = f", Android {markdown_text(device.android_release)}" if device.android_release else ""
    relative = any(view.latency_ratio is not None for view in views) and not export.is_comparison
    ordered = sorted(views, key=_by_latency)
    head = ["model", "latency"]
    head += ["against float32" if _float_is_baseline(views) else "against the first"] * relative
    head += ["initialisation", "peak memory", "file", "accuracy"]
    return Section(
        title=f"{named(device.label)} ({f'**{mark}**' if mark else 'phone'}{release})",
        head=(row(*head), "| --- " + "| ---: " * (len(head) - 1) + "|"),
        rows=tuple(_run(view, relative=relative, mark=mark) for view in ordered),
        noun="run",
    )


def _run(view: RunView, *, relative: bool, mark: str | None) -> str:
    summary = view.summary
    latency = formatting.interval(summary.latency)
    cells = [cell(view.label), f"{latency} ({mark})" if mark and summary.latency else latency]
    if relative:
        cells.append("baseline" if view.is_baseline else formatting.change(view.latency_ratio))
    cells += [
        formatting.duration(summary.init_us),
        formatting.memory(summary.peak_bytes),
        formatting.file_size(view.size_bytes),
        formatting.percent(view.accuracy),
    ]
    return row(*cells)


def _operators(export: ExportView) -> Iterator[Section]:
    """Where the time goes in each run that was profiled."""
    for view in export.runs:
        times = [item for item in profiled(view) if not item.nested and item.time_us > 0]
        if not times:
            continue
        slowest = sorted(times, key=lambda item: -item.time_us)[:_OPERATORS_SHOWN]
        mark = f", {provenance(view)}" if provenance(view) else ""
        yield Section(
            title=f"Where the time goes: {named(view.full_label)}{mark}",
            head=("| layer | operator | time | share |", "| --- | --- | ---: | ---: |"),
            rows=tuple(
                row(
                    cell(item.layer) if item.layer else formatting.UNKNOWN,
                    cell(item.node_type),
                    formatting.duration(item.time_us),
                    formatting.percent(item.share),
                )
                for item in slowest
            ),
            noun="operator",
            folded=True,
        )


def _changes(export: ExportView) -> Iterator[Section]:
    """What changed between the operators of each pair that was profiled."""
    seen: set[tuple[str | None, str | None]] = set()
    for item in export.comparisons:
        pair = (item.baseline_run_id, item.candidate_run_id)
        before, after = (export.view_of(run_id) for run_id in pair)
        if before is None or after is None or pair in seen:
            continue
        seen.add(pair)
        whole = sum(one.time_us for one in profiled(before) if not one.nested)
        found = [
            change
            for change in operator_changes(before.run, after.run)
            if not change.nested and abs(change.delta_us) >= _WORTH_TELLING * whole
        ]
        if found:
            yield Section(
                title=f"What changed in {named(item.name)}",
                head=(
                    "| layer | operator | baseline | candidate | change |",
                    "| --- | --- | ---: | ---: | ---: |",
                ),
                rows=tuple(_changed(change) for change in found[:_OPERATORS_SHOWN]),
                noun="operator",
                folded=True,
            )


def _changed(change: OperatorChange) -> str:
    sign = "+" if change.delta_us >= 0 else "−"
    return row(
        cell(change.layer) if change.layer else formatting.UNKNOWN,
        cell(change.node_type),
        formatting.duration(change.baseline_us),
        formatting.duration(change.candidate_us),
        f"{sign}{formatting.duration(abs(change.delta_us))}",
    )


def _by_device(views: Iterable[RunView]) -> list[list[RunView]]:
    groups: dict[object, list[RunView]] = {}
    for view in views:
        groups.setdefault(device_key(view.run.device), []).append(view)
    return list(groups.values())


def _by_latency(view: RunView) -> tuple[bool, float]:
    latency = view.summary.latency
    return (latency is None, latency.estimate if latency else 0.0)


def _float_is_baseline(views: Sequence[RunView]) -> bool:
    return all(view.run.artifact.recipe_name == "float32" for view in views if view.is_baseline)


def _cautions(item: Comparison) -> list[str]:
    return [f"{one.severity.value}: {one.message}" for one in item.cautions]
