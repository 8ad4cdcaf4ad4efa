"""How the lab is built and kept: what is believed complete, and what a killed build leaves."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.lab import build
from tests.lab.device import Lab
from tests.lab.processes import running, until


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a lab would be built now."""
    monkeypatch.setenv("ANDROID_BENCH_LAB", str(tmp_path))
    return build.lab_root()


def fill(root: Path) -> None:
    """Stands in for the three minutes of the real one."""
    root.mkdir()
    time.sleep(0.2)
    (root / build.MARK).touch()


def test_the_key_follows_all_that_makes_the_lab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = build.key()
    copy = shutil.copytree(build.HERE / "root", tmp_path / "root").parent
    shutil.copy(build.__file__, copy)
    monkeypatch.setattr(build, "HERE", copy)
    monkeypatch.setattr(build, "__file__", str(copy / "build.py"))
    assert build.key() == before  # wherever the checkout is
    for file in (copy / "build.py", copy / "root" / "build-benchmark-model.sh"):
        original = file.read_bytes()
        file.write_bytes(original + b"# another\n")
        assert build.key() != before
        file.write_bytes(original)


def test_a_build_that_is_interrupted_is_not_believed(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(root: Path) -> None:
        root.mkdir()
        (root / "half").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(build, "_fill", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build._build(elsewhere)
    assert not build.is_complete(elsewhere)
    assert [path.name for path in elsewhere.parent.iterdir()] == ["lock"]


def test_what_a_killed_build_left_is_built_anew(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leftover = elsewhere.with_name(f"{elsewhere.name}.part")
    leftover.mkdir()
    (leftover / "half").touch()
    monkeypatch.setattr(build, "_fill", fill)
    build._build(elsewhere)
    assert [path.name for path in elsewhere.iterdir()] == [build.MARK]
    assert not leftover.exists()


def test_of_two_builds_at_once_the_second_waits_and_builds_nothing(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled: list[Path] = []

    def counted(root: Path) -> None:
        filled.append(root)
        fill(root)

    monkeypatch.setattr(build, "_fill", counted)
    both = [threading.Thread(target=build._build, args=(elsewhere,)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert len(filled) == 1
    assert build.is_complete(elsewhere)


def test_where_it_is_and_whether_it_is_there(elsewhere: Path) -> None:
    def ask(flag: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, build.__file__, flag], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout.strip()

    assert ask("--print-key") == (0, build.key())
    assert ask("--print-path") == (0, str(elsewhere))
    assert ask("--check") == (1, str(elsewhere))
    fill(elsewhere)
    assert ask("--check") == (0, str(elsewhere))


def test_a_killed_build_leaves_no_mount_and_no_process(lab: Lab, tmp_path: Path) -> None:
    """The way that debootstrap is run: SIGKILL for the build gives it no chance to clean up."""
    (tmp_path / "proc").mkdir()
    script = f"mount -t tmpfs none {tmp_path}/proc && touch {tmp_path}/mounted; exec sleep 4712"
    program = f"import build; build._run(['sh', '-c', {script!r}], contained=True)"
    process = subprocess.Popen([sys.executable, "-c", program], cwd=build.HERE)
    until(lambda: (tmp_path / "mounted").exists() and bool(running("sleep", "4712")))
    process.send_signal(signal.SIGKILL)
    process.wait()
    until(lambda: not running("sleep", "4712"))
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()
