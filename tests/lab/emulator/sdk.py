"""An SDK of stand-ins in a folder of a test's own, with its environment."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[3]
ABI = {"x86_64": "x86_64", "aarch64": "arm64-v8a"}.get(platform.machine(), platform.machine())
OTHER_ABI = "arm64-v8a" if ABI == "x86_64" else "x86_64"


@dataclass(frozen=True)
class LabSdk:
    """The folders of an SDK and of a home; nothing else of this machine is read or written."""

    root: Path
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        """The variables for a process that is to use it."""
        return {
            **{key: value for key, value in os.environ.items() if not key.startswith("ANDROID_")},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "XDG_STATE_HOME": str(self.home / "state"),
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
            "ANDROID_HOME": str(self.root),
            "ANDROID_AVD_HOME": str(self.avds),
            "ANDROID_ADB_SERVER_PORT": "1",  # no server of this machine is asked
        }

    @property
    def avds(self) -> Path:
        return self.home / ".android" / "avd"

    def install_image(self, *, api: str = "34", tag: str = "google_apis", abi: str = ABI) -> None:
        """Put a system image there, as sdkmanager would."""
        folder = self.root / "system-images" / f"android-{api}" / tag / abi
        folder.mkdir(parents=True)
        (folder / "system.img").touch()

    def add_avd(
        self, name: str, *, api: str = "34", tag: str = "google_apis", abi: str = ABI
    ) -> None:
        """Put a virtual device there, as avdmanager would."""
        folder = self.avds / f"{name}.avd"
        folder.mkdir(parents=True)
        (self.avds / f"{name}.ini").write_text(
            f"avd.ini.encoding=UTF-8\npath={folder}\npath.rel=avd/{name}.avd\ntarget=android-{api}\n"
        )
        (folder / "config.ini").write_text(
            f"abi.type={abi}\nimage.sysdir.1=system-images/android-{api}/{tag}/{abi}/\ntag.id={tag}\n"
        )

    def run(
        self, *words: str, timeout_s: float = 120, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run ``android-bench`` to its end."""
        return subprocess.run(
            ["android-bench", *words],
            env={**self.environment, **environment},
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    @contextmanager
    def started(self, *words: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
        """``android-bench`` in a process group of its own, as a terminal starts it, killed with the block."""
        # Where tests run in the background, Ctrl-C is ignored, and children inherit that.
        process = subprocess.Popen(
            ["env", "--default-signal=INT", "android-bench", *words],
            env={**self.environment, **environment},
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        with process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()


def make_sdk(folder: Path, *, image: bool = True, licence: bool = True) -> LabSdk:
    """Make an SDK with the stand-ins, an image of this machine's ABI, and its licence accepted."""
    sdk = LabSdk(root=folder / "sdk", home=folder / "home")
    sdk.home.mkdir(parents=True)
    tools = sdk.root / "cmdline-tools" / "latest" / "bin"
    for place, name in (
        (sdk.root / "emulator", "emulator"),
        (tools, "avdmanager"),
        (tools, "sdkmanager"),
    ):
        place.mkdir(parents=True, exist_ok=True)
        program = place / name
        program.write_text(
            f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(_ROOT))} "
            f'exec {shlex.quote(sys.executable)} -m tests.lab.emulator.{name} "$@"\n'
        )
        program.chmod(0o755)
    if licence:
        (sdk.root / "licenses").mkdir()
        (sdk.root / "licenses" / "android-sdk-license").write_text(
            "\n24333f8a63b6825ea9c5514f83c2829b004d1fee"
        )
    if image:
        sdk.install_image()
    return sdk
