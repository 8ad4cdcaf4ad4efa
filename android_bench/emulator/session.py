"""Emulators for the length of a block, or until they are stopped.

``started_emulator`` is what a measurement uses: the emulator boots, is measured on, and ends with the
block, on Ctrl-C, on failure, and when the process is killed. ``start_kept`` leaves emulators running, with
notes by which ``stop`` finds them again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from android_bench.emulator.console import Found, running_emulators
from android_bench.emulator.ending import started_at
from android_bench.emulator.errors import EmulatorError
from android_bench.emulator.launch import Order, await_running, boot
from android_bench.emulator.notes import Note, keep_note, read_notes, state_folder
from android_bench.emulator.ports import is_reserved
from android_bench.emulator.process import EmulatorProcess
from android_bench.emulator.reach import parse_selector
from android_bench.emulator.sdk import adb_command


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningEmulator:
    """An emulator that this process started and that can be measured on.

    ``serial`` is what ``--device`` and ``ANDROID_SERIAL`` take; ``port`` is its console's; ``log`` holds
    what it printed.
    """

    avd: str
    serial: str
    port: int
    log: Path
    pid: int


@contextmanager
def started_emulator(avd: str, order: Order | None = None) -> Iterator[RunningEmulator]:
    """Start an emulator of the virtual device ``avd``, wait until it is ready, end it with the block.

    Raises:
        EmulatorError: what is missing for it, or why it did not boot.
    """
    with started_emulators([avd], order) as (running,):
        yield running


@contextmanager
def started_emulators(
    avds: Sequence[str], order: Order | None = None
) -> Iterator[tuple[RunningEmulator, ...]]:
    """Start several side by side, and end them all with the block."""
    with ExitStack() as stack:
        processes = boot(avds, order or Order())
        for process in processes:
            stack.callback(process.end)
        yield tuple(map(_running, processes))


@contextmanager
def session_device(selector: str | None, order: Order | None = None) -> Iterator[str | None]:
    """The device that a selector names, for the length of a block, as ``open_transport`` takes it.

    ``emulator:AVD`` is the emulator of that virtual device that runs already, and stays, else one that is
    started for the block: one that ends with another process of this tool is none to rely on. Everything
    else is passed through.
    """
    wanted = parse_selector(selector)
    if wanted is None or wanted.port is not None:
        yield selector
        return
    order = order or Order()
    lasting = {note.port for note in read_notes()}
    for one in running_emulators():
        if one.avd == wanted.avd and (
            one.port in lasting or not is_reserved(state_folder() / "ports", one.port)
        ):
            await_running(one, order)
            yield str(replace(wanted, port=one.port))
            return
    with started_emulator(wanted.avd, order) as running:
        yield str(replace(wanted, port=running.port))


def start_kept(avds: Sequence[str], order: Order | None = None) -> tuple[RunningEmulator, ...]:
    """Start emulators that go on when this process ends, until they are stopped. A failure leaves none."""
    processes = boot(avds, order or Order())
    try:
        for process in processes:
            keep_note(_note(process))
        for process in processes:
            process.let_go()
    except BaseException:
        for process in processes:
            process.end()
        raise
    return tuple(map(_running, processes))


def ours(names: Sequence[str]) -> tuple[Note, ...]:
    """The emulators that ``start_kept`` started, by AVD, serial or port; all of them without a name.

    Raises:
        EmulatorError: a name is that of no emulator, or of one that somebody else started.
    """
    notes = read_notes()
    found: list[Note] = []
    for name in names:
        known = [note for note in notes if name in {note.avd, note.serial, str(note.port)}]
        if not known:
            raise _not_ours(name, running_emulators())
        found += [note for note in known if note not in found]
    return tuple(found) if names else notes


def _not_ours(name: str, running: Sequence[Found]) -> EmulatorError:
    other = next((one for one in running if name in {one.avd, one.serial, str(one.port)}), None)
    if other is None:
        return EmulatorError(
            f"No emulator {name} runs.", hint="android-bench emulator list shows what runs."
        )
    return EmulatorError(
        f"{other.serial} ({other.avd}) was not started by android-bench emulator start.",
        hint=f"Who started it ends it: {adb_command()} -s {other.serial} emu kill",
    )


def _note(process: EmulatorProcess) -> Note:
    return Note(
        avd=process.avd,
        port=process.port,
        pid=process.pid,
        pid_started_at=started_at(process.pid) or "",
        keeper=process.keeper_pid,
        keeper_started_at=started_at(process.keeper_pid) or "",
        log=str(process.log),
    )


def _running(process: EmulatorProcess) -> RunningEmulator:
    return RunningEmulator(
        avd=process.avd,
        serial=process.serial,
        port=process.port,
        log=process.log,
        pid=process.pid,
    )
