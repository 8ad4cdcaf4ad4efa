"""The command line of the stand-in, in the style of TensorFlow Lite's tools.

``--name=value`` and nothing else; booleans are ``true|false|0|1``; what is unknown, and a second
mention of a flag, is left over and only warned of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

FlagValue = bool | int | float | str

_INT32 = 2**31

# Names and defaults of the Classic tool (benchmark_model.cc and benchmark_tflite_model.cc of LiteRT);
# the type of a default is the type of its flag. A flag that the stand-in cannot honour is not here.
DEFAULTS: dict[str, FlagValue] = {
    "graph": "",
    "num_runs": 50,
    "min_secs": 1.0,
    "max_secs": 150.0,
    "run_delay": -1.0,
    "num_threads": -1,
    "warmup_runs": 1,
    "warmup_min_secs": 0.5,
    "verbose": False,
    "dry_run": False,
    "report_peak_memory_footprint": False,
    "memory_footprint_check_interval_ms": 50,
    "signature_to_run_for": "",
    "input_layer": "",
    "input_layer_shape": "",
    "input_layer_value_range": "",
    "input_layer_value_files": "",
    "output_filepath": "",
    "require_full_delegation": False,
    "use_xnnpack": False,
    "use_gpu": False,
    "use_nnapi": False,
    "external_delegate_path": "",
    "external_delegate_options": "",
    "help": False,
}

# How the tool names a parameter in its log, in its order.
LABELS = {
    "num_runs": "Min num runs",
    "min_secs": "Min runs duration (seconds)",
    "max_secs": "Max runs duration (seconds)",
    "run_delay": "Inter-run delay (seconds)",
    "num_threads": "Num threads",
    "warmup_runs": "Min warmup runs",
    "warmup_min_secs": "Min warmup runs duration (seconds)",
    "dry_run": "Run w/o invoking kernels",
    "report_peak_memory_footprint": "Report the peak memory footprint",
    "memory_footprint_check_interval_ms": "Memory footprint check interval (ms)",
    "graph": "Graph",
    "signature_to_run_for": "Signature to run",
    "input_layer": "Input layers",
    "input_layer_shape": "Input shapes",
    "input_layer_value_range": "Input value ranges",
    "input_layer_value_files": "Input value files",
    "require_full_delegation": "Require full delegation",
    "output_filepath": "File path to export outputs layer to",
    "use_xnnpack": "Use xnnpack",
    "use_gpu": "Use gpu",
    "use_nnapi": "Use NNAPI",
    "external_delegate_path": "External delegate path",
    "external_delegate_options": "External delegate options",
}


class HostModelError(Exception):
    """The run cannot go on; the message is printed as an error line, one for each of its lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """All values, the names that were given, and the arguments that nobody took."""

    values: dict[str, FlagValue]
    given: frozenset[str]
    unconsumed: tuple[str, ...]


def parse_flags(arguments: Sequence[str]) -> Flags:
    """Read the command line.

    Raises:
        HostModelError: a value cannot be read.
    """
    values = dict(DEFAULTS)
    given: set[str] = set()
    unconsumed: list[str] = []
    for argument in arguments:
        if argument == "--help":
            values["help"] = True
            continue
        name, equals, text = argument.removeprefix("--").partition("=")
        if not argument.startswith("--") or not equals or name not in values or name in given:
            unconsumed.append(argument)
            continue
        given.add(name)
        try:
            values[name] = _read(text, DEFAULTS[name])
        except ValueError:
            message = f"Failed to parse flag '{name}' against argv '{argument}'\n{usage()}"
            raise HostModelError(message) from None
    return Flags(values=values, given=frozenset(given), unconsumed=tuple(unconsumed))


def usage() -> str:
    """All flags with their defaults, a line each."""
    lines = (f"\t--{name}={_shown(value)}" for name, value in DEFAULTS.items() if name != "help")
    return "\n".join(["usage: host_model <flags>", "Flags:", *lines])


def _read(text: str, default: FlagValue) -> FlagValue:
    if isinstance(default, bool):
        if text not in {"true", "false", "0", "1"}:
            raise ValueError(text)
        return text in {"true", "1"}
    if isinstance(default, str):
        return text
    if isinstance(default, float):
        value = float(text)
        if not abs(value) < 1e9:  # also refuses nan; thirty years are long enough
            raise ValueError(text)
        return value
    number = int(text)
    if not -_INT32 <= number < _INT32:
        raise ValueError(text)
    return number


def _shown(value: FlagValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
