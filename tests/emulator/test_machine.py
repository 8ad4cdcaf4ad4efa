"""Whether the processor helps, and what to type when it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from android_bench.emulator.machine import KVM_RULE, acceleration_problem

_ASK = (
    "import sys; from pathlib import Path\n"
    "from android_bench.emulator.machine import acceleration_problem\n"
    "problem = acceleration_problem(kvm=Path(sys.argv[1]))\n"
    "print(problem.message if problem else 'none', '|', problem.hint if problem else '')\n"
)


def test_no_kvm(tmp_path: Path) -> None:
    problem = acceleration_problem(kvm=tmp_path / "kvm", system="linux", machine="x86_64")
    assert problem is not None
    assert problem.message == f"KVM is missing: there is no {tmp_path / 'kvm'}."
    assert "modprobe kvm_" in problem.hint
    assert "--accel off" in problem.hint
    elsewhere = acceleration_problem(kvm=tmp_path / "kvm", system="linux", machine="aarch64")
    assert elsewhere is not None
    assert "modprobe" not in elsewhere.hint


def test_one_that_can_be_opened_and_macos(tmp_path: Path) -> None:
    (tmp_path / "kvm").touch()
    assert acceleration_problem(kvm=tmp_path / "kvm", system="linux") is None
    assert acceleration_problem(kvm=tmp_path / "none", system="darwin") is None


def test_one_that_cannot_be_opened_at_all(tmp_path: Path) -> None:
    (tmp_path / "kvm").mkdir()
    problem = acceleration_problem(kvm=tmp_path / "kvm", system="linux")
    assert problem is not None
    assert "Is a directory" in problem.message


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="root alone changes users")
@pytest.mark.parametrize(("ci", "hint"), [("", "gpasswd -a"), ("true", KVM_RULE)])
def test_a_user_without_permission(ci: str, hint: str) -> None:
    kvm = Path("/tmp") / f"kvm-of-a-test-{os.getpid()}"
    kvm.touch()
    kvm.chmod(0o600)
    try:
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--clear-groups", sys.executable, "-c", _ASK, str(kvm)],
            env={**os.environ, "CI": ci, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        kvm.unlink()
    if "Permission denied" in done.stderr:
        pytest.skip("another user cannot read this Python")
    assert f"This user may not use KVM: {kvm} cannot be opened" in done.stdout, done.stderr
    assert hint in done.stdout
