"""The gate of ``android-bench ci`` on unchanged models: false alarms, and what it costs beside measuring.

    python -m tests.benchmarks.bench_gate --comparisons 200

The device is the lab's: a real adbd and the real benchmark_model. A comparison is one variant, measured twenty
times as baseline and twenty times as candidate in one session, with the gate of 1 %. Its invocations are short,
so that two hundred comparisons take twenty minutes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from optimizer.artifact import write_manifest
from optimizer.tflite_file import artifact_of
from tests.benchmark_model.models import Graph, Op, Tensor, build
from tests.lab.device import Lab, VirtualDevice

VARIANTS = 4
TOOL = str(Path(sys.executable).with_name("android-bench"))
# The goals of issue 6.
MOST_FALSE_ALARMS = 0.01
MOST_OVERHEAD_S = 10.0


def main(comparisons: int = VARIANTS) -> None:
    lab = Lab()
    reason = lab.missing_reason()
    if reason is not None:
        print(f"  not measured: {reason}")
        return
    with VirtualDevice(lab=lab) as device, tempfile.TemporaryDirectory() as folder:
        _repository(Path(folder), device)
        states: list[str] = []
        overheads: list[float] = []
        while len(states) < comparisons:
            found, overhead = _ci(Path(folder), device)
            states += found
            overheads.append(overhead)
    failed = states.count("failed")
    print(
        f"  {len(states)} unchanged comparisons: {failed} called regressed "
        f"({failed / len(states):.2%}, goal {MOST_FALSE_ALARMS:.0%}), "
        f"{states.count('passed')} passed, {states.count('inconclusive')} inconclusive"
    )
    middle = sorted(overheads)[len(overheads) // 2]
    print(
        f"  ci of {VARIANTS} unchanged variants beside the measuring: {middle:.1f} s "
        f"(goal {MOST_OVERHEAD_S:g} s)"
    )


def _repository(folder: Path, device: VirtualDevice) -> None:
    def git(*words: str) -> None:
        names = ("-c", "user.name=Bench", "-c", "user.email=bench@example.com")
        subprocess.run(["git", *names, *words], cwd=folder, check=True, capture_output=True)

    tables = []
    for number in range(VARIANTS):
        size = 40_000 + 10_000 * number
        graph = Graph(
            tensors=[Tensor("x", (1, size)), Tensor("y", (1, size))],
            ops=[Op("TANH", ["x"], ["y"])],
            inputs=["x"],
            outputs=["y"],
        )
        path = folder / f"net{number}.tflite"
        path.write_bytes(build(graph))
        write_manifest(artifact_of(path))
        tables.append(f'[models.net{number}]\nsource = "{path.name}"\n')
    (folder / "android-bench.toml").write_text(
        "\n".join(tables)
        + f'\n[measure]\ndevices = ["{device.serial}"]\nmin_secs = 0.05\nwarmup_secs = 0.02\n'
        'num_runs = 5\nmemory = 0\n\n[gates]\nlatency = "1%"\n\n[baseline]\nfrom = "git:HEAD"\n'
    )
    (folder / ".gitignore").write_text(".android-bench/\n")
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-q", "-m", "Models")


def _ci(folder: Path, device: VirtualDevice) -> tuple[list[str], float]:
    """The states of the latency gates, and the seconds that were not spent in benchmark_model."""
    before = set(folder.rglob("run.json"))
    began = time.perf_counter()
    done = subprocess.run(
        [TOOL, "ci", "--benchmark-binary", str(device.lab.benchmark_binary), "--json"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    wall_s = time.perf_counter() - began
    outcome = json.loads(done.stdout)
    if outcome["infrastructure"]:
        raise RuntimeError(outcome["infrastructure"])
    measured_s = sum(
        record["wall_s"]
        for path in set(folder.rglob("run.json")) - before
        for record in json.loads(path.read_text())["invocations"]
    )
    return [gate["state"] for gate in outcome["gates"]], wall_s - measured_s


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--comparisons", type=int, default=VARIANTS)
    main(parser.parse_args().comparisons)
