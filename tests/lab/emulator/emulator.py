"""The stand-in ``emulator``: the real flags, console and texts; it boots the lab's virtual device.

By environment:

    LAB_EMULATOR_BOOT_S    how long Android takes to say that it has booted (0.3)
    LAB_EMULATOR_FAULT     one of
        never-boots        Android never says so
        no-package-manager Android says so, its package manager never comes
        crash              it dies while booting, by a signal, with words in its log
        dies-later         it boots, and dies when it has been up for a second
        no-kvm             the processor does not help, unless -accel off
        port-taken         another program is faster, the first time
        disk-full          no room for the data partition
        stuck              it answers no console, and ignores SIGTERM
        leaves-a-helper    it ends when told, and leaves a process of its group behind
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn

from tests.lab.emulator.console import ConsoleServer
from tests.lab.emulator.flags import Options, parse

HELPER = ("sleep", "86399")  # what leaves-a-helper leaves


def main() -> None:
    options = parse(sys.argv[1:])
    home = Path(os.environ.get("ANDROID_AVD_HOME") or Path(os.environ["HOME"]) / ".android" / "avd")
    if "list-avds" in options.flags:
        print("INFO    | Storing crashdata in: /tmp/android-lab/emu-crash.db, detection is enabled")
        for file in sorted(home.glob("*.ini")):
            print(file.stem)
        return
    fault = os.environ.get("LAB_EMULATOR_FAULT", "")
    print(
        "INFO         | Android emulator version 36.1.9.0 (build_id 13823996) (CL:N/A)", flush=True
    )
    name = options.last("avd", "")
    config = _config(home, name)
    _refuse(config, options, fault)
    lock = _hold(home / f"{name}.avd", options)
    console, adb = _ports(options, fault)
    with contextlib.closing(lock), console:
        _run(name, console, adb, options, fault)


def _run(name: str, console: socket.socket, adb_port: int, options: Options, fault: str) -> None:
    over = threading.Event()
    if fault == "stuck":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: over.set())
        ConsoleServer(console, name, over.set)
    if fault == "leaves-a-helper":
        subprocess.Popen(HELPER)
    if fault == "crash":
        time.sleep(0.3)
        print("ERROR        | the virtual machine met its end", flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    from tests.lab.device import VirtualDevice

    extra = dict(text.split("=", 1) for text in options.values.get("prop", []))
    device = VirtualDevice(tcp_port=adb_port, properties={**_properties(name), **extra})
    with device:
        device.set_package_manager(up=False)
        _tell_adb_server(adb_port)
        if fault != "never-boots" and not over.wait(
            float(os.environ.get("LAB_EMULATOR_BOOT_S", "0.3"))
        ):
            device.set_property("sys.boot_completed", "1")
            if fault != "no-package-manager":
                device.set_package_manager(up=True)
            print("INFO         | Boot completed in 300 ms", flush=True)
        if fault == "dies-later":
            time.sleep(1)
            _fatal("the virtual machine met its end later")
        over.wait()
    print("INFO         | Emulator ends in order", flush=True)


def _properties(name: str) -> dict[str, str]:
    """What tells an emulator from a phone, and that Android has not booted yet."""
    return {
        "ro.kernel.qemu": "1",
        "ro.boot.qemu": "1",
        "ro.boot.qemu.avd_name": name,
        "ro.hardware": "ranchu",
        "ro.product.manufacturer": "Google",
        "ro.product.model": "sdk_gphone64_x86_64",
        "sys.boot_completed": "",
    }


def _config(home: Path, name: str) -> dict[str, str]:
    if not (home / f"{name}.ini").is_file():
        print(f"ERROR        | Unknown AVD name [{name}], use -list-avds to see valid list.")
        _fatal(f"HOME is defined but there is no file {name}.ini in $HOME/.android/avd")
    lines = (home / f"{name}.avd" / "config.ini").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def _refuse(config: dict[str, str], options: Options, fault: str) -> None:
    """What the real one refuses before it starts a virtual machine."""
    abi = config["abi.type"]
    machine = platform.machine()
    wanted = {"x86_64": "x86_64", "x86": "x86_64", "arm64-v8a": "aarch64"}.get(abi)
    if wanted != machine:
        _fatal(
            f"Avd's CPU Architecture '{abi.split('-')[0]}' is not supported by the QEMU2 emulator on "
            f"{machine} host. System image must match the host architecture."
        )
    image = Path(os.environ["ANDROID_SDK_ROOT"]) / config["image.sysdir.1"]
    if not image.is_dir():
        _fatal("Broken AVD system path. Check your ANDROID_SDK_ROOT value [lab]!")
    accel = options.last("accel", "auto")
    if accel not in {"on", "off", "auto"}:
        _fatal(f"Invalid '-accel {accel}' parameter, valid values are: on off auto")
    if fault == "no-kvm" and accel != "off" and "no-accel" not in options.flags:
        _fatal(
            f"{abi} emulation currently requires hardware acceleration!\n"
            "Please ensure KVM is properly installed and usable.\n"
            "CPU acceleration status: KVM is not installed on this machine (/dev/kvm is missing)."
        )
    if fault == "disk-full":
        _fatal(
            "Not enough space to create userdata partition. Available: 2066.355469 MB at "
            f"{os.environ['ANDROID_AVD_HOME']}, need 7372.800000 MB."
        )


def _hold(folder: Path, options: Options) -> contextlib.AbstractContextManager[None]:
    """The virtual device's lock: all may read, or one may write."""
    file = (folder / "multiinstance.lock").open("w")
    kind = fcntl.LOCK_SH if "read-only" in options.flags else fcntl.LOCK_EX
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except OSError:
        _fatal(
            "Running multiple emulators with the same AVD is an experimental feature.\n"
            "Please use -read-only flag to enable this feature."
        )
    return file


def _ports(options: Options, fault: str) -> tuple[socket.socket, int]:
    port = int(options.last("port", "5554"))
    adb = faster = None
    if fault == "port-taken" and not Path(os.environ["HOME"], "was-taken").exists():
        Path(os.environ["HOME"], "was-taken").touch()
        faster = socket.create_server(("127.0.0.1", port))
    try:
        adb = socket.create_server(("127.0.0.1", port + 1))
        return socket.create_server(("127.0.0.1", port)), port + 1
    except OSError:
        _fatal("It seems too many emulator instances are running on this machine. Aborting.")
    finally:
        for taken in (adb, faster):
            if taken is not None:
                taken.close()


def _tell_adb_server(adb_port: int) -> None:
    """Tell a running adb server of itself, as android_adb_server_notify does (android-base/adb-server.cpp)."""
    server = ("127.0.0.1", int(os.environ.get("ANDROID_ADB_SERVER_PORT", "5037")))
    service = f"host:emulator:{adb_port}"
    with contextlib.suppress(OSError), socket.create_connection(server, timeout=1) as peer:
        peer.sendall(f"{len(service):04x}{service}".encode())


def _fatal(text: str) -> NoReturn:
    print(f"FATAL        | {text}", flush=True)
    raise SystemExit(1)


if __name__ == "__main__":
    main()
