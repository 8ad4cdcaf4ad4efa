"""Running a ``.tflite`` on this machine with LiteRT: float in, float out, whatever the file stores."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from optimizer.artifact import TensorSpec
from optimizer.errors import ConversionError


class TFLiteModel:
    """A loaded ``.tflite``. Inputs are given in its order, real-valued; outputs come back real-valued."""

    def __init__(self, content: bytes, *, where: str) -> None:
        from ai_edge_litert.interpreter import Interpreter

        from optimizer.tensorflow_setup import quiet_stderr

        self._where = where
        with quiet_stderr() as log:
            try:
                self._interpreter = Interpreter(model_content=content, num_threads=os.cpu_count())
                self._interpreter.allocate_tensors()
            except (RuntimeError, ValueError) as error:
                raise self._failed(error, log) from error
        self._inputs = self._interpreter.get_input_details()
        self._outputs = self._interpreter.get_output_details()

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The inputs in the file's order."""
        return tuple(_spec(item) for item in self._inputs)

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The outputs in the file's order."""
        return tuple(_spec(item) for item in self._outputs)

    def run(self, inputs: Sequence[Any]) -> list[Any]:
        """Run every sample on its own, as an app does; return each output as (samples, …) in float32.

        Raises:
            ConversionError: an operator fails while running.
        """
        import numpy as np

        collected: list[list[Any]] = [[] for _ in self._outputs]
        for index in range(len(inputs[0])):
            for detail, array in zip(self._inputs, inputs, strict=True):
                self._feed(detail, array[index : index + 1])
            try:
                self._interpreter.invoke()
            except (RuntimeError, ValueError) as error:
                raise self._failed(error, []) from error
            for detail, rows in zip(self._outputs, collected, strict=True):
                rows.append(_dequantize(self._interpreter.get_tensor(detail["index"]), detail))
        return [np.concatenate(rows) for rows in collected]

    def run_once(self) -> None:
        """Prove that the model runs at all: zeros in.

        Raises:
            ConversionError: an operator fails while running.
        """
        import numpy as np

        self.run(
            [
                np.zeros([1, *(max(size, 1) for size in item.shape[1:])], "float32")
                for item in self.inputs
            ]
        )

    def _feed(self, detail: Any, sample: Any) -> None:
        if tuple(sample.shape) != tuple(detail["shape"]):
            self._interpreter.resize_tensor_input(detail["index"], sample.shape)
            self._interpreter.allocate_tensors()
        self._interpreter.set_tensor(detail["index"], _quantize(sample, detail))

    def _failed(self, error: Exception, log: list[str]) -> ConversionError:
        words = " ".join(" ".join([str(error), *log]).split())
        return ConversionError(
            f"{self._where} does not run in LiteRT: {words[:300]}",
            hint="this recipe does not suit the model: try another, or float_fallback = true",
        )


def _spec(detail: Any) -> TensorSpec:
    scale, zero_point = detail["quantization"]
    signature = detail.get("shape_signature", detail["shape"])
    return TensorSpec(
        name=detail["name"],
        shape=tuple(int(size) for size in (signature if len(signature) else detail["shape"])),
        dtype=_dtype_name(detail),
        scale=float(scale) if scale else None,
        zero_point=int(zero_point) if scale else None,
    )


def _dtype_name(detail: Any) -> str:
    import numpy as np

    return np.dtype(detail["dtype"]).name


def _quantize(sample: Any, detail: Any) -> Any:
    """Real values to what the tensor stores: stored = real / scale + zero point, rounded and clipped."""
    import numpy as np

    dtype = np.dtype(detail["dtype"])
    scale, zero_point = detail["quantization"]
    if not scale or dtype.kind not in "iu" or sample.dtype.kind in "iu":
        return sample.astype(dtype)
    limits = np.iinfo(dtype)
    return np.clip(np.rint(sample / scale + zero_point), limits.min, limits.max).astype(dtype)


def _dequantize(stored: Any, detail: Any) -> Any:
    """What the tensor stores to real values."""
    import numpy as np

    scale, zero_point = detail["quantization"]
    if not scale or np.dtype(detail["dtype"]).kind not in "iu":
        return stored.astype("float32")
    return ((stored.astype("float32") - zero_point) * scale).astype("float32")
