"""Start-up: ``android-bench --help`` against a bare Python that imports typer (goal: within 1.5 ×)."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.benchmarks.pairs import command, in_turn


def main(rounds: int = 15) -> None:
    tool = str(Path(sys.executable).with_name("android-bench"))
    ours, bare, ratio = in_turn(
        command([tool, "--help"]), command([sys.executable, "-c", "import typer"]), rounds=rounds
    )
    print(
        f"  android-bench --help {ours * 1e3:.0f} ms, bare {bare * 1e3:.0f} ms, ratio {ratio:.2f}"
    )


if __name__ == "__main__":
    main()
