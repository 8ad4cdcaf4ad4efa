"""Devices by what they are instead of what they are called: ``model:Pixel 9``, ``abi:arm64-v8a``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from android_bench.errors import DeviceError, DeviceNotFoundError
from android_bench.transport.base import Transport

if TYPE_CHECKING:
    from android_bench.transport.discovery import DeviceListing

KINDS = ("model", "abi")
_ASKED = (
    "getprop ro.product.model; getprop ro.product.manufacturer; getprop ro.product.cpu.abilist; "
    "getprop ro.product.cpu.abi"
)


def select(
    kind: str,
    wanted: str,
    listed: Iterable[DeviceListing],
    open_one: Callable[[str], Transport],
) -> str:
    """The name of the first connected device of a model or with an ABI, in the order they are listed.

    A model is its name with or without the manufacturer's, in any case. Devices that do not answer are
    passed over.

    Raises:
        DeviceNotFoundError: there is none; the message says what there is.
    """
    seen = []
    for item in listed:
        if item.transport == "host" or item.state != "device":
            continue
        spec = item.serial if item.transport == "emulator" else f"{item.transport}:{item.serial}"
        try:
            with closing(open_one(spec)) as transport:
                model, maker, *abis = transport.shell(_ASKED).stdout.splitlines()
        except (DeviceError, ValueError):
            continue
        if _fits(kind, wanted, model.strip(), maker.strip(), abis):
            return spec
        seen.append(f"{model.strip()} ({', '.join(filter(None, abis[:1])) or 'no ABI'})")
    raise DeviceNotFoundError(
        f"No connected device is {'of the model' if kind == 'model' else 'for the ABI'} {wanted!r}.",
        hint=f"There are: {', '.join(seen)}"
        if seen
        else "android-bench devices lists what is connected",
    )


def _fits(kind: str, wanted: str, model: str, maker: str, abis: Sequence[str]) -> bool:
    if kind == "abi":
        return wanted in {abi.strip() for line in abis for abi in line.split(",")}
    return wanted.casefold() in {model.casefold(), f"{maker} {model}".casefold()}
