"""Commands on the history: history add, list, runs, show, plot, changes; and serve."""

from __future__ import annotations

from typing import Annotated

import typer

from android_bench.cli.app import Commands, app
from android_bench.cli.options import Json
from android_bench.cli.results import Results

history = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Keep runs in a database, and find when a model got slower or larger.",
)
app.add_typer(history, name="history")

Database = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="PATH|URL",
        help="The history. Default: $ANDROID_BENCH_DB, else the project's .android-bench/history.sqlite.",
    ),
]
Measure = Annotated[
    str,
    typer.Option(
        "--measure",
        "-m",
        help="latency, init, first-inference, startup-cold, startup-warm, peak-memory, file-size, "
        "gzip-size, accuracy, delegated-nodes or numerics-error; all for every one.",
    ),
]
Name = Annotated[str | None, typer.Option("--name", help="Only this model.")]
Device = Annotated[
    str | None, typer.Option("--device", "-d", metavar="DEVICE", help="Only this label or serial.")
]
Branch = Annotated[str | None, typer.Option("--branch", help="Only this branch.")]
Last = Annotated[
    int | None, typer.Option("--last", metavar="N", min=1, help="Only the newest N runs of each.")
]
SeriesKeys = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SERIES]...", help="Series by the key that history list prints."),
]


@history.command(epilog="Example: android-bench history add results/ --branch main")
def add(
    results: Results,
    *,
    revision: Annotated[
        str | None, typer.Option(help="The commit measured. Default: the CI system's, else git's.")
    ] = None,
    branch: Annotated[
        str | None, typer.Option(help="Its branch. Default: the CI system's, else git's.")
    ] = None,
    tag: Annotated[str | None, typer.Option(help="A name to find these runs by, as v1.2.")] = None,
    db: Database = None,
    json: Json = False,
) -> None:
    """Add runs to the history; a run that is there already is not added again."""
    from dataclasses import asdict

    from android_bench.history import open_history
    from android_bench.history.provenance import provenance
    from android_bench.store import load_runs
    from android_bench.terminal import console
    from android_bench.terminal.history import print_added

    runs = load_runs(results)
    found = provenance(
        revision=revision, branch=branch, earliest=min(run.started_at for run in runs)
    )
    with open_history(db) as opened:
        added = opened.record(runs, revision=found.revision, branch=found.branch, tag=tag)
        where = opened.label
    if found.note:
        console.say(found.note)
    if json:
        about = {"history": where, "revision": found.revision, "branch": found.branch, "tag": tag}
        console.emit_json({**about, **asdict(added)})
    else:
        print_added(added, where)


@history.command("list", epilog="Example: android-bench history list --branch main")
def list_series(
    *,
    measure: Measure = "latency",
    name: Name = None,
    device: Device = None,
    branch: Branch = None,
    db: Database = None,
    json: Json = False,
) -> None:
    """List the series: their newest value, their course, their last change."""
    from android_bench.history.asked import trends
    from android_bench.history.words import trend_to_json
    from android_bench.terminal import console
    from android_bench.terminal.history import print_series

    found = trends(db, measure=measure, name=name, device=device, branch=branch)
    if json:
        console.emit_json([trend_to_json(trend) for trend in found])
    else:
        print_series(found)


@history.command(epilog="Example: android-bench history runs --tag v1.2")
def runs(
    *,
    name: Name = None,
    device: Device = None,
    branch: Branch = None,
    revision: Annotated[str | None, typer.Option(help="Only this commit (its beginning).")] = None,
    tag: Annotated[str | None, typer.Option(help="Only runs with this tag.")] = None,
    last: Annotated[int, typer.Option(metavar="N", min=1, help="The newest N.")] = 50,
    db: Database = None,
    json: Json = False,
) -> None:
    """List the runs themselves, the newest first; with --json they are printed whole."""
    from android_bench import schema
    from android_bench.history import open_history
    from android_bench.terminal import console
    from android_bench.terminal.history import print_stored

    with open_history(db, create=False) as opened:
        found = opened.stored(
            name=name, device=device, branch=branch, revision=revision, tag=tag, last=last
        )
    if json:
        console.emit_json(
            [
                {
                    "revision": item.revision,
                    "branch": item.branch,
                    "tags": item.tags,
                    "run": schema.run_to_json(item.run),
                }
                for item in found
            ]
        )
    else:
        print_stored(found)


@history.command(epilog="Example: android-bench history show --name digits.int8 --last 20")
def show(
    series: SeriesKeys = None,
    *,
    measure: Measure = "latency",
    name: Name = None,
    device: Device = None,
    branch: Branch = None,
    last: Last = None,
    db: Database = None,
    json: Json = False,
) -> None:
    """Show the runs of series, with revisions, intervals and the changes between them."""
    from android_bench.history.asked import trends
    from android_bench.history.words import drawn_to_json
    from android_bench.terminal import console
    from android_bench.terminal.history import print_points

    found = trends(
        db, measure=measure, name=name, device=device, branch=branch, last=last, keys=series or ()
    )
    if json:
        console.emit_json([drawn_to_json(trend) for trend in found])
        return
    for trend in found:
        print_points(trend)


@history.command(epilog="Example: android-bench history plot --name digits.int8")
def plot(
    series: SeriesKeys = None,
    *,
    measure: Measure = "latency",
    name: Name = None,
    device: Device = None,
    branch: Branch = None,
    last: Last = None,
    height: Annotated[int, typer.Option(min=4, max=60, help="Lines of the plot.")] = 12,
    width: Annotated[
        int | None, typer.Option(min=30, max=400, help="Columns. Default: the terminal's.")
    ] = None,
    db: Database = None,
    json: Json = False,
) -> None:
    """Draw series in the terminal, each run with its interval, and lines where they changed."""
    from android_bench.history.asked import trends
    from android_bench.history.words import drawn_to_json
    from android_bench.terminal import console
    from android_bench.terminal.history import print_plot

    found = trends(
        db, measure=measure, name=name, device=device, branch=branch, last=last, keys=series or ()
    )
    if json:
        console.emit_json([drawn_to_json(trend) for trend in found])
        return
    for trend in found:
        print_plot(trend, width=width, height=height)


@history.command(epilog="Example: android-bench history changes --branch main --fail")
def changes(
    series: SeriesKeys = None,
    *,
    measure: Measure = "latency",
    name: Name = None,
    device: Device = None,
    branch: Branch = None,
    last: Last = None,
    fail: Annotated[
        bool, typer.Option("--fail", help="Exit 3 when the newest segment of a series is worse.")
    ] = False,
    recent: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="With --fail: only changes within the newest N runs."
        ),
    ] = None,
    db: Database = None,
    json: Json = False,
) -> None:
    """Say where series changed: between which commits, by how much, and whether it was the model."""
    from android_bench.errors import ExitCode
    from android_bench.history.asked import commits_of, trends
    from android_bench.history.words import trend_to_json
    from android_bench.terminal import console
    from android_bench.terminal.history import print_changes

    found = trends(
        db, measure=measure, name=name, device=device, branch=branch, last=last, keys=series or ()
    )
    if json:
        console.emit_json([trend_to_json(trend, commits_of(trend)) for trend in found])
    else:
        for trend in found:
            print_changes(trend, commits_of(trend))
    if fail and any(trend.regressed(recent=recent) for trend in found):
        raise typer.Exit(ExitCode.REGRESSED)


@app.command(epilog="Example: android-bench serve --port 8080")
def serve(
    *,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one and prints it.")
    ] = 0,
    host: Annotated[
        str, typer.Option(help="Where to listen. The default is for this computer only.")
    ] = "127.0.0.1",
    db: Database = None,
) -> None:
    """Show the history as a web page of this computer, until Ctrl-C. It can only be read."""
    from android_bench.history.web.server import serve_history

    serve_history(db, host=host, port=port)
