"""Options of the commands that start an emulator, and what they come to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from android_bench.emulator.flags import Acceleration, StartOptions

if TYPE_CHECKING:
    from android_bench.emulator.launch import Order

Snapshot = Annotated[
    str | None,
    typer.Option(
        "--snapshot",
        metavar="NAME",
        help="Go on from a saved state. Default: boot cold, each time alike.",
    ),
]
ReadOnly = Annotated[
    bool,
    typer.Option(
        "--read-only", help="Share the virtual device with others; what is written is dropped."
    ),
]
Accel = Annotated[
    Acceleration,
    typer.Option("--accel", help="Use the processor's virtualisation (KVM, Apple's framework)."),
]
Memory = Annotated[
    int | None, typer.Option("--memory", metavar="MIB", help="Memory of the virtual machine.")
]
EmulatorCores = Annotated[
    int | None, typer.Option("--cores", metavar="N", help="Processor cores of the virtual machine.")
]
Port = Annotated[
    int | None,
    typer.Option("--port", metavar="PORT", help="The console's port. Default: a free pair."),
]
Properties = Annotated[
    list[str] | None,
    typer.Option(
        "--prop", metavar="NAME=VALUE", help="A system property set at boot (repeatable)."
    ),
]
ExtraFlags = Annotated[
    list[str] | None,
    typer.Option(
        "--extra-flag",
        metavar="WORDS",
        help="Words for the emulator's own command line, as '-camera-back none' (repeatable).",
    ),
]
BootTimeout = Annotated[
    str,
    typer.Option("--boot-timeout", metavar="TIME", help="How long a boot may take, as 10m."),
]
Quiet = Annotated[
    int,
    typer.Option(
        "--quiet-for",
        metavar="SECONDS",
        min=0,
        help="Seconds in a row of a quiet processor; 0: do not wait.",
    ),
]
QuietWait = Annotated[
    str,
    typer.Option(
        "--quiet-wait", metavar="TIME", help="How long to wait for a quiet processor at most."
    ),
]
LogFile = Annotated[
    Path | None,
    typer.Option("--log", metavar="FILE", help="Where what the emulator prints goes."),
]


def start_order(
    *,
    options: StartOptions,
    boot_timeout: str,
    quiet_for_s: int,
    quiet_wait: str,
    log: Path | None,
) -> Order:
    """What the options of a command come to.

    Raises:
        UsageError: a time is none.
    """
    from android_bench.emulator.boot import Bounds
    from android_bench.emulator.launch import Order
    from android_bench.quantities import seconds
    from android_bench.terminal import console

    return Order(
        options=options,
        bounds=Bounds(
            boot_s=seconds(boot_timeout, flag="--boot-timeout") or 0,
            quiet_for_s=quiet_for_s,
            quiet_wait_s=seconds(quiet_wait, flag="--quiet-wait") or 0,
        ),
        log=log,
        tell=console.say,
    )
