"""Fine-tuning that all stages share: seeded, resumed after an interruption, stopped when it is no use.

The loop is written out because Keras' own cannot go on in the middle with the same order of samples, nor
choose the best epoch only after a pruning schedule has ended.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from optimizer.errors import TrainingError
from optimizer.files import write_atomic
from optimizer.objective import Objective
from optimizer.techniques import FineTune
from optimizer.tensorflow_setup import import_tensorflow

_MOST_VALIDATED = 5000
_PREDICTED_AT_ONCE = 256

# Fewer steps do not let a model recover from what a technique did to it.
_ENOUGH_STEPS = 1000
_FEWEST_EPOCHS, _MOST_EPOCHS = 4, 40

# Of a batch of inputs: the model's outputs, and what is added to the loss besides the objective's.
Forward = Callable[[list[Any]], tuple[list[Any], Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSet:
    """Arrays (samples, …) by the names of the model's inputs, in its order, and labels (samples,)."""

    inputs: dict[str, Any]
    labels: Any | None

    @property
    def samples(self) -> int:
        """The number of samples."""
        return len(next(iter(self.inputs.values())))


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What a training did: ``scores`` after each epoch, the accuracy where labels are."""

    epochs: int
    best_epoch: int
    scores: tuple[float, ...]
    stopped_early: bool
    resumed_at: int | None = None


@dataclass(slots=True)
class _State:
    """What has to survive an interruption, besides the weights."""

    epoch: int = 0
    scores: list[float] = field(default_factory=list)
    best: int = -1


def steps_per_epoch(data: TrainingSet, how: FineTune) -> int:
    """The number of optimizer steps of one epoch."""
    return math.ceil(len(_split(data.samples, how)[0]) / how.batch_size)


def epochs_of(data: TrainingSet, how: FineTune) -> int:
    """The number of epochs: the recipe's, or enough for a thousand steps."""
    if how.epochs is not None:
        return how.epochs
    enough = math.ceil(_ENOUGH_STEPS / steps_per_epoch(data, how))
    return min(max(enough, _FEWEST_EPOCHS), _MOST_EPOCHS)


def predict(model: Any, inputs: dict[str, Any], chosen: Any | None = None) -> list[Any]:
    """The outputs of a Keras model, in order, on all or the chosen samples."""
    arrays = [array if chosen is None else array[chosen] for array in inputs.values()]
    found = model.predict(
        arrays if len(arrays) > 1 else arrays[0], batch_size=_PREDICTED_AT_ONCE, verbose=0
    )
    return flat_outputs(found)


def flat_outputs(found: Any) -> list[Any]:
    """Outputs as a list in the model's order, however it structures them."""
    if isinstance(found, dict):
        return [found[name] for name in sorted(found)]
    return list(found) if isinstance(found, (list, tuple)) else [found]


def held_out(data: TrainingSet, how: FineTune, *, most: int = _MOST_VALIDATED) -> Any:
    """The indices of samples not trained on, or of all; ``most`` spread evenly: data may be sorted."""
    import numpy as np

    kept, out = _split(data.samples, how)
    chosen = out if len(out) else kept
    return chosen[np.linspace(0, len(chosen) - 1, min(most, len(chosen))).astype(int)]


def fine_tune(
    model: Any,
    data: TrainingSet,
    objective: Objective,
    how: FineTune,
    *,
    label: str,
    callbacks: Sequence[Any] = (),
    best_from: int = 0,
    forward: Forward | None = None,
    more_variables: Sequence[Any] = (),
    checkpoint: Path | None = None,
    step: Callable[[str], None] = lambda _: None,
) -> History:
    """Train the model in place, and leave it with the weights of its best epoch.

    Only epochs from ``best_from`` on can be the best: before, a schedule is still changing the model.
    ``callbacks`` are Keras callbacks, told of the training's begin and of each epoch's end. ``forward``
    runs the model where more than its outputs is learned. After every epoch the state goes into
    ``checkpoint``; a training that finds one there goes on from it.

    Raises:
        TrainingError: there is nothing to train, or the loss became NaN or infinite.
    """
    if not model.trainable_variables:
        raise TrainingError(
            f"{label}: the model has no trainable weights.",
            hint="layers that are frozen (trainable = False) cannot be fine-tuned: unfreeze and save it",
        )
    training = _Training(
        model, data, objective, how, label=label, forward=forward, more_variables=more_variables
    )
    resumed_at = training.resume(checkpoint) if checkpoint is not None else None
    for callback in callbacks:
        callback.set_model(model)
        callback.on_train_begin()
    while not training.finished():
        training.epoch()
        for callback in callbacks:
            callback.on_epoch_end(training.state.epoch)
        step(training.score_epoch(best_from))
        if checkpoint is not None:
            training.keep(checkpoint)
    return training.end(resumed_at)


class _Training:
    """One training: the model, its optimizer, and what is known of the epochs so far."""

    def __init__(
        self,
        model: Any,
        data: TrainingSet,
        objective: Objective,
        how: FineTune,
        *,
        label: str,
        forward: Forward | None,
        more_variables: Sequence[Any],
    ) -> None:
        self._tf = tf = import_tensorflow("Training a model")
        tf.keras.utils.set_random_seed(how.seed)
        self._model, self._data, self._objective, self._how = model, data, objective, how
        self._label, self._forward = label, forward or self._plain_forward
        self._trained, _ = _split(data.samples, how)
        self._validated = held_out(data, how)
        self._variables = [*model.trainable_variables, *more_variables]
        # The rate falls along a cosine to nothing (Loshchilov and Hutter 2017).
        self._epochs = epochs_of(data, how)
        steps = steps_per_epoch(data, how) * self._epochs
        rate = tf.keras.optimizers.schedules.CosineDecay(how.learning_rate, steps)
        self._optimizer = tf.keras.optimizers.Adam(rate)
        self._optimizer.build(self._variables)
        self._beside = [*self._optimizer.variables, *more_variables]
        self._best: list[Any] | None = None
        self.state = _State()
        self._step = tf.function(self._train_step, reduce_retracing=True)

    def epoch(self) -> None:
        """Train on every sample once, in an order that depends on the seed and the epoch alone."""
        import numpy as np

        order = np.random.default_rng([self._how.seed, self.state.epoch]).permutation(self._trained)
        constant = self._tf.constant
        for start in range(0, len(order), self._how.batch_size):
            chosen = np.sort(order[start : start + self._how.batch_size])
            inputs = [constant(array[chosen]) for array in self._data.inputs.values()]
            targets = [constant(target[chosen]) for target in self._objective.targets]
            loss = float(self._step(inputs, targets))
            if not math.isfinite(loss):
                raise self._diverged(f"the loss became {loss}")
        # A fused ReLU makes zeros of NaN: the loss may not tell.
        if not all(np.isfinite(weight).all() for weight in self._model.get_weights()):
            raise self._diverged("weights became NaN or infinite")

    def _diverged(self, what: str) -> TrainingError:
        return TrainingError(
            f"{self._label}: {what} in epoch {self.state.epoch + 1}.",
            hint="lower learning_rate in the recipe's [fine_tune], or check the data's range",
        )

    def _train_step(self, inputs: list[Any], targets: list[Any]) -> Any:
        tf = self._tf
        with tf.GradientTape() as tape:
            found, more = self._forward(inputs)
            losses = [
                tf.reduce_mean(loss(target, output))
                for loss, target, output in zip(self._objective.losses, targets, found, strict=True)
            ]
            regularization = [tf.cast(item, tf.float32) for item in self._model.losses]
            total = tf.add_n([*losses, more, *regularization])
        gradients = tape.gradient(total, self._variables)
        pairs = zip(gradients, self._variables, strict=True)
        self._optimizer.apply_gradients(pair for pair in pairs if pair[0] is not None)
        return total

    def _plain_forward(self, inputs: list[Any]) -> tuple[list[Any], Any]:
        found = self._model(inputs if len(inputs) > 1 else inputs[0], training=True)
        return flat_outputs(found), 0.0

    def score_epoch(self, best_from: int) -> str:
        """Score what an epoch has made, keep it if it is the best, and say so."""
        state = self.state
        outputs = predict(self._model, self._data.inputs, self._validated)
        score = self._objective.score(outputs, self._validated)
        state.scores.append(score)
        if state.epoch >= best_from and (state.best < 0 or score > state.scores[state.best]):
            state.best, self._best = state.epoch, self._model.get_weights()
        state.epoch += 1
        labelled = self._objective.labels is not None
        told = f"accuracy {score:.1%}" if labelled else f"loss {-score:.4g}"
        return f"{self._label}: epoch {state.epoch} of {self._epochs}, {told}"

    def finished(self) -> bool:
        """Whether all epochs are done, or the last ones brought nothing."""
        state, patience = self.state, self._how.patience
        bored = patience > 0 and state.best >= 0 and state.epoch - 1 - state.best >= patience
        return bored or state.epoch >= self._epochs

    def end(self, resumed_at: int | None) -> History:
        """Leave the model with its best weights."""
        if self._best is not None:
            self._model.set_weights(self._best)
        state = self.state
        return History(
            epochs=state.epoch,
            best_epoch=state.best + 1,
            scores=tuple(state.scores),
            stopped_early=state.epoch < self._epochs,
            resumed_at=resumed_at,
        )

    def keep(self, path: Path) -> None:
        """Write what a resumption needs; a full disk costs the resumption, nothing else."""
        import numpy as np

        arrays = {f"w{index}": value for index, value in enumerate(self._model.get_weights())}
        arrays |= {f"o{index}": item.numpy() for index, item in enumerate(self._beside)}
        arrays |= {f"b{index}": value for index, value in enumerate(self._best or [])}
        told = json.dumps(asdict(self.state))
        content = BytesIO()
        np.savez(content, state=np.frombuffer(told.encode(), np.uint8), **arrays)
        with contextlib.suppress(OSError):
            write_atomic(path, content.getvalue())

    def resume(self, path: Path) -> int | None:
        """Take up an interrupted training of the same shape; return the epochs it had done."""
        import numpy as np

        if not path.is_file():
            return None
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
                told = json.loads(kept["state"].tobytes())
                weights = [kept[f"w{index}"] for index in range(len(self._model.get_weights()))]
                values = [kept[f"o{index}"] for index in range(len(self._beside))]
                best = [kept[f"b{index}"] for index in range(len(weights)) if f"b{index}" in kept]
            self._model.set_weights(weights)
            for variable, value in zip(self._beside, values, strict=True):
                variable.assign(value)
            self.state = _State(**told)
        except Exception:  # noqa: BLE001 (cut short, damaged, or another version's)
            return None
        self._best = best or None
        return self.state.epoch


def _split(samples: int, how: FineTune) -> tuple[Any, Any]:
    """Seeded indices to train on and to validate on; at least one sample is trained on."""
    import numpy as np

    order = np.random.default_rng(how.seed).permutation(samples)
    count = min(round(samples * how.validation), samples - 1)
    return np.sort(order[count:]), np.sort(order[:count])
