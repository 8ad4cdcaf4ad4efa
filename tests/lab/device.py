"""A virtual Android device made of real parts: the real adbd and the real benchmark_model.

What Android has and Debian lacks (getprop, dumpsys, settings) is answered by small scripts
(tests/lab/android) from a state folder, which tests may change while the device runs; its /sys is a fake
(tests/lab/clocks.py). Several devices can run at once; each has its own port on loopback, its own
/data/local/tmp and its own state. Nothing of it outlives the process that started it.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from tests.lab.build import is_complete, lab_root
from tests.lab.clocks import Clocks, Cluster, clusters_of_this_machine

_ANSWER_S = 30  # more than the bridge takes for anything
_ABI = {"x86_64": "x86_64", "aarch64": "arm64-v8a"}
_PROPERTIES = {
    "ro.product.manufacturer": "Debian",
    "ro.product.model": "Virtual Device",
    "ro.product.device": "lab",
    "ro.soc.manufacturer": "Lab",
    "ro.soc.model": "VD-1",
    "ro.hardware": "lab",
    "ro.board.platform": "lab",
    "ro.build.version.release": "15",
    "ro.build.version.sdk": "35",
    "ro.build.type": "userdebug",
    "ro.build.fingerprint": "debian/lab/lab:15/LAB.0/1:userdebug/test-keys",
    "sys.boot_completed": "1",
}


class Lab:
    """The built lab on this machine."""

    def __init__(self) -> None:
        self.root = lab_root()

    @property
    def benchmark_binary(self) -> Path:
        """The real Classic benchmark_model (2.14), as a file of this machine; it runs on the device."""
        return self.root / "lab" / "bin" / "benchmark_model"

    def missing_reason(self) -> str | None:
        """Why the lab cannot be used, with what to type; ``None`` when it can."""
        if sys.platform != "linux" or os.geteuid() != 0:
            return "the lab's devices need Linux and root (namespaces and mounts)"
        if not is_complete(self.root):
            return "the lab is not built: make lab"
        return None


@dataclass
class VirtualDevice:
    """One device; a context manager.

    ``data_size_mib`` makes /data/local/tmp a disk that can be full. ``clusters`` are the cores that its /sys
    tells of, as (cores, highest kHz, capacity); by default this machine's, the first half of them slower.
    ``android_shell`` gives it mksh and toybox, which Android has, for dash and GNU's tools.
    ``tcp_port`` is where it answers on loopback; 0 takes a free one.
    """

    lab: Lab = field(default_factory=Lab)
    data_size_mib: int = 0
    clusters: tuple[Cluster, ...] = field(default_factory=clusters_of_this_machine)
    android_shell: bool = False
    properties: dict[str, str] = field(default_factory=dict)
    tcp_port: int = 0
    _process: subprocess.Popen[str] | None = field(default=None, init=False, repr=False)

    def __enter__(self) -> VirtualDevice:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Boot: returns when adbd has answered. A boot that fails leaves nothing."""
        self._folder = tempfile.TemporaryDirectory(prefix="android-bench-device-")
        try:
            self._boot(Path(self._folder.name))
        except BaseException:
            self.stop()
            raise

    def _boot(self, base: Path) -> None:
        self.data_dir = base / "data"
        self.state_dir = base / "state"
        for folder in (self.data_dir, self.state_dir):
            folder.mkdir(mode=0o777)
        self.clocks = Clocks(base / "sys", self.clusters)
        listener = socket.create_server(("127.0.0.1", self.tcp_port), backlog=16)
        self.port: int = listener.getsockname()[1]
        abi = _ABI.get(os.uname().machine, os.uname().machine)
        self._properties = {
            **_PROPERTIES,
            "ro.serialno": f"LAB{self.port}",
            "ro.product.cpu.abi": abi,
            "ro.product.cpu.abilist": abi,
            **self.properties,
        }
        self._write_properties()
        self.log = base / "log"
        namespaces = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"]
        order = {
            "root": str(self.lab.root),
            "data": str(self.data_dir),
            "data_size_mib": self.data_size_mib,
            "state": str(self.state_dir),
            "sys": str(self.clocks.root),
            "android_shell": self.android_shell,
            "listener": listener.fileno(),
        }
        bridge = str(Path(__file__).parent / "bridge.py")
        with self.log.open("wb") as log, listener:
            self._process = subprocess.Popen(
                [
                    *namespaces,
                    *("--propagation", "private", sys.executable, bridge, json.dumps(order)),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                pass_fds=[listener.fileno()],
            )
        self._expect("ready")

    def stop(self) -> None:
        """End everything on the device; only its process id is touched. A second time does nothing."""
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            assert process.stdout is not None
            with suppress(BrokenPipeError):  # it ended by itself
                process.stdin.close()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()  # --kill-child takes the device along
                process.wait()
            process.stdout.close()
        self._folder.cleanup()

    @property
    def serial(self) -> str:
        """How the device is addressed over TCP."""
        return f"127.0.0.1:{self.port}"

    def kill_adbd(self) -> None:
        """Kill the daemon: connections break and new ones are closed at once."""
        self._order("kill")

    def restart(self) -> None:
        """Start the daemon again on the same port and data."""
        self._order("start")

    def freeze(self) -> None:
        """Let no byte through any more without closing anything, like a pulled cable."""
        self._order("freeze")

    def thaw(self) -> None:
        """Let bytes through again."""
        self._order("thaw")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Frozen for the length of a block."""
        self.freeze()
        try:
            yield
        finally:
            self.thaw()

    def set_property(self, name: str, value: str) -> None:
        """Change what getprop answers."""
        self._properties[name] = value
        self._write_properties()

    def set_battery(
        self,
        *,
        level: int,
        temperature_c: float = 27.0,
        charging: bool = False,
        status: int | None = None,
    ) -> None:
        """Change what ``dumpsys battery`` answers.

        ``status`` is Android's number (1 unknown, 2 charging, 3 discharging, 4 not charging, 5 full);
        without it ``charging`` decides.
        """
        self._state("battery_level", str(level))
        self._state("battery_temperature", str(round(temperature_c * 10)))
        self._state("usb_powered", str(charging).lower())
        self._state("battery_status", str(status or (2 if charging else 3)))

    def set_thermal_status(self, status: int) -> None:
        """Change what ``dumpsys thermalservice`` answers (0 none … 6 shutdown)."""
        self._state("thermal_status", str(status))

    def set_screen(self, *, on: bool) -> None:
        """Turn the screen on or off."""
        self._state("screen_on", str(on).lower())

    def set_shell_user(self, *, root: bool, su: bool = False) -> None:
        """Let the shell say that it is root or not, and have a ``su`` or not. It is root in truth."""
        self._state("shell_uid", "0" if root else "2000")
        self._state("su", str(su).lower())

    def setting(self, namespace: str, key: str) -> str | None:
        """A setting as the device keeps it; ``None`` when it is unset."""
        file = self.state_dir / "settings" / f"{namespace}.{key}"
        return file.read_text().strip() if file.exists() else None

    def put_setting(self, namespace: str, key: str, value: str) -> None:
        """Set a setting, as its owner would."""
        (self.state_dir / "settings").mkdir(exist_ok=True)
        self._state(f"settings/{namespace}.{key}", value)

    def set_package_manager(self, *, up: bool) -> None:
        """Let the package manager answer, or not yet, as while Android boots."""
        self._state("package_manager", str(up).lower())

    def set_low_power(self, *, on: bool) -> None:
        """Turn battery saver on or off."""
        self._state("low_power", str(int(on)))

    def _state(self, name: str, value: str) -> None:
        fresh = self.state_dir / f".{name.replace('/', '.')}"
        fresh.write_text(value)
        fresh.replace(
            self.state_dir / name
        )  # a script that reads meanwhile sees the old or the new

    def _write_properties(self) -> None:
        text = "".join(f"{name}={value}\n" for name, value in self._properties.items())
        self._state("properties", text)

    def _order(self, order: str) -> None:
        assert self._process is not None, "the device is not started"
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # the answer that is missing tells it
            self._process.stdin.write(f"{order}\n")
            self._process.stdin.flush()
        self._expect("done")

    def _expect(self, answer: str) -> None:
        """Wait for the bridge's answer, which is one line; its end is an answer too."""
        assert self._process is not None
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], _ANSWER_S)
        line = self._process.stdout.readline().strip() if ready else "nothing"
        if line != answer:
            raise RuntimeError(
                f"the device said {line!r}: {self.log.read_text(errors='replace')[-2000:]}"
            )
