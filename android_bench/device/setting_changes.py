"""What each wish for a device's settings means there: commands that make a change, and that take it back.

Everything is read and refused before anything is changed.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from android_bench.device import Device
from android_bench.errors import DeviceCommandError, UsageError
from android_bench.transport.discovery import tcp_address

_BRIGHTEST = 255
_POLICIES = "/sys/devices/system/cpu/cpufreq"
# While on AC (1), USB (2) or wireless power (4): android.os.BatteryManager.BATTERY_PLUGGED_*
_PLUGGED_ANY = 7
_KEY_WAKE_UP = 224
_BRIGHTNESS = "screen_brightness"
_GOVERNOR = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSettings:
    """What is wished for; by default nothing is changed.

    ``stay_awake`` wakes the screen and keeps it on while the device has power from a cable: a phone whose
    screen is off lowers its clocks. ``brightness`` (0 to 255) is fixed: the screen heats. ``airplane``
    silences the radios. ``governor`` (such as ``performance``) needs root.
    """

    stay_awake: bool = False
    brightness: int | None = None
    airplane: bool = False
    governor: str | None = None

    def __post_init__(self) -> None:
        if self.brightness is not None and not 0 <= self.brightness <= _BRIGHTEST:
            raise ValueError(f"the brightness must lie between 0 and {_BRIGHTEST}")
        if self.governor is not None and not _GOVERNOR.fullmatch(self.governor):
            raise ValueError(f"{self.governor!r} cannot be a governor's name")

    @property
    def wanted(self) -> bool:
        """Whether anything is wished for."""
        return self != DeviceSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change: shell commands that make it and that take it back, and a word for it."""

    name: str
    apply: str
    restore: str


def planned_changes(device: Device, wish: DeviceSettings) -> list[Change]:
    """Read what the settings are, and plan the changes; nothing is changed yet."""
    changes: list[Change] = []
    if wish.stay_awake:
        stay = _setting(device, "global", "stay_on_while_plugged_in", str(_PLUGGED_ANY))
        changes.append(
            Change(
                name="stay awake",
                apply=f"{stay.apply} && input keyevent {_KEY_WAKE_UP}",
                restore=stay.restore,
            )
        )
    if wish.brightness is not None:
        changes.append(_setting(device, "system", "screen_brightness_mode", "0"))
        changes.append(_setting(device, "system", _BRIGHTNESS, str(wish.brightness)))
    if wish.airplane:
        changes.extend(_airplane(device))
    if wish.governor is not None:
        changes.extend(_governors(device, wish.governor))
    return changes


def _setting(device: Device, namespace: str, key: str, value: str) -> Change:
    """One of Android's settings; what was unset (``null``) is deleted again."""
    [said] = device.sections([f"settings get {namespace} {key} 2>&1"])
    was = said.strip()
    if not re.fullmatch(r"null|-?[0-9]+(\.[0-9]+)?", was):
        raise DeviceCommandError(
            f"{device.transport.serial} does not tell its setting {key}: {was or 'it said nothing'}",
            command=f"settings get {namespace} {key}",
            exit_code=1,
            output=was,
            hint="Leave this setting out.",
        )

    def put(value: str) -> str:
        # Androids before 8 say nothing of a refusal. The brightness alone may be rounded meanwhile.
        proof = f' && [ "$(settings get {namespace} {key})" = {value} ]'
        return f"settings put {namespace} {key} {value}{proof if key != _BRIGHTNESS else ''}"

    return Change(
        name=key.replace("_", " "),
        apply=put(value),
        restore=f"settings delete {namespace} {key} >/dev/null" if was == "null" else put(was),
    )


def _airplane(device: Device) -> list[Change]:
    serial = device.transport.serial
    if is_wireless(serial):
        raise UsageError(
            f"Airplane mode would cut the connection to {serial}.",
            hint="Connect it by cable, or leave out --airplane.",
        )
    [state] = device.sections(["cmd connectivity airplane-mode 2>&1"])
    if state not in {"enabled", "disabled"}:
        raise UsageError(
            f"{serial} does not let the shell switch airplane mode; Android 11 and later do.",
            hint="Switch it by hand, and leave out --airplane.",
        )

    def switch(order: str) -> str:
        command = "cmd connectivity airplane-mode"
        return f'{command} {order} && [ "$({command})" = {order}d ]'

    on = Change(name="airplane mode", apply=switch("enable"), restore=switch("disable"))
    return [on] if state == "disabled" else []


def _governors(device: Device, governor: str) -> list[Change]:
    """The governor of every clock; each may have had another one."""
    as_root = _root_command(device)
    listing = (
        f"for p in {_POLICIES}/policy[0-9]*; do read -r now <$p/scaling_governor && "
        'read -r all <$p/scaling_available_governors && echo "${p##*/} $now $all"; done'
    )
    [said] = device.sections([as_root(listing)])
    clocks = [line.split() for line in said.splitlines() if re.match(r"policy[0-9]+ \w+ \w+", line)]
    if not clocks:
        raise UsageError(
            f"{device.transport.serial} does not tell its governors.",
            hint="Leave out --governor.",
        )
    changes = []
    for policy, now, *known in clocks:
        if governor not in known:
            raise UsageError(
                f"{device.transport.serial} has no governor {governor!r} for {policy}.",
                hint=f"It has {', '.join(known)}.",
            )
        file = f"{_POLICIES}/{policy}/scaling_governor"
        # Some kernels take the word and do not follow it.
        proof = f'read -r g <{file} && [ "$g" = %s ]'
        changes.append(
            Change(
                name=f"governor of {policy}",
                apply=as_root(f"echo {governor} >{file} && {proof % governor}"),
                restore=as_root(f"echo {now} >{file} && {proof % now}"),
            )
        )
    return changes


def _root_command(device: Device) -> Callable[[str], str]:
    """How a command is run as root there: as it is, or through one of the two kinds of ``su``.

    Raises:
        UsageError: the device is not rooted.
    """
    ways: tuple[tuple[str, Callable[[str], str]], ...] = (
        ("id -u", lambda command: command),
        ("su -c 'id -u'", lambda command: f"su -c {shlex.quote(command)}"),
        ("su 0 id -u", lambda command: f"su 0 sh -c {shlex.quote(command)}"),
    )
    for question, way in ways:
        if device.sections([question]) == ["0"]:
            return way
    raise UsageError(
        f"{device.transport.serial} is not rooted, and governors are root's alone.",
        hint="Leave out --governor; on a userdebug build: adb root",
    )


def is_wireless(serial: str) -> bool:
    """Whether a device is reached through its radio. What is on this computer's loopback is not."""
    if "._adb-tls-connect." in serial:
        return True
    address = tcp_address(serial)
    if address is None or address[0] == "localhost":
        return False
    try:
        return not ipaddress.ip_address(address[0]).is_loopback
    except ValueError:  # a name
        return True
