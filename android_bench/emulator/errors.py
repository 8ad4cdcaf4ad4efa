"""What keeps an emulator from running: always this machine's fault, never the model's."""

from __future__ import annotations

from android_bench.errors import DeviceError, Fault


class EmulatorError(DeviceError):
    """No emulator, or none that can be used; the hint is the command for it. Exit code 5."""

    fault = Fault.HOST
