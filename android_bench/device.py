"""Typed verbs over a transport: who the device is, how it is, and running a program on it."""

from __future__ import annotations

import re
import secrets
import shlex
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from android_bench import conditions, frequencies, host_info
from android_bench.device_script import Job, command_line
from android_bench.errors import (
    DeviceCommandError,
    DeviceError,
    DeviceOfflineError,
    DeviceTimeoutError,
)
from android_bench.results import Conditions, CpuCluster, DeviceInfo, DeviceKind
from android_bench.transport.base import DEFAULT_TIMEOUT_S, ShellResult, Transport

DEVICE_ROOT = "/data/local/tmp/android-bench"
# Shells report a child that a signal ended as 128 + the signal's number, of which there are 64.
_SIGNAL_BASE = 128
_LAST_SIGNAL = 64
_END_TIMEOUT_S = 10.0
_EMULATOR_HARDWARE = {"goldfish", "ranchu", "cutf_cvm", "cutf_ivsh", "cutf"}
_ENTRY = re.compile(
    r"^\[([^\]\n]+)\]: \[(.*?)\]$(?=\n\[[^\]\n]+\]: \[|\n*\Z)", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedProcess:
    """A program that ran on the device, with its streams apart.

    ``exit_code`` is ``None`` when a signal or this tool ended it; ``signal`` is the signal's number.
    ``wall_s`` includes the one round trip to the device.
    """

    exit_code: int | None
    stdout: str
    stderr: str
    wall_s: float
    timed_out: bool = False
    signal: int | None = None


class Device:
    """A device behind a transport. ``root`` is the folder on it that this tool may write to."""

    def __init__(self, transport: Transport, *, root: str | None = None) -> None:
        self.transport = transport
        self.root = root or (host_info.workspace_root() if transport.is_host else DEVICE_ROOT)

    @property
    def is_host(self) -> bool:
        """Whether this is the machine the tool runs on."""
        return self.transport.is_host

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        check: bool = False,
    ) -> ShellResult:
        """Run a command given as words; with ``check``, a failure is an error.

        Raises:
            DeviceCommandError: it failed and ``check`` is set.
        """
        result = self.transport.shell(command_line(argv, env=env, cwd=cwd), timeout_s=timeout_s)
        if check and result.exit_code:
            output = (result.stderr or result.stdout).strip()
            raise DeviceCommandError(
                f"{shlex.join(argv)} failed on {self.transport.serial} "
                f"with exit code {result.exit_code}: {output or 'it said nothing'}",
                command=argv,
                exit_code=result.exit_code,
                output=output,
            )
        return result

    def sections(self, commands: Sequence[str]) -> list[str]:
        """Run several shell commands in one round trip; return what each printed, failures included."""
        line = f"<{secrets.token_hex(8)}>"
        script = "\n".join(
            f"{{ {command}\n}} 2>/dev/null; echo; echo '{line}'" for command in commands
        )
        output = self.transport.shell(script).stdout.replace("\r\n", "\n")
        parts = [part.strip("\n") for part in output.split(line)]
        return [*parts, *[""] * len(commands)][: len(commands)]

    def properties(self) -> dict[str, str]:
        """All system properties; empty on a system that has none."""
        return parse_properties(self.sections(["getprop"])[0])

    def info(self) -> DeviceInfo:
        """Who the device is, in one round trip. An empty property is unknown."""
        if self.is_host:
            return host_info.read()
        # Some devices hide /sys from the shell; there the processors that are awake are listed.
        count = "ls -d /sys/devices/system/cpu/cpu[0-9]* || grep -o ^processor /proc/cpuinfo"
        text, cpus, memory, cores = self.sections(
            ["getprop", count, "cat /proc/meminfo", frequencies.CORES_AT_MOST]
        )
        return device_info(
            self.transport.serial,
            parse_properties(text),
            cpu_count=len(cpus.split()) or None,
            memory_bytes=conditions.parse_meminfo(memory).get("MemTotal"),
            clusters=frequencies.parse_clusters(cores),
        )

    def read_conditions(self) -> Conditions:
        """How the device is now, in one round trip, as far as it tells; unreadable is unknown."""
        mark = f"<{secrets.token_hex(8)}>"
        said = self.transport.shell(conditions.script(mark, is_host=self.is_host)).stdout
        hertz = host_info.user_hz() if self.is_host else conditions.USER_HZ
        return conditions.parse(conditions.sections(said, mark), user_hz=hertz)

    def capture(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> CapturedProcess:
        """Run a program with its streams apart, in one round trip, and bring everything back.

        When it takes too long, on Ctrl-C, and when the conversation breaks and can be had again, the
        program and what it started are killed on the device: the end of a conversation alone does
        not end them, and a forgotten benchmark would disturb the next.

        Raises:
            DeviceOfflineError: the device went away; the program may still run there.
            DeviceCommandError: the device could not even begin (disk full, no such folder).
        """
        job = Job(self.root)
        start = time.monotonic()
        try:
            done = self.transport.shell(
                job.script(argv, env=env or {}, cwd=cwd), timeout_s=timeout_s
            )
        except DeviceTimeoutError:
            stdout, stderr = self._end_late(job, argv)
            return CapturedProcess(
                exit_code=None,
                stdout=stdout,
                stderr=stderr,
                wall_s=time.monotonic() - start,
                timed_out=True,
            )
        except (KeyboardInterrupt, DeviceOfflineError):
            with suppress(DeviceError):
                self._end(job)
            raise
        wall_s = time.monotonic() - start
        streams = job.streams(done.stdout)
        if streams is None:
            output = (done.stderr or done.stdout).strip()
            raise DeviceCommandError(
                f"{self.transport.serial} cannot run anything in {self.root}: "
                f"{output or 'its files cannot be written'}",
                command=argv,
                exit_code=done.exit_code,
                output=output,
                hint=f"Is its disk full or read-only? df {shlex.quote(self.root)}",
            )
        number = done.exit_code - _SIGNAL_BASE
        killed = 0 < number <= _LAST_SIGNAL
        return CapturedProcess(
            exit_code=None if killed else done.exit_code,
            stdout=streams[0],
            stderr=streams[1],
            wall_s=wall_s,
            signal=number if killed else None,
        )

    def _end_late(self, job: Job, argv: Sequence[str]) -> tuple[str, str]:
        """End a job that took too long; a device that does not even answer to that is offline."""
        try:
            return self._end(job)
        except DeviceError as error:
            raise DeviceOfflineError(
                f"{self.transport.serial} stopped answering while {argv[0]} ran.",
                hint="The program may still run there: restart the device before measuring again.",
            ) from error

    def _end(self, job: Job) -> tuple[str, str]:
        """Kill a job on the device and bring back what it had printed."""
        done = self.transport.shell(job.end_script(), timeout_s=_END_TIMEOUT_S)
        return job.streams(done.stdout) or ("", "")


def parse_properties(text: str) -> dict[str, str]:
    """Read ``getprop``'s list; a value may go over several lines."""
    return dict(_ENTRY.findall(text.replace("\r\n", "\n")))


def device_info(
    serial: str,
    properties: Mapping[str, str],
    *,
    cpu_count: int | None = None,
    memory_bytes: int | None = None,
    clusters: tuple[CpuCluster, ...] = (),
) -> DeviceInfo:
    """Make sense of a device's properties; an empty one is unknown."""

    def known(*names: str) -> str | None:
        return next((properties[name] for name in names if properties.get(name)), None)

    chip = [known("ro.soc.manufacturer"), known("ro.soc.model")]
    abis = known("ro.product.cpu.abilist", "ro.product.cpu.abi") or ""
    level = known("ro.build.version.sdk") or ""
    emulated = (
        serial.startswith("emulator-")
        or "1" in {known("ro.kernel.qemu"), known("ro.boot.qemu")}
        or known("ro.hardware") in _EMULATOR_HARDWARE
    )
    return DeviceInfo(
        serial=serial,
        kind=DeviceKind.EMULATOR if emulated else DeviceKind.PHONE,
        manufacturer=known("ro.product.manufacturer"),
        model=known("ro.product.model"),
        soc=" ".join(part for part in chip if part) or known("ro.board.platform"),
        abis=tuple(part.strip() for part in abis.split(",") if part.strip()),
        android_release=known("ro.build.version.release"),
        sdk_level=int(level) if re.fullmatch(r"[0-9]+", level) else None,
        fingerprint=known("ro.build.fingerprint"),
        cpu_count=cpu_count,
        memory_bytes=memory_bytes,
        clusters=clusters,
        build_type=known("ro.build.type"),
    )
