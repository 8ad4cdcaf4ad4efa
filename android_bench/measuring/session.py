"""From what is asked for to a measured session: models, devices and binaries are found, then measured."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from android_bench.binaries.file import check_abi
from android_bench.binaries.resolve import ResolvedBinary, resolve_binary
from android_bench.config import BenchmarkConfig
from android_bench.device import Device
from android_bench.device.cores import CoreWord, mask_of
from android_bench.device.detached import PATIENCE_S
from android_bench.device.settings import DeviceSettings, applied_settings
from android_bench.device.workspace import Workspace
from android_bench.emulator.environment import order_from_environment
from android_bench.emulator.session import session_device
from android_bench.errors import DeviceError, UsageError
from android_bench.measuring.entries import (
    Entry,
    needs_flex,
    open_artifact,
    refuse_twins,
    side_by_side,
)
from android_bench.measuring.invocation import Bench
from android_bench.measuring.matrix import Wishes, configurations
from android_bench.measuring.numerics import HostReference, NumericsInputs
from android_bench.measuring.preparation import Cell, Demands, Observer, key_of, refuse_impossible
from android_bench.measuring.resume import Interrupted, find_interrupted, unfinished_order
from android_bench.measuring.runner import Session, measure
from android_bench.results import BinaryFlavor, DeviceInfo, DeviceKind, Side
from android_bench.store import new_order_id, new_run_id, session_id_of
from android_bench.transport.discovery import open_transport
from optimizer.artifact import file_sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A measurement as a command orders it: the wishes, where results go, and with what.

    ``binary`` is a file or says whose build is fetched; ``settings`` are changed on the device while it
    is measured; ``resume`` goes on with what an earlier order like it left unfinished. With ``baseline``
    models both sides are measured in one session, A B B A, each run marked with its side. ``order_id`` is
    what the sessions of all devices share; with ``resume``, what is whole of it is not measured again.
    """

    wishes: Wishes
    results: Path
    binary: Path | BinaryFlavor | None = None
    settings: DeviceSettings | None = None
    resume: bool = False
    baseline: tuple[Path, ...] | None = None
    order_id: str | None = None


def measure_models(order: Order, *, observer: Observer) -> Session:
    """Measure every model with every configuration on every device, one worker for each device.

    Everything that can be refused without a device is refused before one is opened. The answer holds
    the runs of all devices; the first device that was lost is told.

    Raises:
        OptimizerError: a model file cannot be used.
        BenchError: a device, a binary or a combination cannot be used.
    """
    candidates = [open_artifact(model) for model in order.wishes.models or ()]
    refuse_twins(candidates)
    entries = [(None if order.baseline is None else Side.CANDIDATE, one) for one in candidates]
    if order.baseline is not None:
        baseline = [open_artifact(model) for model in order.baseline]
        refuse_twins(baseline)
        entries = side_by_side(baseline, candidates)
    specs: Sequence[str | None] = order.wishes.devices or (None,)
    if len(set(specs)) < len(specs):
        raise UsageError("A device is named twice.", hint="Name each device once.")
    work = _Work(
        order=order,
        entries=entries,
        configs=[_with_content(config) for config in configurations(order.wishes)],
        observer=observer,
        devices=len(specs),
    )
    return work.on(specs[0]) if len(specs) == 1 else work.on_all(specs)


@dataclass(slots=True, kw_only=True)
class _Work:
    """What is to be measured, whatever the device."""

    order: Order
    entries: Sequence[Entry]
    configs: Sequence[BenchmarkConfig]
    observer: Observer
    devices: int = 1
    fresh_order: str = field(default_factory=new_order_id)
    cancelled: threading.Event = field(default_factory=threading.Event)
    claims: dict[str, str] = field(default_factory=dict)

    def on_all(self, specs: Sequence[str | None]) -> Session:
        """Measure on several devices at once. On Ctrl-C each ends after the invocation it is at, and when
        one shows that the order cannot be meant: nobody waits an hour for that.
        """
        with ThreadPoolExecutor(max_workers=len(specs)) as workers:
            futures = [
                workers.submit(
                    replace(self, observer=self.observer.for_device(spec or "the device")).on, spec
                )
                for spec in specs
            ]
            try:
                self._await(futures)
            except KeyboardInterrupt:
                self.cancelled.set()
                self.observer.told("Ending after the invocations that run now.")
                wait(futures)
                raise
        return _together(futures, tell=self.observer.told)

    def _await(self, futures: Sequence[Future[Session]]) -> None:
        pending = set(futures)
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            errors = [error for one in done if (error := one.exception()) is not None]
            if pending and not all(isinstance(error, DeviceError) for error in errors):
                self.cancelled.set()

    def _claim(self, info: DeviceInfo, spec: str | None) -> None:
        """Two workers on one device would measure each other.

        Raises:
            UsageError: another worker has it, by another name.
        """
        address = info.serial.replace("localhost:", "127.0.0.1:")
        other = self.claims.setdefault(address, str(spec))
        if other != str(spec):
            raise UsageError(
                f"{other} and {spec} are the same device, {info.label}.",
                hint="Name each device once.",
            )

    def on(self, spec: str | None) -> Session:
        """Measure everything on one device."""
        order, wishes = self.order, self.order.wishes
        emulators = order_from_environment(tell=self.observer.told, cancelled=self.cancelled.is_set)
        with (
            session_device(spec, emulators) as found,
            closing(open_transport(found)) as transport,
            tempfile.TemporaryDirectory(prefix="android-bench-") as folder,
        ):
            patience_s = PATIENCE_S if wishes.patience_s is None else wishes.patience_s
            device = Device(transport, patience_s=patience_s)
            info = device.info()
            self._claim(info, spec)
            flex = any(needs_flex(artifact) for _, artifact in self.entries)
            binary = resolve_binary(info, given=order.binary, flex=flex)
            cells = [
                Cell(artifact=artifact, config=config, side=side)
                for config in _for_device(self.configs, info)
                for side, artifact in self.entries
            ]
            demands = Demands(
                budget_s=wishes.budget_s,
                wait_cool_s=wishes.wait_cool_s,
                inputs=NumericsInputs(wishes.numerics, Path(folder)) if wishes.numerics else None,
                cancelled=self.cancelled.is_set,
            )
            refuse_impossible(cells, binary, demands)
            earlier = self._earlier(cells, info, binary)
            if earlier is not None:
                finished = set(map(key_of, earlier.done))
                cells = [cell for cell in cells if cell.key not in finished]
                demands = replace(demands, resume_from=earlier.files)
            else:
                demands = replace(
                    demands, session_id=session_id_of(self._order_id(cells), info.label)
                )
            if not cells:
                return Session(runs=earlier.done if earlier else (), pushed_bytes=0)
            bench = Bench(
                device=device,
                workspace=Workspace(device),
                info=info,
                binary=binary,
                binary_argv=binary.argv_prefix,
                scratch=f"{device.root}/scratch/{new_run_id(info.label)}",
                timeout_s=wishes.timeout_s,
                wait_cool_s=wishes.wait_cool_s,
                tell=self.observer.told,
                inputs=demands.inputs,
                reference=HostReference(Path(folder)) if demands.inputs else None,
            )
            wanted = order.settings or DeviceSettings()
            with applied_settings(device, wanted, tell=self.observer.told):
                session = measure(
                    bench, cells, results=order.results, observer=self.observer, demands=demands
                )
        return replace(session, runs=(*(earlier.done if earlier else ()), *session.runs))

    def _earlier(
        self, cells: Sequence[Cell], info: DeviceInfo, binary: ResolvedBinary
    ) -> Interrupted | None:
        """What an interrupted session left, if the order is to go on with it."""
        results = self.order.results
        if not self.order.resume:
            return None
        found = find_interrupted(
            results,
            cells,
            info,
            binary.info,
            order_id=self.order.order_id,
            devices=self.devices,
        )
        if found is None:
            self.observer.told(
                f"Nothing under {results} was interrupted on {info.label} with the same models, "
                "configuration and binary: everything is measured."
            )
        elif found.files:
            self.observer.told(f"Going on with session {found.session_id}.")
        else:
            self.observer.told(
                f"Session {found.session_id} is whole on {info.label}: nothing is measured again."
            )
        return found

    def _order_id(self, cells: Sequence[Cell]) -> str:
        """The order that a new session belongs to: one that is gone on with, where there is one."""
        order = self.order
        going_on = order.resume and self.devices > 1 and order.order_id is None
        earlier = unfinished_order(order.results, cells, devices=self.devices) if going_on else None
        return order.order_id or earlier or self.fresh_order


def _together(futures: Sequence[Future[Session]], *, tell: Callable[[str], None]) -> Session:
    """The sessions of all devices as one; an error that is no lost device is raised.

    The session carries one lost device; ``tell`` gets the others.
    """
    sessions: list[Session] = []
    lost: list[DeviceError] = []
    for future in futures:
        error = future.exception()
        if error is None:
            sessions.append(future.result())
        elif isinstance(error, DeviceError):
            lost.append(error)  # the others' results are worth telling
        else:
            raise error
    lost += [one.interrupted_by for one in sessions if one.interrupted_by is not None]
    for one in lost[1:]:
        tell(f"Another device was lost: {one}")
    if not sessions:
        raise lost[0]
    return Session(
        runs=tuple(run for session in sessions for run in session.runs),
        pushed_bytes=sum(session.pushed_bytes for session in sessions),
        interrupted_by=next(iter(lost), None),
    )


def _with_content(config: BenchmarkConfig) -> BenchmarkConfig:
    """Say which content an external delegate's library has, if it is a file here."""
    library = config.delegate.library
    if library is None or not Path(library).is_file():
        return config
    digest = file_sha256(Path(library))
    return replace(config, delegate=replace(config.delegate, library_sha256=digest))


def _for_device(
    configs: Sequence[BenchmarkConfig], info: DeviceInfo
) -> tuple[BenchmarkConfig, ...]:
    """The configurations with the cores of this device, and libraries that it can load.

    Raises:
        UsageError: the words for cores mean nothing on it, or it cannot keep a program on them.
        BinaryError: a delegate's library is for another ABI.
    """
    found = []
    for config in configs:
        delegate = config.delegate
        if delegate.library_sha256 is not None and delegate.library is not None:
            path = Path(delegate.library)
            check_abi(path, path.read_bytes(), info.abis, host=False)
        if config.cores is not None:
            if info.kind is DeviceKind.HOST and shutil.which("taskset") is None:
                raise UsageError(
                    "This computer has no taskset, which keeps a program on chosen cores.",
                    hint="Leave --cores out here; it works on devices and on Linux.",
                )
            chosen = mask_of(config.cores, info, config.num_threads)
            word = chosen.word.value if isinstance(chosen.word, CoreWord) else None
            config = replace(config, cores=word, cpu_mask=chosen.mask)  # noqa: PLW2901
        found.append(config)
    return tuple(found)


def device_info(spec: str | None) -> DeviceInfo:
    """Open a device, read who it is, and close it again."""
    with closing(open_transport(spec)) as transport:
        return Device(transport).info()
