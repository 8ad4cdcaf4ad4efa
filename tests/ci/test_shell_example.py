"""The plain-shell example: what each exit code of ``android-bench ci`` makes a job do."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from tests.ci.action_runner import search_path

SCRIPT = Path(__file__).parents[2] / "docs" / "ci" / "ci.sh"


def run(folder: Path, *codes: int, **environment: str) -> tuple[int, list[str], str]:
    """Run the script with a program in the tool's place that ends with these codes, one after the other."""
    (folder / "codes").write_text("".join(f"{code}\n" for code in codes))
    program = folder / "android-bench"
    program.write_text(
        "#!/usr/bin/env bash\n"
        f'echo "$*" >> {folder}/calls\n'
        f"code=$(head -n 1 {folder}/codes)\n"
        f"sed -i 1d {folder}/codes\n"
        "exit $code\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    done = subprocess.run(
        ["bash", str(SCRIPT), "--device", "two words"],
        env={"PATH": search_path(folder), "PAUSE": "0", **environment},
        capture_output=True,
        text=True,
    )
    return done.returncode, (folder / "calls").read_text().splitlines(), done.stderr


@pytest.mark.parametrize(
    ("code", "ends_with", "says"),
    [
        (0, 0, ""),
        (1, 1, "before there was a verdict"),
        (2, 2, "before there was a verdict"),
        (3, 3, "Regressed"),
        (4, 0, "Cannot be told"),
        (130, 130, "Interrupted"),
    ],
)
def test_what_each_code_does(tmp_path: Path, code: int, ends_with: int, says: str) -> None:
    seen, calls, told = run(tmp_path, code)
    assert seen == ends_with
    assert says in told
    assert calls == ["ci --junit junit.xml --markdown summary.md --device two words"]


def test_what_cannot_be_told_can_block(tmp_path: Path) -> None:
    assert run(tmp_path, 4, INCONCLUSIVE="fail")[0] == 4


def test_infrastructure_is_tried_again_from_where_it_stopped(tmp_path: Path) -> None:
    code, calls, _ = run(tmp_path, 5, 3)
    assert code == 3
    assert len(calls) == 2
    assert calls[1].startswith("ci --resume ")


def test_infrastructure_that_stays_broken_is_no_verdict(tmp_path: Path) -> None:
    code, calls, told = run(tmp_path, 5, 5, 5)
    assert (code, len(calls)) == (5, 2)
    assert "No verdict" in told
