"""Float against quantized, operator by operator on the same inputs: where int8 loses what a model needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from optimizer.errors import ConversionError, ModelError
from optimizer.tensorflow_setup import quiet_stderr
from optimizer.tflite_reader import Operator, read

SAMPLES = 32
_BORDERS = {"QUANTIZE", "DEQUANTIZE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerError:
    """How far an operator's output is from the float model's.

    ``relative_error`` is the root mean square of the difference over that of the float output;
    ``arisen`` is how much more of it there is than in the operator's inputs: what it adds itself.
    ``sqnr_db`` is the signal-to-quantization-noise ratio in decibels, ``None`` where nothing differs.
    ``clipped_pct`` is the percentage of values that were cut off at the limits of their type, ``None`` in
    float. ``quantized`` tells whether the operator itself was: it computes in integers, or its weights
    are stored as such.
    """

    layer: str
    operator: str
    layers: tuple[str, ...]
    dtype: str
    quantized: bool
    relative_error: float
    arisen: float
    sqnr_db: float | None
    cosine: float
    max_abs_error: float
    low: float
    high: float
    quantized_low: float
    quantized_high: float
    clipped_pct: float | None


def compare_layers(
    float_model: bytes,
    quantized: bytes,
    inputs: dict[str, Any],
    *,
    where: str,
    samples: int = SAMPLES,
) -> tuple[LayerError, ...]:
    """Run both models on the first samples and compare each operator's output, in execution order.

    ``inputs`` are (samples, …) by the names of the signature. Operators are paired in their order; where
    the two graphs differ, by the names of their outputs.

    Raises:
        ConversionError: a model does not run.
        ModelError: the two have nothing in common.
    """
    graph = list(read(quantized).graph())
    pairs = _pairs(list(read(float_model).graph()), graph)
    if not pairs:
        raise ModelError(
            f"{where}: the two models have no operators in common.",
            hint="compare a float model with the quantized one that was made of it",
        )
    wanted = _Probe(float_model, where)
    found = _Probe(quantized, where)
    sums = [_Sums() for _ in pairs]
    count = min(samples, len(next(iter(inputs.values()))))
    for number in range(count):
        sample = {name: array[number : number + 1] for name, array in inputs.items()}
        wanted.run(sample)
        found.run(sample)
        for total, (ours, theirs) in zip(sums, pairs, strict=True):
            total.add(wanted.value(ours.outputs[0]), *found.stored(theirs.outputs[0]))
    relative: dict[int, float] = {}
    weights = _stored_weights(graph)
    errors = []
    for total, (ours, theirs) in zip(sums, pairs, strict=True):
        error = total.relative
        before = max((relative.get(index, 0.0) for index in ours.inputs), default=0.0)
        relative.update(dict.fromkeys(ours.outputs, error))
        errors.append(
            total.result(
                ours,
                dtype=found.dtype(theirs.outputs[0]),
                quantized=any(one in weights or found.in_integers(one) for one in theirs.inputs),
                arisen=max(0.0, error - before),
            )
        )
    return tuple(errors)


def responsible_layers(errors: Sequence[LayerError], count: int = 3) -> tuple[LayerError, ...]:
    """The layers in which most of the error arises, the worst first."""
    ordered = sorted(errors, key=lambda item: item.arisen, reverse=True)
    return tuple(item for item in ordered[:count] if item.arisen > 0)


def _stored_weights(graph: Sequence[Operator]) -> set[int]:
    """Tensors that are weights brought back to float before they are used, as weight-only schemes do."""
    computed = {index for item in graph for index in item.outputs}
    return {
        item.outputs[0]
        for item in graph
        if item.kind == "DEQUANTIZE" and not computed.intersection(item.inputs)
    }


def _pairs(ours: Sequence[Operator], theirs: Sequence[Operator]) -> list[tuple[Operator, Operator]]:
    """Operators that do the same in both models."""
    ours = [item for item in ours if item.kind not in _BORDERS and item.outputs]
    theirs = [item for item in theirs if item.kind not in _BORDERS and item.outputs]
    if [item.kind for item in ours] == [item.kind for item in theirs]:
        return list(zip(ours, theirs, strict=True))
    by_name = {item.name: item for item in theirs}
    return [(item, by_name[item.name]) for item in ours if item.name in by_name]


class _Probe:
    """An interpreter whose intermediate tensors can be read after a run."""

    def __init__(self, content: bytes, where: str) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        from optimizer.interpreter import names_in_signature

        self._where = where
        with quiet_stderr():
            # Delegates would keep intermediate tensors to themselves.
            self._interpreter = Interpreter(
                model_content=content,
                num_threads=1,
                experimental_preserve_all_tensors=True,
                experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            )
            self._inputs = names_in_signature(self._interpreter, "inputs")
            self._details: dict[int, Any] = {}
        self._allocated = False

    def run(self, sample: dict[str, Any]) -> None:
        """Run on one sample of (1, …) arrays; a model with a larger batch gets it repeated."""
        import numpy as np

        from optimizer.interpreter import quantized_input

        interpreter = self._interpreter
        try:
            for name, detail in self._inputs.items():
                batch = detail["shape"][0] if len(detail["shape"]) else 1
                value = np.repeat(sample[name], max(1, batch), axis=0)
                if not self._allocated and tuple(value.shape) != tuple(detail["shape"]):
                    interpreter.resize_tensor_input(detail["index"], value.shape)
            if not self._allocated:
                interpreter.allocate_tensors()
                self._details = {item["index"]: item for item in interpreter.get_tensor_details()}
                self._allocated = True
            interpreter.reset_all_variables()
            for name, detail in self._inputs.items():
                batch = detail["shape"][0] if len(detail["shape"]) else 1
                value = np.repeat(sample[name], max(1, batch), axis=0)
                interpreter.set_tensor(detail["index"], quantized_input(value, detail))
            interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise ConversionError(
                f"{self._where} does not run in LiteRT: {' '.join(str(error).split())[:300]}",
                hint="android-bench inspect shows its operators",
            ) from error

    def value(self, index: int) -> Any:
        """A tensor in real values, flat."""
        return self.stored(index)[0]

    def stored(self, index: int) -> tuple[Any, Any, float]:
        """A tensor in real values, flat, and where it is stored in integers as these, with their scale."""
        import numpy as np

        raw = self._interpreter.get_tensor(index).reshape(-1)
        scale, zero_point = self._details[index]["quantization"]
        if raw.dtype.kind not in "iu" or not scale:
            return raw.astype("float64"), None, 0.0
        return (raw.astype("float64") - zero_point) * float(np.float64(scale)), raw, float(scale)

    def in_integers(self, index: int) -> bool:
        """Whether a tensor stands for real values in integers; shapes and indices do not."""
        return bool(len(self._details[index]["quantization_parameters"]["scales"]))

    def dtype(self, index: int) -> str:
        """The type that a tensor is stored in."""
        import numpy as np

        return np.dtype(self._details[index]["dtype"]).name


class _Sums:
    """What is summed up over samples for one operator."""

    def __init__(self) -> None:
        self.signal = self.noise = self.product = self.other = 0.0
        self.worst = 0.0
        self.low = self.quantized_low = math.inf
        self.high = self.quantized_high = -math.inf
        self.limits = self.integers = 0

    def add(self, want: Any, have: Any, stored: Any, scale: float) -> None:
        """Add one sample's output: wanted, found, as it is stored, and the size of its steps."""
        import numpy as np

        if want.size != have.size or not want.size:
            return
        want, have = np.nan_to_num(want), np.nan_to_num(have)
        difference = want - have
        self.signal += float(want @ want)
        self.other += float(have @ have)
        self.noise += float(difference @ difference)
        self.product += float(want @ have)
        self.worst = max(self.worst, float(np.abs(difference).max()))
        self.low, self.high = min(self.low, float(want.min())), max(self.high, float(want.max()))
        self.quantized_low = min(self.quantized_low, float(have.min()))
        self.quantized_high = max(self.quantized_high, float(have.max()))
        if stored is not None:
            limits = np.iinfo(stored.dtype)
            at_limit = (stored == limits.min) | (stored == limits.max)
            self.limits += int(np.count_nonzero(at_limit & (np.abs(difference) > scale)))
            self.integers += int(stored.size)

    @property
    def relative(self) -> float:
        """The error in units of the signal; an error without any signal counts as all of it."""
        if not self.signal:
            return 1.0 if self.noise else 0.0
        return math.sqrt(self.noise / self.signal)

    def result(
        self, operator: Operator, *, dtype: str, quantized: bool, arisen: float
    ) -> LayerError:
        """The sums as figures."""
        norms = math.sqrt(self.signal * self.other)
        known = self.noise > 0 and self.signal > 0
        return LayerError(
            layer=operator.name,
            operator=operator.kind,
            layers=operator.layers,
            dtype=dtype,
            quantized=quantized,
            relative_error=self.relative,
            arisen=arisen,
            sqnr_db=10 * math.log10(self.signal / self.noise) if known else None,
            cosine=self.product / norms if norms else 1.0,
            max_abs_error=self.worst,
            low=self.low,
            high=self.high,
            quantized_low=self.quantized_low,
            quantized_high=self.quantized_high,
            clipped_pct=100 * self.limits / self.integers if self.integers else None,
        )
