"""Typed verbs over a transport: who the device is, how it is, and running a program on it."""

from __future__ import annotations

import re
import secrets
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from android_bench import conditions, host_info
from android_bench.errors import DeviceCommandError, DeviceError, DeviceTimeoutError
from android_bench.results import Conditions, DeviceInfo, DeviceKind
from android_bench.transport.base import DEFAULT_TIMEOUT_S, ShellResult, Transport

DEVICE_ROOT = "/data/local/tmp/android-bench"
# Shells report a child that a signal ended as 128 + the signal's number.
_SIGNAL_BASE = 128
_EMULATOR_HARDWARE = {"goldfish", "ranchu", "cutf_cvm", "cutf_ivsh"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedProcess:
    """A program that ran on the device, with its streams apart.

    ``exit_code`` is ``None`` when a signal or this tool ended it; ``signal`` is the signal's number.
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
        self, argv: Sequence[str], *, timeout_s: float = DEFAULT_TIMEOUT_S, check: bool = False
    ) -> ShellResult:
        """Run a command given as words; with ``check``, a failure is an error.

        Raises:
            DeviceCommandError: it failed and ``check`` is set.
        """
        result = self.transport.shell(shlex.join(argv), timeout_s=timeout_s)
        if check and result.exit_code:
            output = (result.stderr or result.stdout).strip()
            raise DeviceCommandError(
                f"{shlex.join(argv)} failed on {self.transport.serial} ({result.exit_code}): {output}",
                command=argv,
                exit_code=result.exit_code,
                output=output,
            )
        return result

    def sections(self, commands: Sequence[str]) -> list[str]:
        """Run several shell commands in one round trip; return what each printed, failures included."""
        line = f"<{secrets.token_hex(8)}>"
        script = f"; echo; echo '{line}'; ".join(f"{{ {command}; }} 2>/dev/null" for command in commands)
        output = self.transport.shell(script).stdout.replace("\r\n", "\n")
        parts = [part.strip("\n") for part in output.split(line)]
        return [*parts, *[""] * (len(commands) - len(parts))]

    def info(self) -> DeviceInfo:
        """Who the device is, in one round trip. An empty property is unknown."""
        if self.is_host:
            return host_info.read()
        text, cpus, memory = self.sections(
            ["getprop", "ls -d /sys/devices/system/cpu/cpu[0-9]*", "cat /proc/meminfo"]
        )
        return _device_info(
            self.transport.serial,
            parse_properties(text),
            cpu_count=len(cpus.split()) or None,
            memory_bytes=conditions.parse_meminfo(memory).get("MemTotal"),
        )

    def read_conditions(self) -> Conditions:
        """How the device is now, as far as it tells; unreadable is unknown."""
        commands = conditions.HOST_COMMANDS if self.is_host else conditions.DEVICE_COMMANDS
        return conditions.parse(dict(zip(commands, self.sections(list(commands.values())), strict=False)))

    def capture(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, timeout_s: float
    ) -> CapturedProcess:
        """Run a program with its streams apart, in one round trip, and bring everything back.

        Its process id is noted on the device, so that it can be ended there when it takes too long or
        the user gives up: the end of a conversation alone does not end it.

        Raises:
            DeviceOfflineError: the device went away; the program may still run.
        """
        job = _Job(f"{self.root}/jobs/{secrets.token_hex(8)}", f"<{secrets.token_hex(12)}>")
        start = time.monotonic()
        try:
            done = self.transport.shell(job.script(argv, env or {}), timeout_s=timeout_s)
        except DeviceTimeoutError:
            stdout, stderr = self._end(job, argv)
            return CapturedProcess(
                exit_code=None,
                stdout=stdout,
                stderr=stderr,
                wall_s=time.monotonic() - start,
                timed_out=True,
            )
        except KeyboardInterrupt:
            self._end(job, argv)
            raise
        stdout, stderr = job.streams(done.stdout)
        code = done.exit_code
        killed = code > _SIGNAL_BASE
        return CapturedProcess(
            exit_code=None if killed else code,
            stdout=stdout,
            stderr=stderr,
            wall_s=time.monotonic() - start,
            signal=code - _SIGNAL_BASE if killed else None,
        )

    def _end(self, job: _Job, argv: Sequence[str]) -> tuple[str, str]:
        """Kill a job on the device and bring back what it had printed, as far as that works."""
        try:
            return job.streams(self.transport.shell(job.end_script(argv)).stdout)
        except DeviceError:
            return "", ""


@dataclass(frozen=True, slots=True)
class _Job:
    """The device side of one captured program: a folder with its pid and streams."""

    folder: str
    separator: str

    def script(self, argv: Sequence[str], env: Mapping[str, str]) -> str:
        """The shell script that runs it, prints both streams, and ends with its exit code."""
        assignments = [f"{name}={value}" for name, value in env.items()]
        words = ["env", *assignments, *argv] if assignments else list(argv)
        # exec keeps the noted pid: the program's own.
        inner = 'echo $$ >"$0/pid"; exec "$@"'
        program = f"sh -c {shlex.quote(inner)} {shlex.quote(self.folder)} {shlex.join(words)}"
        return (
            f"d={shlex.quote(self.folder)}; mkdir -p $d || exit 125; "
            f"{program} >$d/out 2>$d/err </dev/null; rc=$?; {self._bring_back()}; exit $rc"
        )

    def end_script(self, argv: Sequence[str]) -> str:
        """Kill the program if the noted pid is still its own, then bring the streams back."""
        name = shlex.quote(Path(argv[0]).name)
        # A system without /proc cannot tell whether the pid is still the program's; the host does.
        check = f"{{ [ ! -d /proc/self ] || tr '\\0' ' ' </proc/$p/cmdline | grep -qF {name}; }}"
        return (
            f"d={shlex.quote(self.folder)}; p=$(cat $d/pid); "
            f'[ -n "$p" ] && {check} && kill -9 $p; {self._bring_back()}'
        )

    def streams(self, output: str) -> tuple[str, str]:
        """Take the two streams apart again."""
        stdout, _, stderr = output.partition(f"\n{self.separator}\n")
        return stdout, stderr

    def _bring_back(self) -> str:
        return f"cat $d/out; echo; echo {shlex.quote(self.separator)}; cat $d/err; rm -rf $d"


def parse_properties(text: str) -> dict[str, str]:
    """Read ``getprop``'s list; a value may go over several lines."""
    found = re.findall(r"^\[(.*?)\]: \[(.*?)\]$(?=\n\[|\n*\Z)", text, re.MULTILINE | re.DOTALL)
    return dict(found)


def _device_info(
    serial: str, properties: Mapping[str, str], *, cpu_count: int | None, memory_bytes: int | None
) -> DeviceInfo:
    def known(*names: str) -> str | None:
        return next((properties[name] for name in names if properties.get(name)), None)

    chip = [known("ro.soc.manufacturer"), known("ro.soc.model")]
    abis = known("ro.product.cpu.abilist", "ro.product.cpu.abi") or ""
    level = known("ro.build.version.sdk") or ""
    emulated = (
        serial.startswith("emulator-")
        or known("ro.kernel.qemu", "ro.boot.qemu") == "1"
        or known("ro.hardware") in _EMULATOR_HARDWARE
    )
    return DeviceInfo(
        serial=serial,
        kind=DeviceKind.EMULATOR if emulated else DeviceKind.PHONE,
        manufacturer=known("ro.product.manufacturer"),
        model=known("ro.product.model"),
        soc=" ".join(part for part in chip if part) or known("ro.board.platform"),
        abis=tuple(part for part in abis.split(",") if part),
        android_release=known("ro.build.version.release"),
        sdk_level=int(level) if level.isdigit() else None,
        fingerprint=known("ro.build.fingerprint"),
        cpu_count=cpu_count,
        memory_bytes=memory_bytes,
    )
