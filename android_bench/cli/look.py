"""Commands that only look: devices, inspect, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from android_bench.cli.app import app
from android_bench.cli.options import Json


@app.command(epilog="Example: android-bench devices --json")
def devices(*, json: Json = False) -> None:
    """List what can be measured on: devices of the adb server, USB devices, this computer."""
    from dataclasses import asdict

    from android_bench.terminal import console
    from android_bench.transport.discovery import list_devices

    found = list_devices()
    if json:
        console.emit_json([asdict(item) for item in found])
        return
    rows = [(item.serial, item.transport, item.state, item.detail or "") for item in found]
    console.listing(("device", "transport", "state", "what it is"), rows)


@app.command(epilog="Example: android-bench inspect model.int8.tflite")
def inspect(
    model: Annotated[Path, typer.Argument(metavar="MODEL.tflite", help="The file to look into.")],
    *,
    json: Json = False,
) -> None:
    """Show what a .tflite file holds: inputs, outputs, operators, sizes, sparsity, metadata."""
    from android_bench.terminal import console
    from android_bench.terminal.artifacts import print_inspection, to_json
    from optimizer.artifact import read_manifest
    from optimizer.tflite_file import inspect as look_into

    found = look_into(model)
    artifact = read_manifest(model)
    if json:
        console.emit_json({**to_json(found), "manifest": artifact and to_json(artifact)})
    else:
        print_inspection(found, artifact)


@app.command(epilog="Example: android-bench doctor")
def doctor(*, json: Json = False) -> None:
    """Say what is installed, what is missing, and what to type next."""
    from dataclasses import asdict

    from android_bench.doctor import State, examine
    from android_bench.terminal import console

    checks = examine()
    if json:
        console.emit_json([asdict(item) for item in checks])
    else:
        console.print_checks(checks)
    if any(item.state is State.MISSING for item in checks):
        raise typer.Exit(1)
