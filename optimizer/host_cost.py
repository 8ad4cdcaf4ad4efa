"""What an inference costs on this computer: LiteRT on one thread, each sample a process of its own.

Never a phone's latency, and always called a host's. It runs as ``python -m optimizer.host_cost`` so that
nothing of TensorFlow is in the processes whose memory is measured. Variants take turns, in one order and
then in the other, so that what else the computer does hits all of them.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimizer.errors import OptimizerError

ROUNDS = 3
_WARM_UP_S = 0.02
_MEASURED_S = 0.04
_FEWEST_INFERENCES = 3
_TIMEOUT_S = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCost:
    """The median over processes of each one's mean latency, and of the memory a process came to need.

    ``memory_bytes`` is how much the process grew over its size before it read the model.
    """

    latency_us: float
    memory_bytes: int | None
    rounds: int


def measure_on_host(models: Sequence[Path], *, rounds: int = ROUNDS) -> tuple[HostCost, ...]:
    """Measure the cost of every model on this computer.

    Raises:
        OptimizerError: a model does not run here.
    """
    order = [str(path) for path in models]
    done = subprocess.run(
        [sys.executable, "-m", "optimizer.host_cost", str(rounds), *order],
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        raise OptimizerError(
            f"The host's latency could not be measured: {said[-1][:300]}",
            hint="android-bench run MODEL --device host shows all that LiteRT says",
        )
    return tuple(HostCost(**item) for item in json.loads(done.stdout.splitlines()[-1]))


def _main(rounds: int, models: list[str]) -> None:
    """Measure in turn, and print a list of costs."""
    # Once, before the processes part: what is loaded later would count as the model's memory.
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    np.random.default_rng(0).random(1)
    Interpreter(model_path=models[0], num_threads=1).allocate_tensors()

    samples: dict[str, list[dict[str, Any]]] = {model: [] for model in models}
    for number in range(rounds):
        for model in models if number % 2 == 0 else reversed(models):
            samples[model].append(_in_a_process(model))
    costs = []
    for model in models:
        memory = [item["memory_bytes"] for item in samples[model] if item["memory_bytes"]]
        costs.append(
            {
                "latency_us": statistics.median(item["latency_us"] for item in samples[model]),
                "memory_bytes": round(statistics.median(memory)) if memory else None,
                "rounds": rounds,
            }
        )
    print(json.dumps(costs))


def _in_a_process(model: str) -> dict[str, Any]:
    """One sample in a process that ends with it."""
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiving)
        try:
            told = json.dumps(_sample(model))
        except Exception as error:  # noqa: BLE001 (whatever LiteRT raises goes to the parent)
            told = json.dumps({"error": " ".join(str(error).split())[:300]})
        os.write(sending, told.encode())
        os._exit(0)
    os.close(sending)
    with os.fdopen(receiving) as stream:
        text = stream.read()
    _, status = os.waitpid(child, 0)
    if not text or status:
        sys.exit(f"{Path(model).name}: LiteRT ended with signal {status}")
    found: dict[str, Any] = json.loads(text)
    if "error" in found:
        sys.exit(f"{Path(model).name}: {found['error']}")
    return found


def _sample(model: str) -> dict[str, Any]:
    """Load, warm up, and run for a moment; random inputs as benchmark_model's."""
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    before = _memory("VmRSS")
    interpreter = Interpreter(model_path=model, num_threads=1)
    interpreter.allocate_tensors()
    random = np.random.default_rng(0)
    for detail in interpreter.get_input_details():
        kind = np.dtype(detail["dtype"]).kind
        values = random.random(detail["shape"]) - 0.5 if kind == "f" else np.zeros(detail["shape"])
        interpreter.set_tensor(detail["index"], values.astype(detail["dtype"]))
    _runs(interpreter, _WARM_UP_S)
    count, elapsed = _runs(interpreter, _MEASURED_S)
    after = _memory("VmHWM")
    grown = None if before is None or after is None else max(0, after - before)
    return {"latency_us": elapsed / count * 1e6, "memory_bytes": grown}


def _runs(interpreter: Any, least_s: float) -> tuple[int, float]:
    """Run for at least so long; the number of inferences and the time they took in seconds."""
    start = time.perf_counter()
    count = 0
    while True:
        interpreter.invoke()
        count += 1
        elapsed = time.perf_counter() - start
        if elapsed >= least_s and count >= _FEWEST_INFERENCES:
            return count, elapsed


def _memory(what: str) -> int | None:
    """A figure of this process's memory in bytes, where the system tells it."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    line = next((line for line in status.splitlines() if line.startswith(f"{what}:")), None)
    return int(line.split()[1]) * 1024 if line else None


if __name__ == "__main__":
    _main(int(sys.argv[1]), sys.argv[2:])
