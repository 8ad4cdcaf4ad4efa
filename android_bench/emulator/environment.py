"""How emulators are started that a session's device names: by a variable, as no flag of ``run`` is.

``ANDROID_BENCH_EMULATOR="--accel off --boot-timeout 20m"`` holds options of ``emulator start``.
"""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from android_bench.emulator.boot import Bounds, Tell
from android_bench.emulator.flags import Acceleration, StartOptions, extra_words
from android_bench.emulator.launch import Order
from android_bench.errors import UsageError
from android_bench.quantities import seconds

VARIABLE = "ANDROID_BENCH_EMULATOR"


class _Parser(argparse.ArgumentParser):
    """Raises instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        """Say which variable is wrong."""
        raise UsageError(
            f"{VARIABLE} cannot be read: {message}.", hint="android-bench emulator start --help"
        )


def order_from_environment(
    *, tell: Tell, cancelled: Callable[[], bool], environ: Mapping[str, str] | None = None
) -> Order:
    """What the variable says, or the defaults.

    Raises:
        UsageError: it says something else than options of ``emulator start``.
    """
    text = (os.environ if environ is None else environ).get(VARIABLE, "")
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(
            f"{VARIABLE} cannot be read: {error}.", hint="android-bench emulator start --help"
        ) from error
    given = _parser().parse_args(words)
    standard = Bounds()
    return Order(
        options=StartOptions(
            snapshot=given.snapshot,
            read_only=given.read_only,
            accel=Acceleration(given.accel),
            memory_mib=given.memory,
            cores=given.cores,
            properties=tuple(given.prop),
            extra=extra_words(given.extra_flag),
        ),
        bounds=Bounds(
            boot_s=_seconds(given, "boot_timeout") or standard.boot_s,
            quiet_for_s=given.quiet_for,
            quiet_wait_s=_seconds(given, "quiet_wait") or standard.quiet_wait_s,
        ),
        tell=tell,
        cancelled=cancelled,
    )


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=VARIABLE, add_help=False, allow_abbrev=False)
    parser.add_argument("--snapshot")
    parser.add_argument("--read-only", action="store_true")
    parser.add_argument("--accel", choices=[one.value for one in Acceleration], default="auto")
    parser.add_argument("--memory", type=int)
    parser.add_argument("--cores", type=int)
    parser.add_argument("--prop", action="append", default=[])
    parser.add_argument("--extra-flag", action="append", default=[])
    parser.add_argument("--boot-timeout")
    parser.add_argument("--quiet-for", type=int, default=int(Bounds().quiet_for_s))
    parser.add_argument("--quiet-wait")
    return parser


def _seconds(given: Any, name: str) -> float | None:
    return seconds(getattr(given, name), flag=f"{VARIABLE} --{name.replace('_', '-')}")
