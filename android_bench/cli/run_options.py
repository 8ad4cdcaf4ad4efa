"""The options of ``android-bench run``. ``None`` is not said: a matrix file or a default decides."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from android_bench.config import DelegateKind

if TYPE_CHECKING:
    from android_bench.results import BinaryFlavor


def _binary(text: str) -> Path | BinaryFlavor:
    """A publisher's word or a file. The records' module is not loaded for ``--help``."""
    from android_bench.results import BinaryFlavor

    words = {BinaryFlavor.CLASSIC.value, BinaryFlavor.LITERT.value}
    return BinaryFlavor(text) if text in words else Path(text)


Devices = Annotated[
    list[str] | None,
    typer.Option(
        "--device",
        "-d",
        metavar="DEVICE",
        help="host (this computer), a serial number, HOST:PORT, usb, server:SERIAL, model:NAME, abi:ABI "
        "or emulator:AVD; repeat for "
        "several at once. Default: the only device connected.",
    ),
]
Matrix = Annotated[
    Path | None,
    typer.Option(
        "--matrix",
        metavar="FILE.toml",
        help="Models, devices and all options in a file; flags win over it.",
    ),
]
Threads = Annotated[
    str | None,
    typer.Option(metavar="N[,N...]", help="CPU threads to try. Default: 1."),
]
Delegates = Annotated[
    list[DelegateKind] | None,
    typer.Option(help="Who executes the graph; repeat for several."),
]
ExternalDelegate = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="The library that 'external' stands for: a file here, or a path on the device.",
    ),
]
ExternalOptions = Annotated[
    str | None,
    typer.Option(
        "--external-delegate-options", metavar="A:B;C:D", help="What the library is told."
    ),
]
Cores = Annotated[
    str | None,
    typer.Option(
        metavar="WORD|MASK[,...]",
        help="Cores to run on: big, little, prime, a mask (f0); several to try each.",
    ),
]
Invocations = Annotated[
    int | None,
    typer.Option(min=1, help="Processes a run: the samples. Default: 20."),
]
Precision = Annotated[
    str | None,
    typer.Option(
        metavar="PERCENT",
        help="Go on until the interval of every median is this narrow on either side.",
    ),
]
MaxInvocations = Annotated[
    int | None,
    typer.Option(min=1, help="The most that a precision gets. Default: 60."),
]
Budget = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="The time after which a precision gets no more: 10m."),
]
NumRuns = Annotated[
    int | None,
    typer.Option(min=1, help="Inferences an invocation, at least. Default: 50."),
]
MinSecs = Annotated[
    float | None,
    typer.Option("--min-secs", min=0, help="Seconds measured an invocation, at least. Default: 1."),
]
MaxSecs = Annotated[
    float | None,
    typer.Option(
        "--max-secs", min=0.001, help="Seconds after which an invocation stops. Default: 150."
    ),
]
WarmupSecs = Annotated[
    float | None,
    typer.Option("--warmup-secs", min=0, help="Seconds of warm-up, at least. Default: 0.5."),
]
Memory = Annotated[
    bool | None,
    typer.Option(
        "--memory/--no-memory",
        help="Measure memory in an invocation of its own. Default: yes.",
        show_default=False,
    ),
]
Profile = Annotated[
    bool | None,
    typer.Option(
        "--profile/--no-profile",
        help="Time each operator in an invocation of its own.",
        show_default=False,
    ),
]
Startup = Annotated[
    int | None,
    typer.Option(
        min=0,
        metavar="N",
        help="Rounds of start-ups: without a cache, with an empty one, with a filled one.",
    ),
]
Numerics = Annotated[
    str | None,
    typer.Option(
        metavar="FILE.npz|random",
        help="Feed these samples on the device and compare the outputs with LiteRT's here.",
    ),
]
NumericsSamples = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="How many. Default: 8."),
]
WaitCool = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Before each invocation wait for a cool and quiet device, this long at most.",
    ),
]
StayAwake = Annotated[
    bool,
    typer.Option("--stay-awake", help="Keep the screen on while it is measured."),
]
Brightness = Annotated[
    int | None,
    typer.Option(
        min=0, max=255, metavar="0..255", help="Set the screen's brightness while it is measured."
    ),
]
Airplane = Annotated[
    bool,
    typer.Option("--airplane", help="Turn radios off while it is measured."),
]
Governor = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Set the CPU governor while it is measured (needs root): performance."
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout", min=0.1, help="Seconds after which an invocation is ended as hanging."
    ),
]
Patience = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="How long a device that went away may take to come back. Default: 60s.",
    ),
]
ExtraFlags = Annotated[
    list[str] | None,
    typer.Option(
        metavar="--NAME=VALUE", help="Hand this on to benchmark_model; repeat for several."
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume", help="Go on with what the same command left unfinished in the output folder."
    ),
]
Binary = Annotated[
    Path | None,
    typer.Option(
        "--benchmark-binary",
        metavar="FILE|classic|litert",
        parser=_binary,
        help="Your own benchmark_model, or whose is fetched. Default: classic, pinned.",
    ),
]
