"""The virtual devices and emulators of this machine side by side, and which of them a command means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from android_bench.emulator.avds import Avd, list_avds
from android_bench.emulator.console import Found, running_emulators
from android_bench.emulator.errors import EmulatorError
from android_bench.emulator.machine import runnable_abis
from android_bench.emulator.notes import Note, read_notes
from android_bench.emulator.sdk import find_sdk
from android_bench.emulator.session import ours
from android_bench.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A virtual device, and the emulator that runs it, if one does; ``note`` is what to know of it.

    ``ours``: whether ``emulator start`` started that emulator, so that ``emulator stop`` may end it.
    """

    avd: str
    api: str | None = None
    abi: str | None = None
    image: str | None = None
    serial: str | None = None
    ours: bool = False
    note: str | None = None


def overview() -> tuple[Row, ...]:
    """Every virtual device, one row for each emulator that runs it; running ones are known without an SDK.

    Raises:
        EmulatorError: there is no SDK, and nothing runs.
    """
    running, notes = running_emulators(), read_notes()
    try:
        avds = list_avds(find_sdk())
    except EmulatorError:
        if not running:
            raise
        avds = ()
    known = {avd.name for avd in avds}
    strangers = tuple(Avd(name=name) for name in dict.fromkeys(one.avd for one in running))
    return tuple(
        row
        for avd in (*avds, *(one for one in strangers if one.name not in known))
        for row in _rows(avd, [one for one in running if one.avd == avd.name], notes)
    )


def chosen(names: Sequence[str] | None) -> tuple[str, ...]:
    """The virtual devices that a command means: those named, else the only one.

    Raises:
        UsageError: none is named and there are several.
        EmulatorError: there is none.
    """
    if names:
        return tuple(names)
    found = [avd.name for avd in list_avds(find_sdk())]
    if not found:
        abi = next(iter(runnable_abis()), "x86_64")
        raise EmulatorError(
            "This machine has no virtual device.",
            hint=f"android-bench emulator create ci --api 34 --abi {abi}",
        )
    if len(found) > 1:
        raise UsageError(
            f"There are several virtual devices: {', '.join(found)}.", hint="Name one."
        )
    return tuple(found)


def to_stop(names: Sequence[str], *, everything: bool) -> tuple[Note, ...]:
    """The emulators that ``emulator stop`` means: those named, all, or the only one.

    Raises:
        UsageError: none is named and several run.
        EmulatorError: one that is named is not this tool's, or does not run.
    """
    found = ours(names)
    if names or everything or len(found) < 2:
        return found
    running = ", ".join(f"{note.serial} ({note.avd})" for note in found)
    raise UsageError(f"Several emulators run: {running}.", hint="Name one, or: --all")


def _rows(avd: Avd, running: Sequence[Found], notes: Sequence[Note]) -> tuple[Row, ...]:
    own = {note.port for note in notes}
    plain = Row(avd=avd.name, api=avd.api, abi=avd.abi, image=avd.image, note=_note(avd))
    if not running:
        return (plain,)
    return tuple(
        Row(
            avd=avd.name,
            api=avd.api,
            abi=avd.abi,
            image=avd.image,
            serial=one.serial,
            ours=one.port in own,
            note=None if one.port in own else "not started by android-bench",
        )
        for one in running
    )


def _note(avd: Avd) -> str | None:
    """What keeps a virtual device from running, in a few words."""
    if avd.abi is not None and runnable_abis() and avd.abi not in runnable_abis():
        return "for another processor"
    if avd.image_folder is not None and not avd.image_folder.is_dir():
        return "its system image is not installed"
    return None
