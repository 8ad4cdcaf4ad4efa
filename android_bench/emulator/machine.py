"""What this machine can run: ABIs, and whether the processor helps with it."""

from __future__ import annotations

import errno
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

KVM = Path("/dev/kvm")
# The rule of GitHub's announcement of KVM on its runners (github.blog changelog, 2023-02-23) and of
# the README of reactivecircus/android-emulator-runner.
KVM_RULE = (
    """echo 'KERNEL=="kvm", GROUP="kvm", MODE="0666", OPTIONS+="static_node=kvm"' | """
    "sudo tee /etc/udev/rules.d/99-kvm4all.rules && sudo udevadm control --reload-rules && "
    "sudo udevadm trigger --name-match=kvm"
)
_IMAGES = {
    "x86_64": ("x86_64", "x86"),
    "amd64": ("x86_64", "x86"),
    "aarch64": ("arm64-v8a",),
    "arm64": ("arm64-v8a",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is missing, as a sentence, and the command for it."""

    message: str
    hint: str


def runnable_abis(machine: str | None = None) -> tuple[str, ...]:
    """The ABIs of system images that the emulator runs on this machine, the best first.

    From its own refusal: "System image must match the host architecture".
    """
    return _IMAGES.get((machine or platform.machine()).lower(), ())


def acceleration_problem(
    *, kvm: Path = KVM, system: str | None = None, machine: str | None = None
) -> Problem | None:
    """Why the emulator would run without the processor's help; ``None`` when it has it.

    The order of questions is that of the emulator's ``ProbeKVM`` (android/emulation/CpuAccelerator).
    macOS has its own framework and needs nothing.
    """
    if (system or sys.platform) != "linux":
        return None
    if not kvm.exists():
        intel = "intel" in _processor().lower()
        module = "kvm_intel" if intel else "kvm_amd"
        x86 = (machine or platform.machine()).lower() in {"x86_64", "amd64"}
        load = f"sudo modprobe {module}; " if x86 else ""
        return Problem(
            message=f"KVM is missing: there is no {kvm}.",
            hint=f"{load}is virtualisation on in the firmware, or nested in a virtual machine? "
            "Without it, ten times slower: --accel off",
        )
    try:
        os.close(os.open(kvm, os.O_RDWR))
    except OSError as error:
        if error.errno in {errno.EACCES, errno.EPERM}:
            return no_permission(str(kvm))
        return Problem(
            message=f"KVM cannot be used: opening {kvm} fails: {error.strerror}.",
            hint="Does another program hold the processor's virtualisation (VirtualBox)? "
            "Without it, ten times slower: --accel off",
        )
    return None


def no_permission(kvm: str) -> Problem:
    """This user may not open KVM."""
    in_ci = bool(os.environ.get("CI"))
    return Problem(
        message=f"This user may not use KVM: {kvm} cannot be opened for reading and writing.",
        hint=KVM_RULE if in_ci else 'sudo gpasswd -a "$USER" kvm, then log in again',
    )


def _processor() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")[:4096]
    except OSError:
        return ""
