"""From a virtual device's name to an emulator that is ready: refuse early, start, wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

from android_bench.emulator.avds import Avd, read_avd
from android_bench.emulator.boot import Booting, Bounds, Tell, wait_until_ready
from android_bench.emulator.console import Found, running_avd, running_emulators
from android_bench.emulator.create import missing_image, refuse_abi
from android_bench.emulator.errors import EmulatorError
from android_bench.emulator.failures import (
    in_use,
    is_taken_port,
    tail_text,
    unknown_avd,
    why_it_ended,
)
from android_bench.emulator.flags import Acceleration, StartOptions, start_argv
from android_bench.emulator.machine import acceleration_problem
from android_bench.emulator.notes import read_notes, state_folder
from android_bench.emulator.ports import reserved_ports
from android_bench.emulator.process import EmulatorProcess
from android_bench.emulator.sdk import Sdk, find_sdk
from android_bench.errors import UsageError

_ATTEMPTS = 3
_KEPT_LOGS = 20
_one_at_a_time = threading.Lock()


def _silent(_: str) -> None:
    """Tell nobody."""


def _never() -> bool:
    """Go on waiting."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How emulators are started and waited for. ``log`` is a file for what one prints.

    Without it each gets a file in the folder of this tool's state. ``cancelled`` ends the waiting.
    """

    options: StartOptions = field(default_factory=StartOptions)
    bounds: Bounds = field(default_factory=Bounds)
    log: Path | None = None
    tell: Tell = _silent
    cancelled: Callable[[], bool] = _never


def boot(names: Sequence[str], order: Order) -> list[EmulatorProcess]:
    """Boot emulators of these virtual devices side by side; all are ready, or none is left.

    A name may come several times: its emulators share the virtual device, read-only then.

    Raises:
        EmulatorError: what is missing for one, or why it did not boot.
    """
    if order.log is not None and len(names) > 1:
        raise UsageError(
            "Several emulators cannot write one log.", hint="Leave --log out: each gets a file."
        )
    sdk = find_sdk()
    sdk.program("emulator")
    options = [
        replace(order.options, read_only=order.options.read_only or names.count(name) > 1)
        for name in names
    ]
    avds = [check(sdk, name, one) for name, one in zip(names, options, strict=True)]
    boots: list[_Boot] = []
    try:
        for avd, one in zip(avds, options, strict=True):
            boots.append(_Boot(sdk, avd, replace(order, options=one)))
        for starting in boots:
            starting.wait()
    except BaseException:
        for starting in boots:
            starting.process.end()
        raise
    return [starting.process for starting in boots]


def await_running(found: Found, order: Order) -> None:
    """Wait until an emulator is up that somebody else started; its owner may be waiting as well.

    Raises:
        EmulatorError: it went away, or did not get there in time.
    """

    def ended() -> EmulatorError | None:
        if running_avd(found.port) != found.avd:
            return EmulatorError(f"{found.serial} ({found.avd}) went away.")
        return not_waited_for(found.avd, order)

    wait_until_ready(
        Booting(name=found.avd, port=found.port, began=time.monotonic(), ended=ended),
        bounds=replace(order.bounds, quiet_for_s=0),
        tell=_silent,
    )


def not_waited_for(name: str, order: Order) -> EmulatorError | None:
    """Why nobody waits for an emulator any more; ``None`` while somebody does."""
    return EmulatorError(f"{name} is not waited for any longer.") if order.cancelled() else None


def check(sdk: Sdk, name: str, options: StartOptions) -> Avd:
    """Refuse what cannot work before anything is started.

    Raises:
        EmulatorError: the virtual device, its image or KVM is missing, or another emulator holds it.
    """
    avd = read_avd(sdk, name)
    if avd is None:
        raise unknown_avd(sdk, name)
    if avd.abi is not None:
        refuse_abi(avd.abi, avd.api, avd=name)
    if avd.image is not None and avd.image_folder is not None and not avd.image_folder.is_dir():
        raise missing_image(sdk, avd.image, avd=name)
    problem = acceleration_problem() if options.accel is not Acceleration.OFF else None
    if problem is not None:
        raise EmulatorError(problem.message, hint=problem.hint)
    if not options.read_only:
        holder = next((one for one in running_emulators() if one.avd == name), None)
        if holder is not None:
            raise in_use(name, holder.serial)
    return avd


class _Boot:
    """One emulator on its way up."""

    def __init__(self, sdk: Sdk, avd: Avd, order: Order) -> None:
        self._sdk, self._avd, self._order = sdk, avd, order
        self._tried: list[int] = []
        self._launch()

    def wait(self) -> None:
        """Wait until it is ready. When another program took its ports meanwhile, others are tried."""
        order = self._order
        while True:
            try:
                wait_until_ready(self._booting, bounds=order.bounds, tell=order.tell)
            except EmulatorError:
                taken = is_taken_port(tail_text(self.process.log))
                if not taken or order.options.port or len(self._tried) >= _ATTEMPTS:
                    raise
                self.process.end()
                self._launch()
                continue
            return

    def _launch(self) -> None:
        from android_bench.transport.keys import key_path, make_key

        if not key_path().is_file():
            make_key(key_path())  # the emulator hands this computer's key to Android as it boots
        options, folder = self._order.options, state_folder()
        # Threads of one process share its locks; one after the other they see what is taken.
        with (
            _one_at_a_time,
            reserved_ports(folder / "ports", wanted=options.port, without=self._tried) as ports,
        ):
            self._tried.append(ports.console)
            program = self._sdk.program("emulator")
            log = self._order.log or _new_log(folder / "logs", self._avd.name, ports.console)
            began = time.monotonic()
            self.process = EmulatorProcess.start(
                start_argv(program, self._avd.name, ports.console, options),
                avd=self._avd.name,
                environment=self._sdk.environment(),
                ports=ports,
                log=log,
            )
        self._booting = Booting(
            name=self._avd.name, port=self.process.port, began=began, ended=self._ended, log=log
        )
        self._order.tell(f"Starting {self._avd.name} as {self.process.serial}; its log is {log}")

    def _ended(self) -> EmulatorError | None:
        code = self.process.exit_code()
        if code is not None:
            return why_it_ended(self._sdk, self._avd, code=code, log=self.process.log)
        return not_waited_for(self._avd.name, self._order)


def _new_log(folder: Path, name: str, port: int) -> Path:
    """A file for what an emulator prints; the oldest of many are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    named = {note.log for note in read_notes()}
    kept = sorted(file for file in folder.glob("*.log") if str(file) not in named)
    for old in kept[: max(0, len(kept) - _KEPT_LOGS + 1)]:
        old.unlink(missing_ok=True)
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S%fZ")
    return folder / f"{stamp}-{name}-{port}.log"
