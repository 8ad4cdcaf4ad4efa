"""What metadata need to know of a model: its tensors, as the file and its signature name them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from optimizer.artifact import Artifact, TensorSpec
from optimizer.errors import ModelError
from optimizer.tflite_reader import DAMAGE, Operator, read

Pixels: TypeAlias = tuple[tuple[float, ...], tuple[float, ...]]
_INTEGERS = {"int8", "uint8", "int16", "int4"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTensor:
    """An input or output: its place in the file, and its name in the signature where there is one."""

    position: int
    spec: TensorSpec
    signature_name: str | None = None

    @property
    def key(self) -> str:
        """The name that says most: the signature's, else the tensor's own."""
        return self.signature_name or self.spec.name

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes, -1 where free."""
        return self.spec.shape

    @property
    def dtype(self) -> str:
        """The type of its values."""
        return self.spec.dtype

    def __str__(self) -> str:
        sizes = "×".join("?" if size < 0 else str(size) for size in self.shape)
        return f"{self.key!r} ({sizes or 'a single value'}, {self.dtype})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelView:
    """A model's outside. ``origin`` names the file in messages; ``quantized`` is whether any of it is.

    ``pixels`` are mean and std by which pixels of the training data became the input, if that is known;
    ``rescales_inside`` is whether its source's first layers do that, if that is known.
    """

    origin: str
    content: bytes = field(repr=False)
    inputs: tuple[ModelTensor, ...]
    outputs: tuple[ModelTensor, ...]
    operators: tuple[Operator, ...] = field(repr=False, default=())
    quantized: bool = False
    pixels: Pixels | None = None
    rescales_inside: bool | None = None


def view(content: bytes, *, origin: str, artifact: Artifact | None = None) -> ModelView:
    """Look at a model's outside; its manifest, if it has one, tells what is not in the file.

    Raises:
        ModelError: the file is damaged.
    """
    try:
        reader = read(content)
        names = reader.signature_tensors()
        operators = tuple(reader.graph())
        sides = [
            tuple(
                ModelTensor(
                    position=place,
                    spec=spec,
                    signature_name=names.get((which, spec.name)),
                )
                for place, spec in enumerate(reader.tensors(0, which))
            )
            for which in ("Inputs", "Outputs")
        ]
        quantized = reader.has_types(_INTEGERS)
    except DAMAGE as error:
        raise ModelError(
            f"{origin} is damaged: {error}.", hint="build or copy the file again"
        ) from error
    return ModelView(
        origin=origin,
        content=content,
        inputs=sides[0],
        outputs=sides[1],
        operators=operators,
        quantized=quantized,
        pixels=None if artifact is None else artifact.pixels,
        rescales_inside=None if artifact is None else artifact.rescales_inside,
    )
