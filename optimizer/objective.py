"""What a model learns: true labels, teachers' outputs, or both (Hinton, Vinyals and Dean 2015).

Teachers run once over the training data; what they say is kept beside the labels as one target array for
each output, so that every stage trains with a plain loss, whatever is wrapped around its layers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from optimizer.techniques import Distillation
from optimizer.tensorflow_setup import import_tensorflow

# Probabilities below count as this one: the logarithm of zero teaches nothing.
_SMALLEST = 1e-7
_ROUNDING = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """Targets (samples, …) and a Keras loss for each output, in the model's order.

    ``labels`` (samples,) are the classes of the first output, ``None`` where only teachers are followed.
    A single score above ``bound`` is the second class.
    """

    targets: tuple[Any, ...]
    losses: tuple[Callable[[Any, Any], Any], ...]
    labels: Any | None
    bound: float = 0.5

    def score(self, outputs: Sequence[Any], chosen: Any) -> float:
        """How good outputs for the chosen samples are: the accuracy, or without labels minus the loss."""
        import numpy as np

        if self.labels is not None:
            return float(
                (classes_of(np.asarray(outputs[0]), self.bound) == self.labels[chosen]).mean()
            )
        tf = import_tensorflow("Training a model")
        total = 0.0
        for output, target, loss in zip(outputs, self.targets, self.losses, strict=True):
            value = loss(tf.constant(target[chosen]), tf.constant(output))
            total += float(tf.reduce_mean(value))
        return -total


def make_objective(
    outputs: Sequence[Any],
    *,
    labels: Any | None,
    teachers: Sequence[Sequence[Any]],
    distillation: Distillation | None,
) -> Objective:
    """The objective for a model.

    ``outputs`` are the model's own on a few samples, which tell probabilities from logits. ``teachers``
    holds the outputs of each teacher on all training samples; without ``distillation`` the first of them
    is what is followed where labels say nothing: for other outputs than the first, or when there are none.
    """
    import numpy as np

    targets, losses = [], []
    first = np.asarray(outputs[0])
    labelled = labels is not None and first.ndim == 2
    alpha = 1.0 if distillation is None else distillation.alpha
    temperature = 1.0 if distillation is None else distillation.temperature
    for index, output in enumerate(outputs):
        scores = are_scores(output) or (index == 0 and labelled)
        wanted = [np.asarray(teacher[index], "float32") for teacher in teachers]
        if not scores:
            target = np.mean(wanted, axis=0)
            targets.append(target)
            losses.append(_distance(float(target.var()) or 1.0))
            continue
        hard = index == 0 and labelled
        apart = hard and are_independent(output)
        share = alpha if hard else 0.0
        columns = []
        if hard and labels is not None:
            columns.append(labels.astype("float32")[:, None])
        if share < 1.0:
            columns.append(np.mean([_soften(item, temperature, apart) for item in wanted], axis=0))
        targets.append(np.concatenate(columns, axis=-1))
        losses.append(
            _score_loss(
                alpha=share,
                temperature=temperature,
                probabilities=apart or are_probabilities(output),
                apart=apart or output.shape[-1] == 1,
            )
        )
    return Objective(
        targets=tuple(targets),
        losses=tuple(losses),
        labels=labels if labelled else None,
        bound=0.5 if are_probabilities(first) else 0.0,
    )


def are_probabilities(output: Any) -> bool:
    """Whether every row is a distribution over classes, or a single probability."""
    import numpy as np

    output = np.asarray(output)
    if output.ndim != 2 or output.min() < 0 or output.max() > 1 + _ROUNDING:
        return False
    return output.shape[1] == 1 or bool(np.abs(output.sum(axis=1) - 1).max() < _ROUNDING)


def are_scores(output: Any) -> bool:
    """Whether an output is told to be one over classes by its values alone."""
    return are_probabilities(output)


def are_independent(output: Any) -> bool:
    """Whether an output is told by its values to be a sigmoid for each of several classes."""
    import numpy as np

    output = np.asarray(output)
    within = output.ndim == 2 and output.shape[1] > 1 and output.min() >= 0 and output.max() <= 1
    return bool(within) and not are_probabilities(output)


def classes_of(output: Any, bound: float = 0.5) -> Any:
    """The class of each row; of a single score, whether it is above the bound."""
    return output.argmax(1) if output.shape[1] > 1 else (output[:, 0] > bound).astype("int64")


def _soften(output: Any, temperature: float, apart: bool) -> Any:  # noqa: FBT001
    """A teacher's scores as probabilities at a temperature; ``apart`` for a student with sigmoids."""
    import numpy as np

    logits = _numpy_logits(output) / temperature
    if logits.shape[-1] == 1 or (apart and are_independent(output)):
        return 1.0 / (1.0 + np.exp(-logits))
    logits = logits - logits.max(axis=-1, keepdims=True)
    weights = np.exp(logits)
    return weights / weights.sum(axis=-1, keepdims=True)


def _numpy_logits(output: Any) -> Any:
    import numpy as np

    apart = are_independent(output)
    if not apart and not are_probabilities(output):
        return output
    known = np.clip(output, _SMALLEST, 1.0)
    if apart or output.shape[-1] == 1:
        return np.log(known) - np.log(np.clip(1.0 - output, _SMALLEST, 1.0))
    return np.log(known)


def _score_loss(
    *, alpha: float, temperature: float, probabilities: bool, apart: bool
) -> Callable[[Any, Any], Any]:
    """Cross entropy with the labels, alpha of it, and T² times the divergence from the teachers.

    ``apart`` are sigmoids: each class is a question of its own, and the losses of all are added. The
    squared temperature keeps both gradients of one size when the temperature changes.
    """
    tf = import_tensorflow("Training a model")

    def loss(target: Any, output: Any) -> Any:
        output = tf.cast(output, tf.float32)
        width = output.shape[-1]
        logits = output
        if probabilities:
            logits = tf.math.log(tf.clip_by_value(output, _SMALLEST, 1.0))
            if apart:
                logits -= tf.math.log(tf.clip_by_value(1.0 - output, _SMALLEST, 1.0))
        total = 0.0
        if alpha > 0.0:
            label = tf.cast(target[:, 0], tf.int32)
            if apart:
                wanted = target[:, :1] if width == 1 else tf.one_hot(label, width)
                each = tf.nn.sigmoid_cross_entropy_with_logits(wanted, logits)
                total += alpha * tf.reduce_sum(each, axis=-1)
            else:
                total += alpha * tf.nn.sparse_softmax_cross_entropy_with_logits(label, logits)
        if alpha < 1.0:
            teacher = target[:, -width:]
            softened = logits / temperature
            total += (1.0 - alpha) * temperature**2 * _divergence(tf, teacher, softened, apart)
        return total

    return loss


def _divergence(tf: Any, teacher: Any, logits: Any, apart: bool) -> Any:  # noqa: FBT001
    """The Kullback-Leibler divergence of each row from the teacher's probabilities."""
    if apart:
        cross = tf.nn.sigmoid_cross_entropy_with_logits(teacher, logits)
        own = tf.nn.sigmoid_cross_entropy_with_logits(
            teacher,
            tf.math.log(tf.maximum(teacher, _SMALLEST))
            - tf.math.log(tf.maximum(1 - teacher, _SMALLEST)),
        )
        return tf.reduce_sum(cross - own, axis=-1)
    known = tf.math.log(tf.maximum(teacher, _SMALLEST))
    return tf.reduce_sum(teacher * (known - tf.nn.log_softmax(logits)), axis=-1)


def _distance(variance: float) -> Callable[[Any, Any], Any]:
    """The squared distance from the teachers' output, in units of its variance."""
    tf = import_tensorflow("Training a model")

    def loss(target: Any, output: Any) -> Any:
        difference = tf.cast(output, tf.float32) - target
        flat = tf.reshape(difference, [tf.shape(difference)[0], -1])
        return tf.reduce_mean(tf.square(flat), axis=-1) / variance

    return loss
