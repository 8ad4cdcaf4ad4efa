"""What a reader of an artifact's manifest must know of its data, its shapes and its fidelity."""

from __future__ import annotations

from optimizer.artifact import Fidelity
from optimizer.coverage import calibration_coverage
from optimizer.data import constant_inputs
from optimizer.datasets import single_class_warning
from optimizer.fidelity import losses
from optimizer.interpreter import TFLiteModel
from optimizer.job import Job
from optimizer.recipe import Recipe


def build_warnings(
    job: Job, recipe: Recipe, built: TFLiteModel, fidelity: Fidelity | None
) -> list[str]:
    """The warnings of one artifact, sentence by sentence."""
    compared = job.data.compared_on
    found = [told] if compared and (told := single_class_warning(compared)) else []
    if compared and compared.labels is not None and fidelity and fidelity.accuracy is None:
        found.append(
            f"{compared.path.name}: its labels are not used, for the first output is no scores of classes."
        )
    data = job.data.calibration
    if recipe.calibration is not None and data is not None:
        if data.samples < recipe.calibration.samples:
            samples = "samples" if data.samples > 1 else "sample"
            found.append(
                f"{data.path.name} has {data.samples} {samples}, the recipe asks for "
                f"{recipe.calibration.samples}."
            )
        found += [
            f"{data.path.name}: {name} has the same value everywhere, which tells no range."
            for name in constant_inputs(data)
        ]
        if job.data.evaluation is not None:
            found += calibration_coverage(data, job.data.evaluation)
    found += [
        f"The input {spec.name!r} has free sizes; delegates and benchmark_model want fixed ones."
        for spec in job.model().inputs
        if any(size < 0 for size in spec.shape[1:])
    ]
    if built.keeps_state:
        found.append(
            "Keeps state from one inference to the next, as LSTMs do: an app has to reset the variables "
            "before each sequence (resetVariableTensors)."
        )
    if fidelity is not None:
        found += losses(fidelity, trained=bool(recipe.stages))
    return found
