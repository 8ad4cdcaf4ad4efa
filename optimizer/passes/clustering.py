"""Weight sharing through tfmot: each kernel keeps a few values (Han, Mao and Dally 2015)."""

from __future__ import annotations

from typing import Any

from optimizer.errors import TrainingError
from optimizer.passes.folding import fold_normalizations
from optimizer.passes.prepared import Prepared, chosen_by, copy_of, layers_of, unused_patterns
from optimizer.techniques import Centroids, Clustering
from optimizer.tensorflow_setup import import_tensorflow, import_toolkit


def prepare(model: Any, spec: Clustering, *, keep_zeros: bool) -> Prepared:
    """Wrap the layers whose weights are to be shared; ``keep_zeros`` for a model that was pruned.

    Raises:
        TrainingError: no layer's weights can be shared, or a pattern fits no layer.
    """
    tf = import_tensorflow("Clustering a model")
    tfmot = import_toolkit("Clustering a model")
    from tensorflow_model_optimization.python.core.clustering.keras.experimental import cluster

    unused = unused_patterns(list(spec.layers), model)
    if unused:
        raise TrainingError(
            f"[clustering] layers: {unused[0]!r} fits no layer.",
            hint=f"the layers are {', '.join(layer.name for layer in layers_of(model)[:12])} …",
        )
    if keep_zeros and 2 in {spec.clusters, *spec.layers.values()}:
        raise TrainingError(
            "[clustering] 2 clusters leave the zeros of a pruned model a single value beside them.",
            hint="clusters = 3 or more, or no [pruning]",
        )
    starts = tfmot.clustering.keras.CentroidInitialization
    start = {
        Centroids.LINEAR: starts.LINEAR,
        Centroids.KMEANS: starts.KMEANS_PLUS_PLUS,
        Centroids.DENSITY: starts.DENSITY_BASED,
    }[spec.centroids]
    model = fold_normalizations(model) if spec.fold_normalization else copy_of(model)
    shared: list[str] = []
    left: list[str] = []

    def wrap(layer: Any) -> Any:
        if isinstance(layer, tf.keras.Model):
            return tf.keras.models.clone_model(layer, clone_function=wrap)
        clusters = chosen_by(layer.name, spec.layers, spec.clusters)
        why = _cannot(layer, clusters) if clusters else ""
        if why is not None:
            if why:
                left.append(f"{layer.name} ({why})")
            return layer
        shared.append(layer.name)
        return cluster.cluster_weights(
            layer,
            number_of_clusters=clusters,
            cluster_centroids_init=starts.LINEAR if _too_few(layer, clusters) else start,
            preserve_sparsity=keep_zeros,
        )

    wrapped = tf.keras.models.clone_model(model, clone_function=wrap)
    if not shared:
        raise TrainingError(
            "[clustering] no layer's weights can be shared"
            + (f": {'; '.join(left)}." if left else "."),
            hint="it is for convolutions and dense layers with more weights than clusters",
        )

    def finish() -> Any:
        return tfmot.clustering.keras.strip_clustering(wrapped)

    return Prepared(
        model=wrapped,
        finish=finish,
        notes=(f"Not clustered: {'; '.join(left)}.",) if left else (),
    )


def _too_few(layer: Any, clusters: int) -> bool:
    """Whether pruning left so few weights that the other beginnings do not find their centroids."""
    import numpy as np

    kernel = getattr(layer, "kernel", layer.weights[0])
    return bool(np.count_nonzero(kernel) < 2 * clusters)


def _cannot(layer: Any, clusters: int) -> str | None:
    """Why a layer's weights cannot be shared, empty when it has none to share, ``None`` when they can."""
    from tensorflow_model_optimization.python.core.clustering.keras.clustering_registry import (
        ClusteringRegistry,
    )

    if not layer.weights or type(layer).__name__ in {"BatchNormalization", "DepthwiseConv2D"}:
        return ""
    if not ClusteringRegistry.supports(layer):
        return f"tfmot does not know {type(layer).__name__}"
    if not layer.trainable_weights:
        return "it is frozen"
    kernel = getattr(layer, "kernel", layer.weights[0])
    if kernel.shape.num_elements() <= clusters:
        return f"it has {kernel.shape.num_elements()} weights for {clusters} clusters"
    return None
