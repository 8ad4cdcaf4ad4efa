"""benchmark_model as text: flags out, output in. Pure functions, no I/O.

Three programs speak this dialect: the Classic benchmark_model, LiteRT's, and this tool's stand-in
for the computer at hand (:mod:`android_bench.host_model`). ``command_flags`` writes what they are
asked, ``parse_output`` reads what they print, ``judge`` decides whether the numbers count.
"""

from __future__ import annotations

from android_bench.benchmark_model.flags import InputTensor, command_flags, startup_modes
from android_bench.benchmark_model.judgement import judge
from android_bench.benchmark_model.op_profile import parse_op_profile
from android_bench.benchmark_model.output import ParsedOutput, parse_output
from android_bench.benchmark_model.result_file import ResultFile, parse_result_file

__all__ = [
    "InputTensor",
    "ParsedOutput",
    "ResultFile",
    "command_flags",
    "judge",
    "parse_op_profile",
    "parse_output",
    "parse_result_file",
    "startup_modes",
]
