"""Quantization-aware training through tfmot (Jacob et al. 2018), keeping zeros and clusters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from optimizer.errors import TrainingError
from optimizer.passes.inline import inline
from optimizer.passes.prepared import Prepared, copy_of, layers_of, unused_patterns
from optimizer.techniques import QuantizationAwareTraining
from optimizer.tensorflow_setup import import_tensorflow, import_toolkit

# tfmot splits these into layers that it knows.
_SPLIT = {"SeparableConv1D", "SeparableConv2D"}
_BEFORE_NORMALIZATION = {"Conv2D", "DepthwiseConv2D", "Dense"}


def prepare(
    model: Any,
    spec: QuantizationAwareTraining,
    *,
    keep_zeros: bool,
    keep_clusters: bool,
    per_channel: bool,
) -> Prepared:
    """Put the rounding of int8 into the layers that can have it.

    Raises:
        TrainingError: none can, a pattern fits no layer, or tfmot refuses the model.
    """
    import_toolkit("Quantization-aware training")
    from tensorflow_model_optimization.python.core.quantization.keras.collab_opts.cluster_preserve import (
        cluster_utils,
    )

    patterns = [pattern for pattern in (*spec.layers, *spec.skip) if pattern != "*"]
    unused = unused_patterns(patterns, model)
    if unused:
        raise TrainingError(
            f"[qat] {unused[0]!r} fits no layer.",
            hint=f"the layers are {', '.join(layer.name for layer in layers_of(model)[:12])} …",
        )
    model = copy_of(inline(model))
    left = audit(model, spec)
    chosen = [layer.name for layer in model.layers if layer.name not in left]
    wrapped = _apply(
        model,
        chosen,
        left,
        _scheme(keep_zeros=keep_zeros, keep_clusters=keep_clusters, per_channel=per_channel),
    )

    def finish() -> Any:
        if not keep_clusters:
            return wrapped
        return cluster_utils.strip_clustering_cqat(wrapped)

    told = {name: why for name, why in left.items() if why}
    listed = "; ".join(f"{name} ({why})" for name, why in told.items())
    return Prepared(
        model=wrapped,
        finish=finish,
        left_in_float=tuple(told),
        notes=(f"Trained in float, not for int8: {listed}.",) if told else (),
    )


def audit(model: Any, spec: QuantizationAwareTraining) -> dict[str, str]:
    """The layers that train in float, by name, and why; found before anything is trained."""
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
        default_8bit_quantize_registry,
    )

    registry = default_8bit_quantize_registry.Default8BitQuantizeRegistry()
    found = {layer.name: _why_float(layer, spec, registry) for layer in model.layers}
    left = {name: why for name, why in found.items() if why is not None}
    # A normalization whose convolution trains in float does too.
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization" and layer.name not in left:
            producer = _producer(layer)
            if producer is not None and producer.name in left:
                left[layer.name] = f"{producer.name} trains in float"
    return left


def _why_float(layer: Any, spec: QuantizationAwareTraining, registry: Any) -> str | None:
    """Why a layer stays in float, empty where that is not worth telling, ``None`` when it is trained."""
    kind = type(layer).__name__
    if kind == "InputLayer":
        return ""
    if not any(fnmatchcase(layer.name, one) for one in spec.layers) or any(
        fnmatchcase(layer.name, one) for one in spec.skip
    ):
        return "not chosen"
    if len(layer.inbound_nodes) > 1:
        return "used more than once"
    if kind == "BatchNormalization":
        return _unfused(layer)
    if kind not in _SPLIT and not registry.supports(layer):
        return f"tfmot cannot train {kind}"
    return None


def _unfused(layer: Any) -> str | None:
    """Why a normalization cannot be folded into the layer before it, ``None`` when it can."""
    producer = _producer(layer)
    kind = type(producer).__name__
    if kind not in _BEFORE_NORMALIZATION:
        return "it does not follow a convolution or dense layer directly"
    activation = getattr(producer.activation, "__name__", "linear")
    if activation != "linear":
        return f"{producer.name} has its activation {activation} before the normalization"
    if len(producer.outbound_nodes) > 1:
        return f"{producer.name} has other consumers too"
    return None


def _producer(layer: Any) -> Any:
    """The layer whose output a layer takes; of several or none, ``None``."""
    tf = import_tensorflow("Quantization-aware training")
    producers = tf.nest.flatten(layer.inbound_nodes[0].inbound_layers)
    return producers[0] if len(producers) == 1 else None


def _scheme(*, keep_zeros: bool, keep_clusters: bool, per_channel: bool) -> Any:
    """QAT, PQAT, CQAT or PCQAT."""
    from tensorflow_model_optimization.python.core.quantization.keras.collab_opts.cluster_preserve import (
        default_8bit_cluster_preserve_quantize_scheme as clusters,
    )
    from tensorflow_model_optimization.python.core.quantization.keras.collab_opts.prune_preserve import (
        default_8bit_prune_preserve_quantize_scheme as zeros,
    )
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
        default_8bit_quantize_scheme as plain,
    )

    if keep_clusters:
        return clusters.Default8BitClusterPreserveQuantizeScheme(preserve_sparsity=keep_zeros)
    if keep_zeros:
        return zeros.Default8BitPrunePreserveQuantizeScheme()
    return plain.Default8BitQuantizeScheme(disable_per_axis=not per_channel)


def _apply(model: Any, chosen: Sequence[str], left: dict[str, str], scheme: Any) -> Any:
    """Apply a scheme; a layer that tfmot refuses by name is left in float, and it is tried again."""
    tf = import_tensorflow("Quantization-aware training")
    tfmot = import_toolkit("Quantization-aware training")

    annotate = tfmot.quantization.keras.quantize_annotate_layer
    names = set(chosen)
    while any(_trains(model, name) for name in names):
        annotated = tf.keras.models.clone_model(
            copy_of(model),
            clone_function=lambda layer: annotate(layer) if layer.name in names else layer,
        )
        try:
            with tfmot.quantization.keras.quantize_scope():
                return tfmot.quantization.keras.quantize_apply(annotated, scheme=scheme)
        except (RuntimeError, ValueError) as error:
            refused = re.search(r"[Ll]ayer (\w+):", str(error))
            if refused is None or refused[1] not in names:
                raise TrainingError(
                    f"[qat] tfmot refuses the model: {str(error).splitlines()[0][:200]}",
                    hint="name the layers that it may train: [qat] layers = ['conv*']",
                ) from error
            names.discard(refused[1])
            left[refused[1]] = "tfmot cannot train it"
    raise TrainingError(
        "[qat] no layer of the model can be trained for int8"
        + ("".join(f"; {name}: {why}" for name, why in left.items() if why))[:300]
        + ".",
        hint="quantize it after training instead: leave [qat] out",
    )


def _trains(model: Any, name: str) -> bool:
    return bool(model.get_layer(name).trainable_weights)
