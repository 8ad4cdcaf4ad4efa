"""How an emulator is started: options in, words of its command line out. Pure functions.

The names are those of AOSP's external/qemu, android/cmdline-options.h; what they do is told at
https://developer.android.com/studio/run/emulator-commandline.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from android_bench.errors import UsageError

# No window, no sound, no animation, graphics without a GPU, nothing saved at the end: what
# reactivecircus/android-emulator-runner gives as well.
_HEADLESS = (
    "-no-window",
    "-no-audio",
    "-no-boot-anim",
    "-gpu",
    "swiftshader_indirect",
    "-no-snapshot-save",
)
_PROPERTY = re.compile(r"[A-Za-z0-9_.:\-]+=\S*")
_OURS = frozenset({"-avd", "-port", "-ports"})


class Acceleration(str, Enum):
    """Whether the processor's virtualisation is used; without it an emulator is ten times slower."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartOptions:
    """How to start an emulator.

    Without ``snapshot`` it boots cold: what an earlier run left in memory is no part of a measurement.
    ``read_only`` lets several run on one virtual device and throws away what they write. ``memory_mib``
    and ``cores`` are the virtual machine's; ``None`` leaves them to the virtual device. ``extra`` are
    words for its command line as they are.
    """

    snapshot: str | None = None
    read_only: bool = False
    accel: Acceleration = Acceleration.AUTO
    memory_mib: int | None = None
    cores: int | None = None
    port: int | None = None
    properties: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for text in self.properties:
            if not _PROPERTY.fullmatch(text):
                raise UsageError(
                    f"{text!r} is no property.", hint="--prop NAME=VALUE, as qemu.hw.mainkeys=0"
                )
        if self.memory_mib is not None and self.memory_mib <= 0:
            raise UsageError(f"{self.memory_mib} MiB is no memory.", hint="--memory 4096")
        if self.cores is not None and self.cores <= 0:
            raise UsageError(f"{self.cores} is no number of cores.", hint="--cores 2")
        ours = next((word for word in self.extra if word in _OURS), None)
        if ours is not None:
            raise UsageError(
                f"{ours} is given by this tool.", hint="--port PORT chooses the ports."
            )


def start_argv(program: Path, avd: str, port: int, options: StartOptions) -> tuple[str, ...]:
    """The command line of an emulator of ``avd`` whose console is on ``port``."""
    words = [str(program), "-avd", avd, "-port", str(port), *_HEADLESS]
    words += ["-no-snapshot-load"] if options.snapshot is None else ["-snapshot", options.snapshot]
    if options.read_only:
        words.append("-read-only")
    words += ["-accel", options.accel.value]
    if options.memory_mib is not None:
        words += ["-memory", str(options.memory_mib)]
    if options.cores is not None:
        words += ["-cores", str(options.cores)]
    for text in options.properties:
        words += ["-prop", text]
    return (*words, *options.extra)


def extra_words(texts: Iterable[str]) -> tuple[str, ...]:
    """Words for the emulator's command line as a shell would split them.

    Raises:
        UsageError: a quote is not closed.
    """
    return tuple(word for text in texts for word in _split(text))


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(
            f"--extra-flag {text!r} cannot be split into words: {error}.",
            hint="--extra-flag '-camera-back none'",
        ) from error
