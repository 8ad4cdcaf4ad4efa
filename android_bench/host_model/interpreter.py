"""A LiteRT interpreter set up as the Classic benchmark_model sets up its own.

Imported only when a model is run: it loads numpy and LiteRT.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from android_bench.host_model.flags import FlagValue, HostModelError
from android_bench.host_model.inputs import Array, Layer, prepare_inputs, read_layers

_LOADING = ("Could not open", "allocation", "latbuffer", "identifier", "mmap")
Say = Callable[[str, str], None]


def load_runtime() -> ModuleType:
    """LiteRT's interpreter module.

    Raises:
        HostModelError: it is not installed or does not load here.
    """
    try:
        from ai_edge_litert import interpreter
    except ImportError as error:
        raise HostModelError(
            f"Failed to load LiteRT: {error}\npip install ai-edge-litert"
        ) from error
    # numpy loads its generators at their first use; that memory is not the model's.
    np.random.default_rng(0)
    module: ModuleType = interpreter
    return module


class HostInterpreter:
    """A model ready to run. Building it is what the tool calls initialization."""

    def __init__(
        self,
        runtime: ModuleType,
        values: Mapping[str, FlagValue],
        *,
        given: frozenset[str],
        say: Say,
    ) -> None:
        layers = read_layers(values)
        graph = str(values["graph"])
        self._interpreter = _open(runtime, graph, values, given)
        say("INFO", f"Loaded model {graph}")
        self._choose_signature(str(values["signature_to_run_for"]))
        self._inputs = self._interpreter.get_input_details()
        self._layers = self._resize(layers, say)
        _say_missing_delegates(values, say)
        nodes = len(self._operators())
        try:
            self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise HostModelError(f"{error}\nFailed to allocate tensors!") from error
        whole = self._say_delegation(nodes, say)
        if values["require_full_delegation"] and not (values["use_xnnpack"] and whole):
            raise HostModelError("Disallowed CPU fallback detected.")
        # Resizing changed the shapes.
        self._inputs = self._interpreter.get_input_details()
        self._data: list[tuple[int, Array]] = []

    def prepare_inputs(self) -> None:
        """Read or make up the inputs.

        Raises:
            HostModelError: a file has another size than its tensor, or the type cannot be made up.
        """
        arrays = prepare_inputs(self._inputs, self._layers)
        self._data = [
            (int(detail["index"]), data) for detail, data in zip(self._inputs, arrays, strict=True)
        ]

    def reset_inputs(self) -> None:
        """Put the inputs into their tensors, as the tool does before every inference."""
        for index, data in self._data:
            self._interpreter.set_tensor(index, data)

    def invoke(self) -> None:
        """Run the model once."""
        self._interpreter.invoke()

    def save_outputs(self, path: Path) -> None:
        """Write the raw outputs one after the other.

        Raises:
            HostModelError: the file cannot be written, or an output holds strings.
        """
        try:
            with path.open("wb") as file:
                for detail in self._interpreter.get_output_details():
                    value = self._interpreter.get_tensor(detail["index"])
                    if value.dtype.kind in "OS":
                        raise HostModelError(
                            f"Cannot save tensor {detail['name']}: it holds strings"
                        )
                    file.write(np.ascontiguousarray(value).tobytes())
        except OSError as error:
            raise HostModelError(f"Failed to save the outputs to {path}: {error}") from error

    def _choose_signature(self, wanted: str) -> None:
        known = list(self._interpreter.get_signature_list())
        if wanted and not known:
            raise HostModelError(
                "Signature key is specified, but the model does not have any signatures."
            )
        if (wanted and wanted not in known) or (not wanted and len(known) > 1):
            keys = "".join(f"\n #> Signature key: {key}" for key in known)
            raise HostModelError(
                "Signature not specified or incorrect. Pass one of the following to the flag "
                f'"--signature_to_run_for"{keys}'
            )
        if wanted and wanted != known[0]:
            # The plain interpreter, the only one that is timed without Python around it, runs the
            # first subgraph.
            raise HostModelError(f"host_model runs the first signature only, {known[0]}")

    def _resize(self, layers: list[Layer], say: Say) -> list[Layer]:
        if layers and len(layers) != len(self._inputs):
            raise HostModelError(
                f"Inputs mismatch: Model inputs #:{len(layers)} expected: {len(self._inputs)}"
            )
        for detail, layer in zip(self._inputs, layers, strict=False):
            index, rank = int(detail["index"]), len(detail["shape"])
            if layer.name != detail["name"]:
                say(
                    "WARN",
                    f"Tensor # {index} is named {detail['name']} but flags call it {layer.name}",
                )
            if len(layer.shape) != rank:
                raise HostModelError(f"Input tensor #{index} should have {rank} dimensions!")
            try:
                self._interpreter.resize_tensor_input(index, layer.shape)
            except (RuntimeError, ValueError) as error:
                raise HostModelError(str(error)) from error
        return layers

    def _operators(self) -> list[dict[str, Any]]:
        """The interpreter's own list of operators; empty if this LiteRT does not give it."""
        details = getattr(self._interpreter, "_get_ops_details", None)
        try:
            return list(details()) if details is not None else []
        except (RuntimeError, ValueError, TypeError):
            return []

    def _say_delegation(self, nodes: int, say: Say) -> bool:
        """Say how many of the model's nodes XNNPACK took; true if it took all of them at once.

        Each delegate is one more operator at the end of the list; its nodes are those that lead from
        its outputs back to its inputs. Nothing is said when the list is not to be had.
        """
        operators = self._operators()
        if nodes == 0 or len(operators) < nodes:
            return False
        producers = {
            int(output): index
            for index, operator in enumerate(operators[:nodes])
            for output in operator["outputs"]
        }
        delegates = [item for item in operators[nodes:] if item["op_name"] == "DELEGATE"]
        taken: set[int] = set()
        for delegate in delegates:
            borders = {int(tensor) for tensor in delegate["inputs"]}
            pending = [int(tensor) for tensor in delegate["outputs"]]
            while pending:
                producer = producers.get(pending.pop())
                if producer is None or producer in taken:
                    continue
                taken.add(producer)
                pending += [int(t) for t in operators[producer]["inputs"] if int(t) not in borders]
        say(
            "INFO",
            f"android-bench host_model: XNNPACK executes {len(taken)} of {nodes} nodes "
            f"in {len(delegates)} partitions",
        )
        return len(delegates) == 1 and len(taken) == nodes


def _open(
    runtime: ModuleType, graph: str, values: Mapping[str, FlagValue], given: frozenset[str]
) -> Any:
    resolvers = runtime.OpResolverType
    # An explicit false is the only way to be without XNNPACK, which the runtime applies by itself.
    without = "use_xnnpack" in given and not values["use_xnnpack"]
    threads = int(values["num_threads"])
    if threads == 0 or threads < -1:
        raise HostModelError("Failed to set thread number")
    if not Path(graph).is_file():
        raise HostModelError(f"Could not open '{graph}'.\nFailed to load model {graph}")
    try:
        return runtime.Interpreter(
            model_path=graph,
            num_threads=None if threads == -1 else threads,
            experimental_op_resolver_type=(
                resolvers.BUILTIN_WITHOUT_DEFAULT_DELEGATES if without else resolvers.AUTO
            ),
        )
    except (RuntimeError, ValueError, OSError) as error:
        loading = any(word in str(error) for word in _LOADING)
        step = (
            f"Failed to load model {graph}" if loading else "Failed to initialize the interpreter"
        )
        raise HostModelError(f"{error}\n{step}") from error


def _say_missing_delegates(values: Mapping[str, FlagValue], say: Say) -> None:
    if values["use_gpu"]:
        say("WARN", "GPU acceleration is unsupported on this platform.")
    if values["use_nnapi"]:
        say("WARN", "NNAPI acceleration is unsupported on this platform.")
    if values["external_delegate_path"]:
        say("WARN", "EXTERNAL acceleration is unsupported on this platform.")
