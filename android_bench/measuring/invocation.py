"""One invocation: benchmark_model run once on the device, and the record that is made of it."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from android_bench.benchmark_model import InputTensor, command_flags
from android_bench.binaries.resolve import ResolvedBinary
from android_bench.config import BenchmarkConfig, Delegate, StartupMode
from android_bench.device import Device
from android_bench.device.fitness import wait_until_fit
from android_bench.device.workspace import Workspace
from android_bench.errors import (
    DeviceCommandError,
    DeviceOfflineError,
    DeviceTimeoutError,
    NumericsError,
)
from android_bench.measuring.numerics import HostReference, NumericsInputs, compare_outputs
from android_bench.measuring.pending import noted_job
from android_bench.measuring.plan import Step
from android_bench.reading import PROFILE_ENDING, read_output
from android_bench.results import (
    Conditions,
    DeviceInfo,
    Invocation,
    InvocationKind,
    Numerics,
    Status,
)
from android_bench.store import RunWriter, utc_now
from optimizer.artifact import Artifact

# On top of what benchmark_model may take by its own flags: loading the model and its delegate.
STARTUP_ALLOWANCE_S = 120.0
_NO_CACHE_WRITTEN = (
    "The delegate left nothing in its cache, so a cold start is no different from one without; "
    "take a build whose delegate keeps one."
)
_NO_OUTPUT = (
    "The build took --output_filepath and wrote no file; take another build of benchmark_model."
)
_RETRY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where the parts of a lane are on the device: the model, and by its name here a delegate's library."""

    model: str
    libraries: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Bench:
    """The device side of a session: what every invocation needs.

    ``scratch`` is a folder on the device that goes with the session.
    """

    device: Device
    workspace: Workspace
    info: DeviceInfo
    binary: ResolvedBinary
    binary_argv: tuple[str, ...]
    scratch: str
    timeout_s: float | None = None
    wait_cool_s: float | None = None
    tell: Callable[[str], None] = lambda _: None
    inputs: NumericsInputs | None = None
    reference: HostReference | None = None
    _conditions: Conditions | None = None
    _usual_khz: dict[int, int] = field(default_factory=dict)
    _told: str | None = None

    def invoke(
        self,
        step: Step,
        artifact: Artifact,
        config: BenchmarkConfig,
        placement: Placement,
        writer: RunWriter,
    ) -> Invocation:
        """Make one step and return its record, whatever benchmark_model did.

        Raises:
            DeviceError: the device is lost or cannot run anything.
        """
        inputs, remote_inputs = self._feed(step, artifact)
        output = f"{self.scratch}/output" if inputs else None
        cache = self._prepare_cache(step, writer)
        flags = command_flags(
            _on_device(config, placement),
            graph=placement.model,
            kind=step.kind,
            flavor=self.binary.info.flavor,
            inputs=remote_inputs,
            output=output,
            cache_folder=cache,
        )
        profile = f"{self.scratch}/profile.csv"
        to_file = self.binary.profile_file_flags if step.kind is InvocationKind.PROFILE else ()
        if to_file:
            flags += [*to_file[:-1], to_file[-1] + profile]
        argv = [*self.binary_argv, *flags]
        if config.cpu_mask is not None:
            argv = ["taskset", config.cpu_mask, *argv]
        waited_s, before = self._before()
        started_at = utc_now()
        with noted_job(writer.folder, self.device) as job:
            captured = self.device.capture(
                argv, timeout_s=self.timeout_s or bound_s(config), job=job
            )
        # What holds after one invocation holds before the next: one reading serves both.
        after = self._conditions = self._read_conditions()
        index = len(writer.run.invocations) + 1
        log = writer.log(
            f"{index:04d}.{step.kind.value}", stdout=captured.stdout, stderr=captured.stderr
        )
        table = self._bring(profile, writer.folder / f"{log}{PROFILE_ENDING}") if to_file else None
        outcome = read_output(
            captured.stdout,
            captured.stderr,
            exit_code=captured.exit_code,
            signal=captured.signal,
            timed_out=captured.timed_out,
            config=config,
            kind=step.kind,
            profile=table,
        )
        if outcome["status"] is Status.OK and output is not None and self.reference is not None:
            sample, kept = step.sample or 0, writer.folder / f"{log}.output"
            try:
                host = self.reference.outputs(artifact, sample, inputs)
                outcome |= {"numerics": self._compare(artifact, output, kept, host, sample)}
            except NumericsError as error:
                outcome |= _no_result(str(error))
        if outcome["status"] is Status.OK and step.startup is StartupMode.COLD:
            outcome |= self._check_cache(cache)
        return Invocation(
            index=index,
            round=step.round,
            kind=step.kind,
            exit_code=captured.exit_code,
            command=shlex.join(argv),
            started_at=started_at,
            wall_s=captured.wall_s,
            log=log,
            before=before,
            after=after,
            startup=step.startup,
            waited_s=waited_s,
            reconnections=captured.reconnections,
            **outcome,
        )

    def _before(self) -> tuple[float | None, Conditions]:
        """The conditions to begin with, after waiting for better ones where that was asked for."""
        if self.wait_cool_s is None:
            return None, self._conditions or self._read_conditions()
        waited = wait_until_fit(
            self._read_conditions,
            self.info,
            limit_s=self.wait_cool_s,
            tell=self._tell_once,
            usual_khz=self._usual_khz,
        )
        self._usual_khz = waited.usual_khz
        return waited.seconds, waited.conditions

    def _tell_once(self, message: str) -> None:
        """Tell what was not the last thing told: some reasons stay for a whole session."""
        if message != self._told:
            self.tell(message)
        self._told = message

    def _read_conditions(self) -> Conditions:
        """Read the device's state; one that was just lost may take a while to come back."""
        deadline = time.monotonic() + self.device.patience_s
        while True:
            try:
                return self.device.read_conditions()
            except (DeviceOfflineError, DeviceTimeoutError):  # noqa: PERF203 (seconds lie between)
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_RETRY_S)

    def _feed(
        self, step: Step, artifact: Artifact
    ) -> tuple[Sequence[Any], tuple[InputTensor, ...]]:
        """Bring a numerics step's inputs to the device; nothing for the other kinds."""
        if step.kind is not InvocationKind.NUMERICS or self.inputs is None or step.sample is None:
            return (), ()
        files = self.inputs.sample(artifact, step.sample)
        return files, tuple(item.at(self.workspace.ensure(item.path).remote_path) for item in files)

    def _prepare_cache(self, step: Step, writer: RunWriter) -> str | None:
        """The folder of a start-up's cache: emptied for a cold one, as it was left for a warm one."""
        if step.startup in {None, StartupMode.NO_CACHE}:
            return None
        folder = f"{self.scratch}/{writer.run.run_id}"
        if step.startup is StartupMode.COLD:
            quoted = shlex.quote(folder)
            self.device.transport.shell(f"rm -rf {quoted}; mkdir -p {quoted}")
        return folder

    def _bring(self, remote: str, kept: Path) -> str | None:
        """The text of a file that the tool wrote, kept beside its log; ``None`` if it wrote none."""
        try:
            self.device.transport.pull(remote, kept)
        except DeviceCommandError:
            return None
        self.device.run(["rm", "-f", remote])
        return kept.read_text("utf-8", "replace")

    def _check_cache(self, folder: str | None) -> dict[str, Any]:
        """A cold start that filled no cache was none."""
        found = self.device.run(["ls", "-A", folder or ""])
        if found.stdout.strip():
            return {}
        return _no_result(_NO_CACHE_WRITTEN)

    def _compare(
        self, artifact: Artifact, output: str, kept: Path, host: bytes, sample: int
    ) -> Numerics:
        """Bring the outputs back, keep them beside the log, and hold them against the host's.

        Raises:
            NumericsError: there are none, or they are not what the model declares.
        """
        try:
            self.device.transport.pull(output, kept)
        except DeviceCommandError as error:
            raise NumericsError(_NO_OUTPUT) from error
        self.device.run(["rm", "-f", output])
        return compare_outputs(artifact.outputs, kept.read_bytes(), host, sample=sample)


def _no_result(problem: str) -> dict[str, Any]:
    """What is recorded of an invocation whose output was fine and which still does not count."""
    return {
        "status": Status.INVALID,
        "problem": problem,
        "init_us": None,
        "warmup": None,
        "latency": None,
        "memory": None,
    }


def _on_device(config: BenchmarkConfig, placement: Placement) -> BenchmarkConfig:
    """The configuration with an external delegate's library by its path on the device."""
    library = config.delegate.library
    remote = placement.libraries.get(library or "")
    if remote is None:
        return config
    delegate = Delegate(kind=config.delegate.kind, library=remote, options=config.delegate.options)
    return replace(config, delegate=delegate)


def bound_s(config: BenchmarkConfig) -> float:
    """The longest an invocation may take: ``max_secs`` bounds the warm-up and the measurement each."""
    return STARTUP_ALLOWANCE_S + 2 * config.max_s
