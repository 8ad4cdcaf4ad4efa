"""Commands on results that exist: report, compare, noise, reparse."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from android_bench.analysis.metrics import Metric
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
    from android_bench.evidence import load_with_folders
    from android_bench.report import write_report
    from android_bench.terminal import console

    runs, folders = load_with_folders(results)
    write_report(runs, path=output, title=title, folders=folders)
    if json:
        console.emit_json({"report": str(output), "runs": len(runs)})
    else:
        print(output)


@app.command(epilog="Example: android-bench compare results/main results/branch --max-slowdown 2%")
def compare(
    baseline: Annotated[Path, typer.Argument(metavar="BASELINE", help="Results to compare with.")],
    candidate: Annotated[Path, typer.Argument(metavar="CANDIDATE", help="Results to judge.")],
    *,
    max_slowdown: Annotated[
        str, typer.Option(metavar="PERCENT", help="How much slower (or larger) is still accepted.")
    ] = "1%",
    metric: Annotated[
        list[Metric],
        typer.Option(help="What decides the exit code; repeat for several. All are printed."),
    ] = [Metric.LATENCY],  # noqa: B006 (typer wants a list)
    noise_floor: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE|RESULTS",
            help="What unchanged models differ by (android-bench noise): no smaller change counts.",
        ),
    ] = None,
    report: Annotated[  # the page of the comparison
        Path | None, typer.Option("--report", help="Write an HTML page of both as well.")
    ] = None,
    json: Json = False,
) -> None:
    """Judge whether CANDIDATE is slower than BASELINE: exit 0 no, 3 yes, 4 cannot be told."""
    from android_bench.analysis.compare import (
        compare_sets,
        comparison_to_json,
        exit_code,
        parse_fraction,
    )
    from android_bench.analysis.noise import load_floors
    from android_bench.evidence import load_with_folders
    from android_bench.terminal import console
    from android_bench.terminal.verdicts import print_comparisons

    (before, old), (after, new) = (load_with_folders([side]) for side in (baseline, candidate))
    comparisons = compare_sets(
        before,
        after,
        max_slowdown=parse_fraction(max_slowdown, flag="--max-slowdown"),
        metrics=tuple(Metric),
        floors=load_floors(noise_floor) if noise_floor else (),
    )
    if report is not None:
        from android_bench.report import write_report

        write_report(
            (*before, *after),
            path=report,
            comparisons=comparisons,
            folders={**old, **new},
            deciding=[item.value for item in metric],
        )
    if json:
        console.emit_json([comparison_to_json(item) for item in comparisons])
    else:
        print_comparisons(comparisons)
    raise typer.Exit(exit_code(comparisons, deciding=metric))


@app.command(epilog="Example: android-bench noise again/ -o noise.json")
def noise(
    results: Results,
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file for compare --noise-floor.")
    ] = None,
    json: Json = False,
) -> None:
    """Find what unchanged models differ by, from runs of the same model made again."""
    from android_bench.analysis.noise import dumps, floors_to_json, required_floors
    from android_bench.store import load_runs
    from android_bench.terminal import console
    from android_bench.terminal.verdicts import print_floors
    from optimizer.files import write_atomic

    floors = required_floors(load_runs(results), where=", ".join(map(str, results)))
    if output is not None:
        write_atomic(output, dumps(floors).encode())
    if json:
        console.emit_json(floors_to_json(floors))
    else:
        print_floors(floors)


@app.command(epilog="Example: android-bench reparse results/")
def reparse(results: Results, *, json: Json = False) -> None:
    """Read the raw logs of runs again, as after an upgrade; no device is needed."""
    from android_bench import schema
    from android_bench.reading import reparse as read_again
    from android_bench.store import run_files
    from android_bench.terminal import console

    done = [read_again(file) for file in run_files(results)]
    if json:
        console.emit_json([schema.run_to_json(run) for run, _ in done])
    else:
        console.listing(
            ("run", "records", "changed"),
            [(run.run_id, str(len(run.invocations)), str(changed)) for run, changed in done],
        )
