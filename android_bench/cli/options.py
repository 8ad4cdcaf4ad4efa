"""Options that several commands share, so that one flag means one thing everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]

Device = Annotated[
    str | None,
    typer.Option(
        "--device",
        "-d",
        metavar="DEVICE",
        help="host (this computer), a serial number, HOST:PORT, usb, or server:SERIAL. "
        "Default: the only device connected.",
    ),
]

BenchmarkBinary = Annotated[
    Path | None,
    typer.Option(
        "--benchmark-binary",
        metavar="FILE",
        help="Your own benchmark_model. Default: the publisher's for the device's ABI, pinned.",
    ),
]
