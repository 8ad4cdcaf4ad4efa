"""What is measured: artifacts from files, told apart by name, beside their baselines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from android_bench.errors import UsageError
from android_bench.results import Side
from optimizer.artifact import Artifact, read_manifest

Entry = tuple["Side | None", Artifact]


def side_by_side(baseline: Sequence[Artifact], candidates: Sequence[Artifact]) -> list[Entry]:
    """Each candidate beside the baseline of its name, so that their invocations are neighbours."""
    old = {one.name: one for one in baseline}
    entries: list[Entry] = []
    for new in candidates:
        if new.name in old:
            entries.append((Side.BASELINE, old.pop(new.name)))
        entries.append((Side.CANDIDATE, new))
    return entries + [(Side.BASELINE, one) for one in old.values()]


def needs_flex(artifact: Artifact) -> bool:
    """Whether a model holds TensorFlow operators, which only some builds of benchmark_model run."""
    if b"Flex" not in artifact.path.read_bytes():
        return False
    from optimizer.tflite_file import inspect

    return inspect(artifact.path).needs_flex


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


def refuse_twins(artifacts: Sequence[Artifact]) -> None:
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
