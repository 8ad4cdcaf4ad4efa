"""The command export: results in the forms that other tools read."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from android_bench.analysis.metrics import Metric
from android_bench.cli.app import app
from android_bench.cli.results import Results

_FORMATS = "json, csv, markdown, junit, model-explorer or chrome-trace"


@app.command(epilog="Example: android-bench export results/ --format markdown -o summary.md")
def export(
    results: Results,
    *,
    form: Annotated[str, typer.Option("--format", "-f", metavar="FORMAT", help=f"{_FORMATS}.")],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The file; - is standard output. A folder (FOLDER/) takes node data of many runs.",
        ),
    ] = "-",
    rows: Annotated[
        str, typer.Option(help="What a row of CSV is about: runs, invocations or operators.")
    ] = "runs",
    baseline: Annotated[
        list[Path] | None,
        typer.Option(metavar="RESULTS", help="Results to compare with, in JSON, Markdown, JUnit."),
    ] = None,
    max_slowdown: Annotated[
        str | None,
        typer.Option(metavar="PERCENT", help="How much slower (or larger) is still accepted."),
    ] = None,
    metric: Annotated[
        list[Metric] | None,
        typer.Option(help="What decides a verdict (latency); repeat for several. All are told."),
    ] = None,
    noise_floor: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE|RESULTS",
            help="What unchanged models differ by: no smaller change counts.",
        ),
    ] = None,
) -> None:
    """Write results for CI servers, spreadsheets, pull requests, Model Explorer or Perfetto."""
    from android_bench.exports import Format, Rows, render, render_each
    from android_bench.exports.asked import asked_view, refuse_rows
    from android_bench.quantities import choice

    chosen, about = choice(Format, form, flag="--format"), choice(Rows, rows, flag="--rows")
    refuse_rows(chosen, about)
    view = asked_view(
        results,
        baseline=baseline or [],
        max_slowdown=max_slowdown,
        metrics=metric or [],
        noise_floor=noise_floor,
    )
    if chosen is Format.MODEL_EXPLORER and (
        output.endswith(("/", os.sep)) or Path(output).is_dir()
    ):
        _write_each(Path(output), render_each(view))
    else:
        _write(output, render(view, chosen, rows=about))


def _write(output: str, text: str) -> None:
    """Write a file whole or not at all, or the text to standard output as it is."""
    from optimizer.files import write_atomic

    content = text.encode("utf-8", "replace")
    if output != "-":
        write_atomic(Path(output), content)
        print(output)
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def _write_each(folder: Path, texts: dict[str, str]) -> None:
    from optimizer.files import write_together

    write_together({folder / name: text.encode("utf-8", "replace") for name, text in texts.items()})
    for name in texts:
        print(folder / name)
