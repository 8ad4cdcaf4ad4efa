"""The reference: LiteRT on this computer, run by the stand-in with the flags that the device gets."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path

from android_bench.benchmark_model import command_flags
from android_bench.config import BenchmarkConfig
from android_bench.errors import NumericsError
from android_bench.measuring.numerics.samples import InputFile
from android_bench.results import BinaryFlavor, InvocationKind
from optimizer.artifact import Artifact

_TIMEOUT_S = 600.0


@dataclass(slots=True)
class HostReference:
    """LiteRT's outputs on this computer, each sample of each model once."""

    folder: Path
    _known: dict[tuple[str, int], bytes] = field(default_factory=dict, init=False)

    def outputs(self, artifact: Artifact, number: int, inputs: Sequence[InputFile]) -> bytes:
        """All outputs of one sample, one after the other.

        Raises:
            NumericsError: LiteRT cannot run the model here.
        """
        key = (artifact.sha256, number)
        if key not in self._known:
            target = self.folder / f"{artifact.sha256[:16]}.{number}.reference"
            flags = command_flags(
                BenchmarkConfig(),
                graph=str(artifact.path.resolve()),
                kind=InvocationKind.NUMERICS,
                flavor=BinaryFlavor.HOST_MODEL,
                inputs=[item.at(str(item.path)) for item in inputs],
                output=str(target),
            )
            try:
                done = subprocess.run(
                    [sys.executable, "-m", "android_bench.host_model", *flags],
                    capture_output=True,
                    text=True,
                    timeout=_TIMEOUT_S,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise NumericsError(
                    f"LiteRT on this computer did not end {artifact.name} within {_TIMEOUT_S:g} s, so "
                    "there is nothing to compare with."
                ) from error
            if done.returncode or not target.is_file():
                said = [line for line in done.stdout.splitlines() if line.startswith("ERROR")]
                raise NumericsError(
                    f"LiteRT on this computer cannot run {artifact.name}, so there is nothing to compare "
                    f"with: {' '.join(said) or f'exit code {done.returncode}'}"
                )
            self._known[key] = target.read_bytes()
        return self._known[key]


@cache
def reference_name() -> str:
    """What outputs are compared with."""
    return f"LiteRT {version('ai-edge-litert')} on this computer"
