"""Samples as raw tensors: from numpy files or seeded at random, as each model's inputs take them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from android_bench.benchmark_model import InputTensor
from android_bench.errors import UsageError
from optimizer.artifact import Artifact, TensorSpec

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[Any]

RANDOM = "random"
_SEED = 20261125
# Word ids and the like: any model has these.
_LAST_ID = 99


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """One input of one sample as a file on this computer."""

    name: str
    shape: tuple[int, ...]
    path: Path

    def at(self, remote: str) -> InputTensor:
        """The same input as benchmark_model is told of it."""
        return InputTensor(name=self.name, shape=self.shape, path=remote)


@dataclass(slots=True)
class NumericsInputs:
    """Samples of real data, or seeded random ones, prepared for each model; files in ``folder``."""

    source: str
    folder: Path
    _data: dict[str, Array] | None = field(default=None, init=False)

    def refuse_unusable(self, artifact: Artifact, samples: int) -> None:
        """Raise UsageError when the data do not fit a model, before anything is pushed."""
        for sample in range(samples):
            self.sample(artifact, sample)

    def sample(self, artifact: Artifact, number: int) -> tuple[InputFile, ...]:
        """The files of one sample, in the order of the model's inputs."""
        import numpy as np

        if not artifact.inputs:
            raise UsageError(
                f"{artifact.name} does not tell its inputs, so none can be fed.",
                hint="Leave --numerics out for it.",
            )
        files = []
        for index, spec in enumerate(artifact.inputs):
            path = self.folder / f"{artifact.sha256[:16]}.{number}.{index}.bin"
            array = self._array(artifact, index, number)
            if not path.exists():
                path.write_bytes(np.ascontiguousarray(array).tobytes())
            files.append(InputFile(name=spec.name, shape=tuple(array.shape), path=path))
        return tuple(files)

    def _array(self, artifact: Artifact, index: int, number: int) -> Array:
        spec = artifact.inputs[index]
        if self.source == RANDOM:
            return _random(spec, number)
        found = _matching(self._read(), artifact.inputs, index, self.source)
        if not found.ndim or found.dtype.kind not in "fiub":
            raise UsageError(
                f"{self.source} holds {found.dtype} of shape {found.shape} for the input {spec.name!r}, "
                "which are no samples of numbers.",
                hint="The first dimension counts the samples.",
            )
        if number >= len(found):
            raise UsageError(
                f"{self.source} has {len(found)} samples, {number + 1} are asked for.",
                hint=f"--numerics-samples {len(found)}",
            )
        return _fitted(found[number], spec, artifact, self.source)

    def _read(self) -> dict[str, Array]:
        if self._data is None:
            self._data = _load(Path(self.source))
        return self._data


def _load(path: Path) -> dict[str, Array]:
    import numpy as np

    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return {"": loaded}
            # Each array is read only here, and may be damaged, or of Python's objects.
            return {name: loaded[name] for name in loaded.files}
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise UsageError(
            f"{path} cannot be read as numpy data: {error}.",
            hint=f"--numerics takes a .npz or .npy file, or the word {RANDOM}.",
        ) from error


def _matching(
    data: dict[str, Array], inputs: Sequence[TensorSpec], index: int, source: str
) -> Array:
    """The array of an input: by its name, or the only one whose samples have its shape."""
    spec = inputs[index]
    if spec.name in data:
        return data[spec.name]
    fitting = [array for array in data.values() if _fits(array.shape[1:], spec.shape)]
    same = [one for one in inputs if len(one.shape) == len(spec.shape)]
    if len(fitting) == 1 and (len(same) == 1 or len(inputs) == 1):
        return fitting[0]
    have = ", ".join(f"{name or 'an array'} {tuple(a.shape)}" for name, a in data.items())
    raise UsageError(
        f"{source} has no samples for the input {spec.name!r} of shape {spec.shape}; it has {have}.",
        hint=f"Save them under the input's name: numpy.savez(FILE, **{{{spec.name!r}: samples}})",
    )


def _fits(sample: Sequence[int], shape: Sequence[int]) -> bool:
    wanted = tuple(shape[1:])
    return len(sample) == len(wanted) and all(
        want in {-1, have} for have, want in zip(sample, wanted, strict=True)
    )


def _fitted(sample: Array, spec: TensorSpec, artifact: Artifact, source: str) -> Array:
    """One sample as the model takes it: normalised as its data were, then quantized as its input is."""
    import numpy as np

    if not _fits(sample.shape, spec.shape):
        raise UsageError(
            f"The samples of {source} have the shape {tuple(sample.shape)}; the input {spec.name!r} of "
            f"{artifact.name} takes {spec.shape[1:]}.",
            hint="Save the samples in the model's shape, without a batch dimension of their own.",
        )
    array = sample[np.newaxis]
    wanted = _numeric(spec)
    if array.dtype == wanted and wanted.kind != "f":
        return array
    real = array.astype(np.float64)
    if artifact.pixels is not None and array.dtype == np.uint8:
        mean, std = (np.asarray(part) for part in artifact.pixels)
        real = (real - mean) / std
    if wanted.kind in "iu" and not np.isfinite(real).all():
        raise UsageError(
            f"A sample of {source} for the input {spec.name!r} is not finite, which {wanted} cannot hold.",
            hint="Take the samples with NaN or infinity out.",
        )
    if wanted.kind in "iu" and spec.scale:
        limits = np.iinfo(wanted)
        real = np.round(real / spec.scale) + (spec.zero_point or 0)
        clipped: Array = np.clip(real, limits.min, limits.max).astype(wanted)
        return clipped
    return real.astype(wanted)


def _random(spec: TensorSpec, number: int) -> Array:
    import numpy as np

    random = np.random.default_rng([_SEED, number])
    shape = tuple(1 if size < 0 else size for size in spec.shape)
    wanted = _numeric(spec)
    if wanted.kind == "f":
        return random.uniform(-1, 1, shape).astype(wanted)
    if wanted.kind == "b":
        return random.integers(0, 2, shape).astype(wanted)
    if wanted.kind in "iu":
        limits = np.iinfo(wanted)
        low, high = (limits.min, limits.max) if spec.scale else (0, _LAST_ID)
        return random.integers(low, high, shape, endpoint=True).astype(wanted)
    raise _unfit(spec)


def _numeric(spec: TensorSpec) -> np.dtype[Any]:
    import numpy as np

    try:
        return np.dtype(spec.dtype)
    except TypeError as error:
        raise _unfit(spec) from error


def _unfit(spec: TensorSpec) -> UsageError:
    return UsageError(
        f"The input {spec.name!r} takes {spec.dtype}, which numerics cannot feed from a file.",
        hint="Leave --numerics out for this model.",
    )
