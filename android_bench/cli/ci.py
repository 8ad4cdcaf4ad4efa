"""Regression tests in CI: init, check, ci."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from android_bench.cli.app import app
from android_bench.cli.options import Json
from android_bench.cli.run_options import Binary, Devices

ProjectPath = Annotated[
    Path | None,
    typer.Option(
        "--project",
        "-p",
        metavar="FILE",
        help="Default: android-bench.toml here or in a folder above.",
    ),
]


@app.command(epilog="Example: cd my-model && android-bench init")
def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Where the file goes.")
    ] = Path(),
    *,
    device: Devices = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a project file with comments, after a look at what is there."""
    from android_bench.ci.project import PROJECT_FILE
    from android_bench.ci.starter import look_around, project_text
    from android_bench.errors import UsageError
    from android_bench.terminal import console
    from optimizer.files import write_atomic

    path = folder / PROJECT_FILE
    if path.exists() and not force:
        raise UsageError(f"{path} is there already.", hint="android-bench init --force")
    seen = look_around(folder)
    write_atomic(path, project_text(seen, devices=device or ["host"]).encode())
    if not seen.models:
        console.say("No model was found: name yours in the file.")
    console.say("Check it: android-bench check")
    print(path)


@app.command(epilog="Example: android-bench check")
def check(
    project: ProjectPath = None,
    *,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the file's JSON schema, for editors.")
    ] = False,
    json: Json = False,
) -> None:
    """Validate the project file and say what it amounts to; nothing is built or measured."""
    from android_bench.ci.checked import checked_project
    from android_bench.ci.project import json_schema
    from android_bench.ci.project_file import find_project, read_project
    from android_bench.terminal import console

    if schema:
        console.emit_json(json_schema())
        return
    found = checked_project(read_project(find_project(project)))
    if json:
        console.emit_json(found.to_json())
    else:
        for line in found.lines():
            console.out.print(console.harmless(line), markup=False, soft_wrap=True)


@app.command(
    epilog="Example: android-bench ci --baseline git:main --junit junit.xml",
)
def ci(
    *,
    project: ProjectPath = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="KIND:WHAT",
            help="git:REVISION, tag:NAME, history:BRANCH or results:FOLDER; goes before the file's.",
        ),
    ] = None,
    device: Devices = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="The HTML page. Default: in the output folder.")
    ] = None,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML.")] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", help="Write the summary for a pull request.")
    ] = None,
    metrics: Annotated[
        Path | None, typer.Option("--metrics", help="Write OpenMetrics, for GitLab.")
    ] = None,
    record: Annotated[
        bool | None,
        typer.Option("--record/--no-record", help="Add the runs to the history, or do not."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with what was interrupted.")
    ] = False,
    benchmark_binary: Binary = None,
    json: Json = False,
) -> None:
    """Build what changed, measure it beside its baseline, and judge: exit 0 passed, 3 regressed."""
    import os
    import sys

    from android_bench.ci.baseline import overridden
    from android_bench.ci.outputs import failures_told, write_outputs
    from android_bench.ci.page import write_page
    from android_bench.ci.project_file import find_project, read_project
    from android_bench.ci.road import CiOrder, run_ci
    from android_bench.cli.ci_build import builder
    from android_bench.errors import ExitCode
    from android_bench.measuring.matrix import Wishes
    from android_bench.terminal import console, gates

    stream = sys.stderr if json else sys.stdout
    with failures_told(
        environment=os.environ,
        junit=junit,
        markdown=markdown,
        stream=stream,
        complain=console.say,
    ):
        order = CiOrder(
            project=overridden(read_project(find_project(project)), baseline),
            wishes=Wishes(devices=tuple(device) if device else None),
            resume=resume,
            binary=benchmark_binary,
            record=record,
        )
        with console.run_progress() as progress:
            outcome = run_ci(order, build=builder(progress.told), observer=progress)
        unwritten: tuple[str, ...] = ()
        try:
            outcome = write_page(outcome, order.project, path=report)
        except OSError as error:  # the verdict took an hour and is told all the same
            unwritten = (f"The page cannot be written: {error}",)
    if json:
        console.emit_json(gates.outcome_to_json(outcome))
    else:
        gates.print_outcome(outcome)
    problems = unwritten + write_outputs(
        outcome,
        environment=os.environ,
        junit=junit,
        markdown=markdown,
        metrics=metrics,
        stream=stream,
    )
    for problem in problems:
        console.complain(problem, None)
    raise typer.Exit(outcome.exit_code or (ExitCode.ERROR if problems else ExitCode.OK))
