"""The same input on the device and on this computer: how far apart are the outputs?

Inputs go to benchmark_model as raw little-endian tensors, outputs come back as one file with all of them in
the model's order.
"""

from __future__ import annotations

from android_bench.measuring.numerics.comparison import compare_outputs
from android_bench.measuring.numerics.reference import HostReference, reference_name
from android_bench.measuring.numerics.samples import RANDOM, InputFile, NumericsInputs

__all__ = [
    "RANDOM",
    "HostReference",
    "InputFile",
    "NumericsInputs",
    "compare_outputs",
    "reference_name",
]
