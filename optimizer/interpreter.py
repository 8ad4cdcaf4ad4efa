"""Running a ``.tflite`` on this machine with LiteRT: real values in, real values out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from optimizer.artifact import TensorSpec
from optimizer.errors import ConversionError
from optimizer.tensorflow_setup import quiet_stderr
from optimizer.tflite_file import keeps_state

# Sizes tried for a free dimension when no sample tells one: kernels may need more than one pixel.
_FREE_SIZES = (32, 224, 1)
_MANY_WORKERS = 16


class TFLiteModel:
    """A loaded ``.tflite``. Inputs and outputs go by the names of its signature, in real values.

    Samples are shared out over the cores, one single-threaded interpreter each: on small models that is
    faster than threads inside one inference.
    """

    def __init__(self, content: bytes, *, where: str) -> None:
        self._content = content
        self._where = where
        self._interpreters = [self._interpreter()]
        first = self._interpreters[0]
        self._inputs = names_in_signature(first, "inputs")
        self._outputs = names_in_signature(first, "outputs")

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The input tensors in the file's order, under their names in the file."""
        return tuple(_spec(item) for item in self._inputs.values())

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The output tensors in the file's order, under their names in the file."""
        return tuple(_spec(item) for item in self._outputs.values())

    @property
    def keeps_state(self) -> bool:
        """Whether it has variables that live on from one inference to the next."""
        return keeps_state(self._content)

    @property
    def input_names(self) -> tuple[str, ...]:
        """The inputs' names in the signature, in the file's order."""
        return tuple(self._inputs)

    @property
    def output_names(self) -> tuple[str, ...]:
        """The outputs' names in the signature, in the file's order."""
        return tuple(self._outputs)

    def run(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Run every sample; return each output as (samples, …) in float32.

        Inputs are quantized and outputs dequantized by the file's scales and zero points.

        Raises:
            ConversionError: an operator fails while running.
        """
        import numpy as np

        count = len(next(iter(inputs.values())))
        workers = max(1, min(_cores(), _MANY_WORKERS, count // 8))
        while len(self._interpreters) < workers:
            self._interpreters.append(self._interpreter())
        shares = np.array_split(np.arange(count), workers)
        with quiet_stderr(), ThreadPoolExecutor(workers) as pool:
            parts = list(
                pool.map(
                    lambda interpreter, share: self._run_share(interpreter, inputs, share),
                    self._interpreters[:workers],
                    shares,
                )
            )
        return {name: np.concatenate([part[name] for part in parts]) for name in self._outputs}

    def run_once(self, sample: dict[str, Any] | None = None) -> None:
        """Prove that the model runs at all, on a sample of (1, …) arrays or else on zeros.

        Raises:
            ConversionError: an operator fails while running.
        """
        import numpy as np

        if sample is not None:
            self.run(sample)
            return
        free = any(size < 0 for spec in self.inputs for size in spec.shape[1:])
        for size in _FREE_SIZES if free else (1,):
            zeros = {
                name: np.zeros(
                    [1, *(size if have < 0 else have for have in _spec(item).shape[1:])], "float32"
                )
                for name, item in self._inputs.items()
            }
            try:
                self.run(zeros)
            except ConversionError:
                if size == _FREE_SIZES[-1]:
                    raise
            else:
                return

    def _interpreter(self) -> Any:
        """A fresh interpreter; its memory is allocated when the sizes of free dimensions are known."""
        from ai_edge_litert.interpreter import Interpreter

        with quiet_stderr():
            try:
                return Interpreter(model_content=self._content, num_threads=1)
            except (RuntimeError, ValueError) as error:
                failure = error
        raise self._failed(failure) from failure

    def _run_share(self, interpreter: Any, inputs: dict[str, Any], share: Any) -> dict[str, Any]:
        """Run the samples of one core, in the batches that the file is made for."""
        import numpy as np

        from optimizer.source_model import batch_size, batches

        collected: dict[str, list[Any]] = {name: [] for name in self._outputs}
        mine = {name: array[share] for name, array in inputs.items()}
        allocated = False
        try:
            for batch, used in batches(mine, batch_size(self.inputs) or 1):
                if not allocated:
                    self._allocate(interpreter, batch)
                    allocated = True
                # LSTMs keep their state in the file's variables; in Keras each sample begins anew.
                interpreter.reset_all_variables()
                for name, detail in self._inputs.items():
                    interpreter.set_tensor(detail["index"], quantized_input(batch[name], detail))
                interpreter.invoke()
                for name, detail in self._outputs.items():
                    stored = interpreter.get_tensor(detail["index"])
                    collected[name].append(_dequantize(stored, detail)[:used])
        except (RuntimeError, ValueError) as error:
            raise self._failed(error) from error
        return {name: np.concatenate(rows) for name, rows in collected.items()}

    def _allocate(self, interpreter: Any, batch: dict[str, Any]) -> None:
        """Set the sizes that are free to the batch's, and make room for the tensors."""
        for name, detail in self._inputs.items():
            if tuple(batch[name].shape) != tuple(detail["shape"]):
                interpreter.resize_tensor_input(detail["index"], batch[name].shape)
        interpreter.allocate_tensors()

    def _failed(self, error: Exception) -> ConversionError:
        return ConversionError(
            f"{self._where} does not run in LiteRT: {' '.join(str(error).split())[:300]}",
            hint="try another recipe; if float32 fails too, LiteRT lacks a layer of the model",
        )


def _cores() -> int:
    """The cores that this process may use, fewer than the machine has in a container."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def names_in_signature(interpreter: Any, which: str) -> dict[str, Any]:
    """Details of ``inputs`` or ``outputs`` by their names in the signature; by their own without one."""
    details: Sequence[Any] = (
        interpreter.get_input_details() if which == "inputs" else interpreter.get_output_details()
    )
    signatures = interpreter.get_signature_list()
    names = {}
    if len(signatures) == 1:
        runner = interpreter.get_signature_runner(next(iter(signatures)))
        named = runner.get_input_details() if which == "inputs" else runner.get_output_details()
        names = {item["index"]: name for name, item in named.items()}
    return {names.get(item["index"], item["name"]): item for item in details}


def _spec(detail: Any) -> TensorSpec:
    import numpy as np

    scale, zero_point = detail["quantization"]
    signature = detail.get("shape_signature", detail["shape"])
    return TensorSpec(
        name=detail["name"],
        shape=tuple(int(size) for size in (signature if len(signature) else detail["shape"])),
        dtype=np.dtype(detail["dtype"]).name,
        scale=float(scale) if scale else None,
        zero_point=int(zero_point) if scale else None,
    )


def quantized_input(sample: Any, detail: Any) -> Any:
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
