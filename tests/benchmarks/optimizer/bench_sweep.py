"""A sweep of eight variants after training against one alone (goal: 2.5 ×), and done again (goal: 2 s)."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.optimizer.fashion_mnist import arrays, reference_model

EIGHT = "float32,float16,dynamic-range,weight-only,int4,int8,int8-io,int16x8"
ROUNDS = 3


def main() -> None:
    reference_model()
    alone, eight, again, start = [], [], [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryDirectory() as out:
            alone.append(_seconds(cache, out, "int8"))
        with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryDirectory() as out:
            eight.append(_seconds(cache, out, EIGHT))
            again.append(_seconds(cache, out, EIGHT))
        start.append(_timed([str(_tool()), "--version"], {}))
    one, many = statistics.median(alone), statistics.median(eight)
    beyond = statistics.median(again) - statistics.median(start)
    print(f"  one variant {one:.1f} s, eight {many:.1f} s, ratio {many / one:.2f}")
    print(f"  the same eight again: {beyond:.2f} s beyond process start")


def _seconds(cache: str, out: str, recipes: str) -> float:
    train, test = arrays()
    command = [
        str(_tool()), "sweep", str(reference_model()), "--recipe", recipes, "--calibration", str(train),
        "--evaluation", str(test), "--output", out,
    ]  # fmt: skip
    return _timed(command, {"XDG_CACHE_HOME": cache})


def _timed(command: list[str], environment: dict[str, str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **environment})
    return time.perf_counter() - begin


def _tool() -> Path:
    return Path(sys.executable).with_name("android-bench")


if __name__ == "__main__":
    main()
