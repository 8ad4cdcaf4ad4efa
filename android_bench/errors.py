"""What can go wrong between a host, a device, a model and this tool.

::

    BenchError                        every expected error; exit code 1
    ├── UsageError                    the flags contradict each other or miss something; exit code 2
    ├── DeviceError                   the device's or the link's fault; exit code 5
    │   ├── DeviceNotFoundError       no such device
    │   ├── DeviceUnauthorizedError   the key was not accepted on the device's screen
    │   ├── DeviceOfflineError        it accepts the connection and says nothing, or hung up
    │   ├── DeviceTimeoutError        a call took longer than its bound
    │   ├── DeviceCommandError        a command needed for the work failed on the device (disk full)
    │   └── EmulatorError             no emulator, or none that boots (in android_bench.emulator.errors)
    ├── BinaryError                   benchmark_model: not found, not fetched, wrong ABI, changed
    ├── OutputError                   benchmark_model printed something this tool cannot read
    ├── NumericsError                 outputs that cannot be held against each other
    └── ResultError                   a results file is missing, foreign, newer or damaged

Each carries a ``hint`` (what to do next) and a ``fault`` (whose it is), which decides whether a
retry makes sense. ``exit_code`` is documented in the README.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, IntEnum


class Fault(str, Enum):
    """Whose fault an error is."""

    USER = "user"
    HOST = "host"
    DEVICE = "device"
    MODEL = "model"
    TOOL = "tool"


class ExitCode(IntEnum):
    """What the process returns; scripts and CI rely on these numbers."""

    OK = 0
    ERROR = 1
    USAGE = 2
    REGRESSED = 3
    INCONCLUSIVE = 4
    DEVICE = 5


class BenchError(Exception):
    """An expected error: one sentence of what is wrong and where, and a hint of what to do next."""

    exit_code = ExitCode.ERROR
    fault = Fault.USER

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(BenchError):
    """The command line asks for something that cannot be meant."""

    exit_code = ExitCode.USAGE


class DeviceError(BenchError):
    """The device or the link to it failed; the same call may work later."""

    exit_code = ExitCode.DEVICE
    fault = Fault.DEVICE


class DeviceNotFoundError(DeviceError):
    """No device answers to that name."""


class DeviceUnauthorizedError(DeviceError):
    """The device did not accept this machine's key."""


class DeviceOfflineError(DeviceError):
    """The device refused, dropped or ignored the connection."""


class DeviceTimeoutError(DeviceError):
    """A call to the device took longer than its bound."""


class DeviceCommandError(DeviceError):
    """A command that the work depends on failed on the device.

    Carries what is needed to see why without running it again.
    """

    def __init__(
        self,
        message: str,
        *,
        command: str | Sequence[str],
        exit_code: int,
        output: str,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.command = command
        self.command_exit_code = exit_code
        self.output = output


class BinaryError(BenchError):
    """No usable benchmark_model: not there, not fetched, for another ABI, or not the pinned one."""

    fault = Fault.HOST


class OutputError(BenchError):
    """benchmark_model printed something that cannot be read as a result."""

    fault = Fault.TOOL


class NumericsError(BenchError):
    """The outputs cannot be compared: what came back is not what the model declares."""

    fault = Fault.MODEL


class ResultError(BenchError):
    """A results file is missing, damaged, foreign, or written by a newer version."""
