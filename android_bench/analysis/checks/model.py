"""Findings about the artifact: its metadata and its accuracy."""

from __future__ import annotations

from collections.abc import Iterator

from android_bench import formatting
from android_bench.analysis.checks.finding import Code, Severity, Told
from android_bench.results import BenchmarkRun

# Below it a loss of accuracy is not worth a word, however many samples prove it.
ACCURACY_DROP = 0.01


def check_model(run: BenchmarkRun) -> Iterator[Told]:
    """Yield what the manifest tells of the file that was measured."""
    metadata = run.artifact.metadata
    if metadata is not None and metadata.failure is not None:
        yield Told(
            Code.METADATA_REFUSED,
            Severity.WARNING,
            f"Its metadata do not work in an app: {metadata.failure}",
            "android-bench metadata verify MODEL says which Android APIs take the file.",
        )
    for told in run.artifact.warnings:
        if told.startswith("Collapsed"):
            blamed = [
                one for one in run.artifact.warnings if one.startswith("The layers responsible")
            ]
            yield Told(
                Code.MODEL_COLLAPSED,
                Severity.ERROR,
                " ".join([told, *blamed]),
                "Do not ship it, however fast: android-bench debug-quantization shows where it went wrong.",
            )
    yield from _about_accuracy(run)


def _about_accuracy(run: BenchmarkRun) -> Iterator[Told]:
    fidelity = run.artifact.fidelity
    if fidelity is None or fidelity.accuracy is None or fidelity.source_accuracy is None:
        return
    drop = fidelity.source_accuracy - fidelity.accuracy
    # Twice the standard error of a proportion: below it the drop can be chance.
    share = fidelity.source_accuracy
    noise = 2 * (share * (1 - share) / max(fidelity.samples, 1)) ** 0.5
    if drop > max(noise, ACCURACY_DROP):
        yield Told(
            Code.ACCURACY_DROP,
            Severity.WARNING,
            f"Accuracy fell from {formatting.percent(share)} to "
            f"{formatting.percent(fidelity.accuracy)} on {fidelity.samples} samples.",
            "Check the calibration data, or choose a milder recipe.",
        )
