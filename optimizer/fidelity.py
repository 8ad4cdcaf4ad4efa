"""How close an artifact stays to its source, measured on the ``.tflite`` itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from optimizer.artifact import Fidelity
from optimizer.data import Dataset, fit_to_inputs, pick
from optimizer.errors import ConversionError, DataError, ModelError
from optimizer.interpreter import TFLiteModel
from optimizer.source_model import SourceModel
from optimizer.techniques import Scheme

EVALUATION_SAMPLES = 5000
# LiteRT has no fast kernels for these on a computer: int4 is three times slower than float, int16
# activations thirty times.
SLOW_SAMPLES = {Scheme.INT4: 1000, Scheme.INT16X8: 500}
# The source's outputs are kept for all recipes of a call; of a segmentation model fewer samples fit.
_KEPT_BYTES = 256 * 2**20

# Below these an artifact has collapsed rather than lost a little: it is kept, and its manifest says so.
COLLAPSED_AGREEMENT = 0.5
COLLAPSED_COSINE = 0.9
# A loss of accuracy that is told: more than this share, and not by a handful of samples.
TOLD_LOSS = 0.02
_HANDFUL = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The source's outputs on the samples that artifacts are held against."""

    inputs: dict[str, Any]
    outputs: dict[str, Any]
    labels: Any | None
    origin: str


def reference(model: SourceModel, dataset: Dataset) -> Reference:
    """Run the source on up to 5,000 samples, fewer when its outputs are large.

    Raises:
        DataError: the data do not fit the model, or labels are no classes of it.
        ModelError: the source itself gives NaN.
    """
    import numpy as np

    arrays = fit_to_inputs(dataset, model.inputs)
    first = model.predict({name: array[:1] for name, array in arrays.items()})
    sample_bytes = sum(array.nbytes for array in first.values())
    chosen = pick(dataset, min(EVALUATION_SAMPLES, max(1, _KEPT_BYTES // sample_bytes)), seed=0)
    inputs = {name: array[chosen] for name, array in arrays.items()}
    outputs = model.predict(inputs)
    spoilt = sum(int(np.isnan(array).any()) for array in outputs.values())
    if spoilt:
        raise ModelError(
            f"{model.path} itself gives NaN on {dataset.path.name}.",
            hint="a training that diverged leaves NaN in the weights; check the model in Keras",
        )
    labels = None if dataset.labels is None else dataset.labels[chosen]
    check_labels(dataset, labels, next(iter(outputs.values())))
    return Reference(
        inputs=inputs, outputs=outputs, labels=labels, origin=dataset.origin(len(chosen))
    )


def some_of(wanted: Reference, most: int) -> Reference:
    """The reference on fewer samples, evenly spread: data are often sorted by class."""
    import numpy as np

    count = len(next(iter(wanted.outputs.values())))
    if count <= most:
        return wanted
    chosen = np.linspace(0, count - 1, most).astype(int)
    return Reference(
        inputs={name: array[chosen] for name, array in wanted.inputs.items()},
        outputs={name: array[chosen] for name, array in wanted.outputs.items()},
        labels=None if wanted.labels is None else wanted.labels[chosen],
        origin=f"{wanted.origin}, {most} of them",
    )


def measure_fidelity(wanted: Reference, artifact: TFLiteModel, *, where: str) -> Fidelity:
    """Run the artifact on the same samples and compare, output by output of the same name.

    Raises:
        ConversionError: the artifact fails, or gives NaN or infinite values where its source does not.
    """
    import numpy as np

    found = artifact.run(wanted.inputs)
    bad = sum(
        (np.isfinite(want) & ~np.isfinite(found[name])).reshape(len(want), -1).any(axis=1)
        for name, want in wanted.outputs.items()
    )
    spoilt = int(np.count_nonzero(bad))
    if spoilt:
        samples = len(next(iter(wanted.outputs.values())))
        raise ConversionError(
            f"{where} gives NaN or infinite values for {spoilt} of {samples} samples, and its source "
            "does not.",
            hint="values may be too large for this recipe's numbers: try float32 or dynamic-range",
        )
    return compare_outputs(wanted.outputs, found, labels=wanted.labels, origin=wanted.origin)


def compare_outputs(
    expected: dict[str, Any],
    actual: dict[str, Any],
    *,
    labels: Any | None = None,
    origin: str | None = None,
) -> Fidelity:
    """Compare the source's outputs with the artifact's on the same samples, each (samples, …).

    The largest difference and the cosine are taken over all outputs together. Classes are those of the
    first output: the largest of (samples, classes), or a half, 0 of a logit, parts those of (samples, 1)
    when labels are 0 and 1.
    """
    import numpy as np

    before = _flat(expected, expected)
    after = _flat(actual, expected)
    finite = np.isfinite(before)  # a source may mean its infinities, log(0) for instance
    before, after = np.where(finite, before, 0.0), np.where(finite, after, 0.0)
    first = next(iter(expected))
    split = _split(expected[first], labels)
    wanted, got = _classes(expected[first], split), _classes(actual[first], split)
    agreement = accuracy = source_accuracy = None
    if wanted is not None and got is not None:
        agreement = float((wanted == got).mean())
        if labels is not None:
            accuracy = float((got == labels).mean())
            source_accuracy = float((wanted == labels).mean())
    return Fidelity(
        samples=len(before),
        max_abs_error=float(np.abs(before - after).max()),
        cosine=float(_cosine(before, after).mean()),
        top1_agreement=agreement,
        accuracy=accuracy,
        source_accuracy=source_accuracy,
        data_origin=origin,
    )


def collapse(fidelity: Fidelity, *, trained: bool) -> str | None:
    """A sentence if an artifact is no longer the model that it was made of.

    One that was trained may say other things than its source, if it is as right.
    """
    agreement, before, after = fidelity.top1_agreement, fidelity.source_accuracy, fidelity.accuracy
    if trained and before is not None and after is not None and after >= before:
        return None
    if agreement is not None and agreement < COLLAPSED_AGREEMENT:
        return f"Collapsed: only {agreement:.1%} of the samples keep their class."
    if before is not None and after is not None:
        if after < COLLAPSED_AGREEMENT * before:
            return f"Collapsed: the accuracy fell from {before:.1%} to {after:.1%}."
        return None
    if fidelity.cosine < COLLAPSED_COSINE:
        return f"Collapsed: the outputs' cosine similarity is only {fidelity.cosine:.3f}."
    return None


def losses(fidelity: Fidelity, *, trained: bool = False) -> list[str]:
    """What a reader must know: that the artifact collapsed, or lost accuracy worth telling."""
    before, after = fidelity.source_accuracy, fidelity.accuracy
    found = [told] if (told := collapse(fidelity, trained=trained)) else []
    if before is not None and after is not None:
        loss = before - after
        if loss > TOLD_LOSS and loss * fidelity.samples >= _HANDFUL:
            found.append(
                f"Accuracy fell by {loss * 100:.1f} points, from {before:.1%} to {after:.1%}."
            )
    return found


def check_labels(dataset: Dataset, labels: Any | None, output: Any) -> None:
    """Check that labels are classes that the first output has.

    Raises:
        DataError: one is not.
    """
    if labels is None or output.ndim != 2:
        return
    classes = max(2, output.shape[1])
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest < 0 or highest >= classes:
        raise DataError(
            f"{dataset.path}: labels go from {lowest} to {highest}, the model has classes 0 to "
            f"{classes - 1}.",
            hint="labels are the numbers of the classes, beginning with 0; for a model whose output is no "
            "classes leave them out",
        )


def _split(source: Any, labels: Any | None) -> float | None:
    """Where a source's single scores part two classes: a half of a probability, 0 of a logit.

    ``None`` where labels do not tell that they are classes.
    """
    if labels is None or set(labels.tolist()) - {0, 1}:
        return None
    return 0.5 if source.min() >= 0 and source.max() <= 1 else 0.0


def _classes(output: Any, split: float | None) -> Any | None:
    """The class of each sample, ``None`` when the output is no scores."""
    if output.ndim != 2:
        return None
    if output.shape[1] > 1:
        return output.argmax(1)
    return None if split is None else (output[:, 0] > split).astype("int64")


def _flat(outputs: dict[str, Any], order: dict[str, Any]) -> Any:
    """All outputs as (samples, values) in double precision, in the order of ``order``'s names."""
    import numpy as np

    return np.concatenate(
        [np.asarray(outputs[name], "float64").reshape(len(outputs[name]), -1) for name in order],
        axis=1,
    )


def _cosine(first: Any, second: Any) -> Any:
    """The cosine similarity of each sample; two all-zero outputs are alike."""
    import numpy as np

    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    dots = (first * second).sum(axis=1)
    both_zero = ~first.any(axis=1) & ~second.any(axis=1)
    return np.where(both_zero, 1.0, dots / np.where(norms > 0, norms, 1.0))
