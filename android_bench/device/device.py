"""Typed verbs over a transport: who the device is, how it is, and running a program on it."""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace

from android_bench.device import conditions, frequencies, host_info
from android_bench.device.detached import PATIENCE_S, CapturedProcess, Detached
from android_bench.device.script import Job, command_line
from android_bench.emulator.reach import is_local
from android_bench.errors import DeviceCommandError
from android_bench.results import Conditions, CpuCluster, DeviceInfo, DeviceKind
from android_bench.transport.base import DEFAULT_TIMEOUT_S, ShellResult, Transport

DEVICE_ROOT = "/data/local/tmp/android-bench"
_EMULATOR_HARDWARE = {"goldfish", "ranchu", "cutf_cvm", "cutf_ivsh", "cutf"}
_ENTRY = re.compile(
    r"^\[([^\]\n]+)\]: \[(.*?)\]$(?=\n\[[^\]\n]+\]: \[|\n*\Z)", re.MULTILINE | re.DOTALL
)


class Device:
    """A device behind a transport. ``root`` is the folder on it that this tool may write to.

    ``patience_s`` is how long it may be out of reach while a program runs on it.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        root: str | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.transport = transport
        self.patience_s = patience_s
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
        found = device_info(
            self.transport.serial,
            parse_properties(text),
            cpu_count=len(cpus.split()) or None,
            memory_bytes=conditions.parse_meminfo(memory).get("MemTotal"),
            clusters=frequencies.parse_clusters(cores),
        )
        if found.kind is DeviceKind.EMULATOR and is_local(found.serial):
            # Its times are this machine's: on another one the same system image is another device.
            here = f"{found.fingerprint or 'unknown image'} on {host_info.read().model}"
            return replace(found, fingerprint=here)
        return found

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
        job: Job | None = None,
    ) -> CapturedProcess:
        """Run a program with its streams apart, and bring everything back.

        It runs apart from the conversation: when that breaks and can be had again within ``patience_s``,
        the program is found again and nothing is lost. When it takes too long, and on Ctrl-C, it is
        killed on the device with all that it started: a forgotten benchmark would disturb the next.
        Who gives the ``job`` can end it later by its name, after this process was killed (see
        :meth:`end_job`).

        Raises:
            DeviceOfflineError: the device went away or restarted; the program may still run there.
            DeviceCommandError: the device could not even begin (disk full, no such folder).
        """
        return Detached(
            transport=self.transport,
            job=job or Job(self.root),
            argv=argv,
            timeout_s=timeout_s,
            patience_s=self.patience_s,
        ).run(env=env or {}, cwd=cwd)

    def end_job(self, name: str) -> None:
        """Kill what is left of a job that nobody waits for any more; none left is fine."""
        self.transport.shell(Job(self.root, name).end_script())


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
        serial.startswith(("emulator-", "emulator:"))
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
