"""Magnitude pruning through tfmot: zeros that grow while the model trains (Zhu and Gupta 2017)."""

from __future__ import annotations

from typing import Any

from optimizer.errors import TrainingError
from optimizer.passes.prepared import Prepared, chosen_by, copy_of, layers_of, unused_patterns
from optimizer.techniques import Policy, Pruning, Schedule, Structure
from optimizer.tensorflow_setup import import_tensorflow, import_toolkit

# The share of the training in which sparsity grows; the rest is for the model to recover.
_GROWS_FOR = 0.6
_UPDATES = 50


def prepare(model: Any, spec: Pruning, *, steps_per_epoch: int, epochs: int) -> Prepared:
    """Wrap the layers that are to be pruned.

    Raises:
        TrainingError: no layer can be pruned so, or a pattern fits no layer.
    """
    tfmot = import_toolkit("Pruning a model")

    unused = unused_patterns(list(spec.layers), model)
    if unused:
        raise TrainingError(
            f"[pruning] layers: {unused[0]!r} fits no layer.",
            hint=f"the layers are {', '.join(layer.name for layer in layers_of(model)[:12])} …",
        )
    model = copy_of(model)
    policy = (
        tfmot.sparsity.keras.PruneForLatencyOnXNNPack() if spec.policy is Policy.XNNPACK else None
    )
    if policy is not None:
        _check_policy(policy, model)
    total = steps_per_epoch * epochs
    end = max(1, round(total * _GROWS_FOR))
    left: list[str] = []
    pruned: list[str] = []

    def wrap(layer: Any) -> Any:
        sparsity = chosen_by(layer.name, spec.layers, spec.sparsity)
        why = _cannot(layer, spec) if sparsity else None
        if sparsity == 0 or why is not None or (policy and not policy.allow_pruning(layer)):
            if why:
                left.append(f"{layer.name} ({why})")
            return layer
        pruned.append(layer.name)
        return tfmot.sparsity.keras.prune_low_magnitude(
            layer, **_options(tfmot, spec, sparsity, end)
        )

    wrapped = _clone(model, wrap)
    if not pruned:
        raise TrainingError(
            "[pruning] no layer of the model can be pruned so"
            + (f": {'; '.join(left)}." if left else "."),
            hint="structure = 'unstructured' prunes convolutions and dense layers of every shape"
            if left
            else "the model has no kernels, or [pruning] layers leaves all of them alone",
        )

    if spec.structure is Structure.BLOCK:
        _prune_blocks(wrapped, spec.block_size)

    def finish() -> Any:
        return tfmot.sparsity.keras.strip_pruning(wrapped)

    return Prepared(
        model=wrapped,
        finish=finish,
        callbacks=[tfmot.sparsity.keras.UpdatePruningStep()],
        best_from=min(epochs - 1, -(-end // steps_per_epoch) - (end % steps_per_epoch == 0)),
        notes=(f"Not pruned: {'; '.join(left)}.",) if left else (),
    )


def _options(tfmot: Any, spec: Pruning, sparsity: float, end: int) -> dict[str, Any]:
    """The arguments of tfmot's wrapper for one layer."""
    schedules = tfmot.sparsity.keras
    frequency = max(1, end // _UPDATES)
    if spec.structure is Structure.TWO_OF_FOUR:
        # It has one sparsity, so it can only begin at once.
        return {
            "pruning_schedule": schedules.ConstantSparsity(0.5, begin_step=0, frequency=frequency),
            "sparsity_m_by_n": (2, 4),
        }
    if spec.schedule is Schedule.CONSTANT:
        schedule = schedules.ConstantSparsity(
            sparsity, begin_step=0, end_step=end, frequency=frequency
        )
    else:
        schedule = schedules.PolynomialDecay(
            initial_sparsity=min(spec.initial_sparsity, sparsity),
            final_sparsity=sparsity,
            begin_step=0,
            end_step=end,
            frequency=frequency,
        )
    return {"pruning_schedule": schedule}


def _prune_blocks(wrapped: Any, block: tuple[int, int]) -> None:
    """Let tfmot's wrappers choose whole blocks: its own way of it takes kernels of dense layers only.

    A kernel counts as the matrix (height × width × channels in, channels out) that it is multiplied as.
    """
    tf = import_tensorflow("Pruning a model")

    def masks(pruning: Any) -> Any:
        def update(weights: Any) -> tuple[Any, Any]:
            matrix = tf.reshape(tf.abs(weights), [1, -1, weights.shape[-1], 1])
            # Filled up at the end, where blocks are cut off: padding="SAME" would shift them all.
            rest = [
                (0, 0),
                *((0, -n % b) for n, b in zip(matrix.shape[1:3], block, strict=True)),
                (0, 0),
            ]
            sums, counts = (
                tf.nn.avg_pool2d(tf.pad(one, rest), block, block, padding="VALID")
                for one in (matrix, tf.ones_like(matrix))
            )
            means = sums / counts
            threshold, chosen = pruning._update_mask(means)  # noqa: SLF001 (tfmot has no seam for it)
            whole = tf.repeat(tf.repeat(chosen, block[0], axis=1), block[1], axis=2)
            cut = whole[:, : matrix.shape[1], : matrix.shape[2]]
            return threshold, tf.reshape(cut, tf.shape(weights))

        return update

    for layer in layers_of(wrapped):
        if hasattr(layer, "pruning_obj"):
            layer.pruning_obj._maybe_update_block_mask = masks(layer.pruning_obj)  # noqa: SLF001


def _cannot(layer: Any, spec: Pruning) -> str | None:
    """Why a layer with weights cannot be pruned; ``None`` when it can, or has none to prune."""
    from tensorflow_model_optimization.python.core.sparsity.keras.prune_registry import (
        PruneRegistry,
    )

    if not layer.weights or type(layer).__name__ in {"BatchNormalization", "DepthwiseConv2D"}:
        return ""  # nothing worth telling
    if not PruneRegistry.supports(layer):
        return f"tfmot does not know {type(layer).__name__}"
    shape = getattr(layer, "kernel", layer.weights[0]).shape
    if spec.structure is Structure.BLOCK and (
        shape[-1] < spec.block_size[1] or shape[:-1].num_elements() < spec.block_size[0]
    ):
        return "it is smaller than a block"
    if spec.structure is Structure.TWO_OF_FOUR and (len(shape) not in {2, 4} or shape[-2] % 4):
        return "2:4 needs a multiple of 4 inputs"
    return None


def _check_policy(policy: Any, model: Any) -> None:
    try:
        policy.ensure_model_supports_pruning(model)
    except ValueError as error:
        raise TrainingError(
            f"[pruning] XNNPACK has no sparse kernels for this model: {str(error).splitlines()[0]}",
            hint="it wants a 3x3 stride-2 convolution after ZeroPadding2D, 1x1 and depthwise convolutions, "
            "and GlobalAveragePooling2D(keepdims=True); policy = 'all' prunes any model",
        ) from error


def _clone(model: Any, wrap: Any) -> Any:
    """Clone a model with each layer replaced, models in models included."""
    tf = import_tensorflow("Pruning a model")

    def replaced(layer: Any) -> Any:
        return _clone(layer, wrap) if isinstance(layer, tf.keras.Model) else wrap(layer)

    return tf.keras.models.clone_model(model, clone_function=replaced)
