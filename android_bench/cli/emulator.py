"""Commands around Android's emulator: emulator list, create, start, stop, run."""

from __future__ import annotations

from typing import Annotated

import typer

from android_bench.cli.app import app
from android_bench.cli.emulator_options import (
    Accel,
    BootTimeout,
    EmulatorCores,
    ExtraFlags,
    LogFile,
    Memory,
    Port,
    Properties,
    Quiet,
    QuietWait,
    ReadOnly,
    Snapshot,
    start_order,
)
from android_bench.cli.options import Json
from android_bench.emulator.flags import Acceleration, StartOptions, extra_words

emulator = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Find, create, start and end Android's emulator, without a window.",
)
app.add_typer(emulator, name="emulator")


@emulator.command("list", epilog="Example: android-bench emulator list --json")
def list_devices(*, json: Json = False) -> None:
    """List the virtual devices of this machine, and the emulators that run."""
    from dataclasses import asdict

    from android_bench.emulator.view import overview
    from android_bench.terminal import console

    rows = overview()
    if json:
        console.emit_json([asdict(row) for row in rows])
    elif rows:
        console.listing(
            ("virtual device", "API", "ABI", "runs as", "to know"),
            [
                (row.avd, row.api or "?", row.abi or "?", row.serial or "", row.note or "")
                for row in rows
            ],
        )
    else:
        console.say("There is no virtual device: android-bench emulator create NAME --api 34")


@emulator.command(epilog="Example: android-bench emulator create ci --api 34 --disk 2048")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new virtual device.")],
    *,
    api: Annotated[str, typer.Option("--api", metavar="LEVEL", help="Android's API level, as 34.")],
    abi: Annotated[
        str | None,
        typer.Option("--abi", metavar="ABI", help="x86_64 or arm64-v8a. Default: this machine's."),
    ] = None,
    tag: Annotated[
        str | None,
        typer.Option(
            "--tag",
            metavar="TAG",
            help="The image's kind: aosp_atd, default, google_apis, ... Default: the lightest installed.",
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option("--device", metavar="PROFILE", help="A profile of avdmanager, as pixel_6."),
    ] = None,
    disk: Annotated[
        int | None,
        typer.Option(
            "--disk",
            metavar="MIB",
            help="The data partition. Default: the image's, 6 GiB and more.",
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a virtual device and all on it.")
    ] = False,
) -> None:
    """Make a virtual device from a system image that is installed."""
    from android_bench.emulator.create import NewAvd, create_avd
    from android_bench.emulator.machine import runnable_abis
    from android_bench.emulator.sdk import find_sdk
    from android_bench.terminal import console

    wanted = NewAvd(
        name=name,
        api=api,
        abi=abi or next(iter(runnable_abis()), "x86_64"),
        tag=tag,
        device=device,
        disk_mib=disk,
        replace=replace,
    )
    made = create_avd(find_sdk(), wanted)
    console.say(f"Created {made.name} from {made.image}.")


@emulator.command(
    epilog="Example: android-bench emulator start ci && android-bench run m.tflite -d emulator:ci"
)
def start(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Virtual devices. Default: the only one."),
    ] = None,
    *,
    snapshot: Snapshot = None,
    read_only: ReadOnly = False,
    accel: Accel = Acceleration.AUTO,
    memory: Memory = None,
    cores: EmulatorCores = None,
    port: Port = None,
    prop: Properties = None,
    extra_flag: ExtraFlags = None,
    boot_timeout: BootTimeout = "10m",
    quiet_for: Quiet = 5,
    quiet_wait: QuietWait = "2m",
    log: LogFile = None,
    json: Json = False,
) -> None:
    """Start emulators, wait until they can be measured on, and leave them running."""
    from dataclasses import asdict

    from android_bench.emulator.session import start_kept
    from android_bench.emulator.view import chosen
    from android_bench.terminal import console

    order = start_order(
        options=StartOptions(
            snapshot=snapshot,
            read_only=read_only,
            accel=accel,
            memory_mib=memory,
            cores=cores,
            port=port,
            properties=tuple(prop or ()),
            extra=extra_words(extra_flag or ()),
        ),
        boot_timeout=boot_timeout,
        quiet_for_s=quiet_for,
        quiet_wait=quiet_wait,
        log=log,
    )
    running = start_kept(chosen(names), order)
    if json:
        console.emit_json([{**asdict(one), "log": str(one.log)} for one in running])
    else:
        console.listing(
            ("device", "virtual device", "log"),
            [(one.serial, one.avd, str(one.log)) for one in running],
        )


@emulator.command(epilog="Example: android-bench emulator stop ci")
def stop(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Virtual devices, serials or console ports."),
    ] = None,
    *,
    all_: Annotated[
        bool, typer.Option("--all", help="All that android-bench emulator start started.")
    ] = False,
) -> None:
    """End emulators that `emulator start` started; never somebody else's."""
    from android_bench.emulator.notes import stop as stop_one
    from android_bench.emulator.view import to_stop
    from android_bench.terminal import console

    found = to_stop(names or (), everything=all_)
    for note in found:
        stop_one(note)
        console.say(f"Ended {note.serial} ({note.avd}).")
    if not found:
        console.say("No emulator of android-bench runs.")


@emulator.command(
    "run",
    context_settings={"allow_interspersed_args": False},
    epilog="Example: android-bench emulator run --avd ci -- android-bench run m.tflite -o results/",
)
def run_command(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="COMMAND", help="What to run, after --.")
    ] = None,
    *,
    avd: Annotated[
        list[str] | None,
        typer.Option(
            "--avd", metavar="NAME", help="The virtual device (repeatable). Default: the only one."
        ),
    ] = None,
    snapshot: Snapshot = None,
    read_only: ReadOnly = False,
    accel: Accel = Acceleration.AUTO,
    memory: Memory = None,
    cores: EmulatorCores = None,
    port: Port = None,
    prop: Properties = None,
    extra_flag: ExtraFlags = None,
    boot_timeout: BootTimeout = "10m",
    quiet_for: Quiet = 5,
    quiet_wait: QuietWait = "2m",
    log: LogFile = None,
) -> None:
    """Start an emulator, run a command with ANDROID_SERIAL set to it, end it; exit as the command did."""
    from android_bench.emulator.command import refuse_missing, run_beside
    from android_bench.emulator.session import started_emulators
    from android_bench.emulator.view import chosen

    refuse_missing(command or ())
    order = start_order(
        options=StartOptions(
            snapshot=snapshot,
            read_only=read_only,
            accel=accel,
            memory_mib=memory,
            cores=cores,
            port=port,
            properties=tuple(prop or ()),
            extra=extra_words(extra_flag or ()),
        ),
        boot_timeout=boot_timeout,
        quiet_for_s=quiet_for,
        quiet_wait=quiet_wait,
        log=log,
    )
    with started_emulators(chosen(avd), order) as running:
        code = run_beside(command or (), running)
    raise typer.Exit(code)
