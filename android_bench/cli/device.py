"""Commands that put a device back: restore, clean."""

from __future__ import annotations

from contextlib import closing

from android_bench.cli.app import app
from android_bench.cli.options import Device


@app.command(epilog="Example: android-bench restore --device 192.168.1.7:5555")
def restore(*, device: Device = None) -> None:
    """Put back the settings of a device that an interrupted run left changed."""
    from android_bench.device import Device as OpenDevice
    from android_bench.device.settings import restore_settings
    from android_bench.terminal import console
    from android_bench.transport.discovery import open_transport

    with closing(open_transport(device)) as transport:
        restored = restore_settings(OpenDevice(transport))
        told = f"Restored on {transport.serial}: {', '.join(restored)}."
        console.say(told if restored else f"{transport.serial} holds no changed settings.")


@app.command(epilog="Example: android-bench clean --device 192.168.1.7:5555")
def clean(*, device: Device = None) -> None:
    """Remove all that this tool put on a device; settings are restored first."""
    from android_bench import formatting
    from android_bench.device import Device as OpenDevice
    from android_bench.device.settings import restore_settings
    from android_bench.device.workspace import Workspace
    from android_bench.terminal import console
    from android_bench.transport.discovery import open_transport

    with closing(open_transport(device)) as transport:
        opened = OpenDevice(transport)
        restored = restore_settings(opened)
        freed = Workspace(opened).clean()
        if restored:
            console.say(f"Restored on {transport.serial}: {', '.join(restored)}.")
        told = f"Removed from {transport.serial}: freed {formatting.memory(freed)}."
        console.say(f"Nothing of this tool is on {transport.serial}." if freed is None else told)
