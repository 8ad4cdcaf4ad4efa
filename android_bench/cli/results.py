"""Commands on results that exist: report, compare, reparse."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from android_bench.cli.app import app
from android_bench.cli.options import Json

Results = Annotated[
    list[Path], typer.Argument(metavar="RESULTS", help="Results folders or run.json files.")
]


@app.command(epilog="Example: android-bench report results/ -o report.html")
def report(
    results: Results,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The page.")] = Path("report.html"),
    title: Annotated[str | None, typer.Option(help="A heading of your own.")] = None,
    json: Json = False,
) -> None:
    """Write one self-contained HTML page about runs."""
    from android_bench import console
    from android_bench.report import write_report
    from android_bench.store import load_runs

    runs = load_runs(results)
    write_report(runs, path=output, title=title)
    if json:
        console.emit_json({"report": str(output), "runs": len(runs)})
    else:
        print(output)


@app.command(epilog="Example: android-bench compare results/main results/branch --max-slowdown 5%")
def compare(
    baseline: Annotated[Path, typer.Argument(metavar="BASELINE", help="Results to compare with.")],
    candidate: Annotated[Path, typer.Argument(metavar="CANDIDATE", help="Results to judge.")],
    *,
    max_slowdown: Annotated[
        str, typer.Option(metavar="PERCENT", help="How much slower is still accepted.")
    ] = "5%",
    report: Annotated[  # the page of the comparison
        Path | None, typer.Option("--report", help="Write an HTML page of both as well.")
    ] = None,
    json: Json = False,
) -> None:
    """Judge whether CANDIDATE is slower than BASELINE: exit 0 no, 3 yes, 4 cannot be told."""
    from android_bench import console
    from android_bench.compare import compare_sets, comparison_to_json, exit_code, parse_fraction
    from android_bench.store import load_runs

    gate = parse_fraction(max_slowdown, flag="--max-slowdown")
    before, after = load_runs([baseline]), load_runs([candidate])
    comparisons = compare_sets(before, after, max_slowdown=gate)
    if report is not None:
        from android_bench.report import write_report

        write_report((*before, *after), path=report, comparisons=comparisons)
    if json:
        console.emit_json([comparison_to_json(item) for item in comparisons])
    else:
        console.print_comparisons(comparisons)
    raise typer.Exit(exit_code(comparisons))


@app.command(epilog="Example: android-bench reparse results/")
def reparse(results: Results, *, json: Json = False) -> None:
    """Read the raw logs of runs again, as after an upgrade; no device is needed."""
    from android_bench import console, schema
    from android_bench.reading import reparse as read_again
    from android_bench.store import run_files

    done = [read_again(file) for file in run_files(results)]
    if json:
        console.emit_json([schema.run_to_json(run) for run, _ in done])
    else:
        console.listing(
            ("run", "records", "changed"),
            [(run.run_id, str(len(run.invocations)), str(changed)) for run, changed in done],
        )
