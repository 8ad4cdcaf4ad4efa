"""Feature distillation: layers of a student come close to a teacher's (Romero et al. 2015, FitNets)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optimizer.errors import TrainingError
from optimizer.tensorflow_setup import import_tensorflow
from optimizer.training import Forward


def feature_forward(
    student: Any, teacher: Any, pairs: Sequence[tuple[str, str]], weight: float
) -> tuple[Forward, list[Any]]:
    """How to run a student so that its features are compared with a teacher's, and what is learned besides.

    Each pair names a layer of the teacher and one of the student. Where their channels differ, a linear
    map between them is learned and thrown away afterwards. The loss is the mean squared difference in
    units of the teacher's mean square.

    Raises:
        TrainingError: there is no layer of that name, or the two have different positions.
    """
    tf = import_tensorflow("Distilling a model")
    from optimizer.training import flat_outputs

    theirs = [_output(teacher, name, "teacher") for name, _ in pairs]
    ours = [_output(student, name, "student") for _, name in pairs]
    maps = []
    for (name, own), their, our in zip(pairs, theirs, ours, strict=True):
        if their.shape[1:-1] != our.shape[1:-1] or their.shape.rank != our.shape.rank:
            raise TrainingError(
                f"[distillation] features: the teacher's {name!r} gives {tuple(their.shape[1:])}, the "
                f"student's {own!r} {tuple(our.shape[1:])}.",
                hint="pair layers of the same height and width; the number of channels may differ",
            )
        same = their.shape[-1] == our.shape[-1]
        maps.append(None if same else _linear(tf, our.shape[-1], their.shape[-1]))
    teacher_features = tf.keras.Model(teacher.inputs, theirs)
    count = len(student.outputs)
    together = tf.keras.Model(student.inputs, [*student.outputs, *ours])

    def forward(inputs: list[Any]) -> tuple[list[Any], Any]:
        given = inputs if len(inputs) > 1 else inputs[0]
        wanted = flat_outputs(teacher_features(given, training=False))
        found = flat_outputs(together(given, training=True))
        losses = []
        for want, have, linear in zip(wanted, found[count:], maps, strict=True):
            mapped = have if linear is None else linear(have)
            size = tf.reduce_mean(tf.square(want)) + 1e-9
            losses.append(tf.reduce_mean(tf.square(mapped - want)) / size)
        return found[:count], weight * tf.add_n(losses) / len(losses)

    return forward, [item for one in maps if one is not None for item in one.trainable_variables]


def _linear(tf: Any, width: int, wanted: int) -> Any:
    start = tf.keras.initializers.GlorotUniform(seed=0)  # the training's own seed is set later
    layer = tf.keras.layers.Dense(wanted, use_bias=False, kernel_initializer=start)
    layer.build((None, width))
    return layer


def _output(model: Any, name: str, whose: str) -> Any:
    """The output of a layer, under the name it has inside or outside of a technique's wrapper."""
    for layer in model.layers:
        inner = getattr(layer, "layer", layer)
        if name in {layer.name, inner.name}:
            return layer.output
    raise TrainingError(
        f"[distillation] features: the {whose} has no layer {name!r}.",
        hint=f"it has {', '.join(layer.name for layer in model.layers[:12])} …",
    )
