"""What ``doctor`` says about emulators: all of it is optional, and nothing is run for it."""

from __future__ import annotations

from collections.abc import Iterator

from android_bench.doctor import Check, State
from android_bench.emulator.avds import avds_on_disk
from android_bench.emulator.errors import EmulatorError
from android_bench.emulator.machine import acceleration_problem, runnable_abis
from android_bench.emulator.sdk import Sdk, find_sdk


def emulator_checks() -> Iterator[Check]:
    """The SDK and its emulator, its licence, the processor's help, and the virtual devices."""
    try:
        sdk = find_sdk()
    except EmulatorError as error:
        yield _optional("Android SDK", f"{_clause(error)}; needed for emulators only", error.hint)
        return
    yield from _programs(sdk)
    problem = acceleration_problem()
    if problem is None:
        yield Check(name="virtualisation", state=State.OK, detail="emulators run at full speed")
    else:
        yield _optional("virtualisation", problem.message.rstrip("."), problem.hint)
    yield _virtual_devices(sdk)


def _programs(sdk: Sdk) -> Iterator[Check]:
    emulator = sdk.find("emulator")
    if emulator is None:
        install = sdk.install_command("emulator", "platform-tools")
        yield _optional("emulator", f"not in the SDK in {sdk.root}", install)
    else:
        yield Check(name="emulator", state=State.OK, detail=str(emulator))
    if sdk.find("avdmanager") is None or sdk.find("sdkmanager") is None:
        yield _optional(
            "command-line tools",
            f"not in the SDK in {sdk.root}; they make virtual devices",
            "https://developer.android.com/studio#command-line-tools-only",
        )
    elif not sdk.licence_accepted:
        yield _optional(
            "SDK licence", "not accepted; no image can be installed", sdk.licences_command
        )


def _virtual_devices(sdk: Sdk) -> Check:
    found = avds_on_disk(sdk)
    if found:
        names = ", ".join(f"{avd.name} (API {avd.api or '?'}, {avd.abi or '?'})" for avd in found)
        return Check(name="virtual devices", state=State.OK, detail=names)
    abi = next(iter(runnable_abis()), "x86_64")
    return _optional(
        "virtual devices", "none", f"android-bench emulator create ci --api 34 --abi {abi}"
    )


def _optional(name: str, detail: str, hint: str | None) -> Check:
    return Check(name=name, state=State.OPTIONAL, detail=detail, hint=hint)


def _clause(error: EmulatorError) -> str:
    return str(error).rstrip(".")
