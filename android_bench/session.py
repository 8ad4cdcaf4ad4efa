"""From a command's words to a measured session: models, device and binary are found, then measured."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from android_bench.binaries import resolve_binary
from android_bench.config import BenchmarkConfig
from android_bench.device import Device
from android_bench.errors import UsageError
from android_bench.results import DeviceInfo
from android_bench.runner import Cell, Observer, Session, measure
from android_bench.transport.discovery import open_transport
from android_bench.workspace import Workspace
from optimizer.artifact import Artifact, read_manifest


def measure_models(
    models: Sequence[Path],
    configs: Sequence[BenchmarkConfig],
    *,
    device_spec: str | None,
    benchmark_binary: Path | None,
    results: Path,
    observer: Observer,
    memory: bool = True,
    timeout_s: float | None = None,
) -> Session:
    """Measure every model with every configuration on one device.

    Everything that can be refused without a device is refused before one is opened.

    Raises:
        OptimizerError: a model file cannot be used.
        BenchError: the device, the binary or a combination cannot be used.
    """
    artifacts = [open_artifact(model) for model in models]
    _refuse_twins(artifacts)
    with closing(open_transport(device_spec)) as transport:
        device = Device(transport)
        info = device.info()
        binary = resolve_binary(info, given=benchmark_binary)
        cells = [Cell(artifact=one, config=config) for config in configs for one in artifacts]
        return measure(
            device,
            Workspace(device),
            binary,
            cells,
            device_info=info,
            results=results,
            observer=observer,
            memory=memory,
            timeout_s=timeout_s,
        )


def device_info(spec: str | None) -> DeviceInfo:
    """Open a device, read who it is, and close it again."""
    with closing(open_transport(spec)) as transport:
        return Device(transport).info()


def open_artifact(model: Path) -> Artifact:
    """The artifact of a ``.tflite``: from its manifest, else from the file itself.

    The flatbuffer is only opened when there is no manifest, which keeps numpy out of most runs.

    Raises:
        ModelError: the file is missing, empty, truncated or no TFLite model.
    """
    if model.is_file():
        artifact = read_manifest(model)
        if artifact is not None:
            return artifact
    from optimizer.tflite_file import artifact_of

    return artifact_of(model)


def _refuse_twins(artifacts: Sequence[Artifact]) -> None:
    """Two models of one name and different content could not be told apart in a report."""
    seen: dict[str, Artifact] = {}
    for artifact in artifacts:
        twin = seen.setdefault(artifact.name, artifact)
        if twin is artifact:
            continue
        if twin.path.resolve() == artifact.path.resolve():
            raise UsageError(f"{artifact.path} is named twice.", hint="Name each model once.")
        raise UsageError(
            f"{twin.path} and {artifact.path} are both called {artifact.name!r}.",
            hint="Rename one of the files, or measure them in two runs.",
        )
