"""What one invocation of benchmark_model printed, as numbers and facts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from android_bench.benchmark_model.classic import read_classic
from android_bench.benchmark_model.delegation import read_delegation
from android_bench.benchmark_model.failures import is_failure
from android_bench.benchmark_model.lines import Level, Line, read_lines
from android_bench.benchmark_model.litert import read_litert
from android_bench.config import DelegateKind
from android_bench.results import BinaryFlavor, Delegation, LatencySummary, MemorySummary

_UNCONSUMED = re.compile(r"Unconsumed cmdline flags: (.*)")
_CLASSIC = re.compile(r"(?:Average i|I)nference timings in us:|Loaded model ")
_LITERT_SOURCE = re.compile(r"\[benchmark_litert_model")
_LITERT_TITLE = re.compile(r"=+ BENCHMARK RESULTS =+|Loading model from: ")
_HOST = "android-bench host_model"
# An interpreter that fails repeats itself; more lines or flags than these help nobody.
_MAX_LINES = 40
_MAX_LENGTH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedOutput:
    """Everything read from an output. Times are microseconds, sizes bytes, unknown is ``None``.

    ``latency`` is the measured phase and the only result; ``warmup`` is kept apart. ``init_us`` and
    ``model_size_bytes`` can be rounded to six significant digits, as the tool prints them.
    ``errors`` are lines that tell of a failure, ``warnings`` lines of that level. Whether the
    numbers count is for :func:`~android_bench.benchmark_model.judgement.judge` to say.
    """

    flavor: BinaryFlavor | None
    init_us: float | None
    first_inference_us: float | None
    warmup: LatencySummary | None
    latency: LatencySummary | None
    memory: MemorySummary | None
    delegation: Delegation
    model_size_bytes: int | None
    unconsumed_flags: tuple[str, ...]
    errors: tuple[str, ...]
    warnings: tuple[str, ...]


def parse_output(stdout: str, stderr: str, *, requested: DelegateKind) -> ParsedOutput:
    """Read an output of any flavor, its streams apart or merged into either of them.

    A last line without its line feed may be cut, so no number is read from it: pass the streams as
    they came, not stripped. Any text is accepted; what cannot be read is ``None``.
    """
    lines = read_lines(stdout) + read_lines(stderr)
    classic = read_classic(lines)
    litert = read_litert(lines)
    # LiteRT's tool prints the shared lines as well, with microseconds and percentiles: they are
    # finer than its block, which has hundredths of a millisecond.
    return ParsedOutput(
        flavor=_flavor(lines),
        init_us=litert.init_us if litert.init_us is not None else classic.init_us,
        first_inference_us=(
            classic.first_inference_us
            if classic.first_inference_us is not None
            else litert.first_inference_us
        ),
        warmup=classic.warmup or litert.warmup,
        latency=classic.latency or litert.latency,
        memory=classic.memory or litert.memory,
        delegation=read_delegation(lines, requested),
        model_size_bytes=classic.model_size_bytes,
        unconsumed_flags=_unconsumed(lines),
        errors=_unique(line.text for line in lines if is_failure(line)),
        warnings=_unique(line.text for line in lines if line.level is Level.WARNING),
    )


def _flavor(lines: Sequence[Line]) -> BinaryFlavor | None:
    if any(line.text.startswith(_HOST) for line in lines):
        return BinaryFlavor.HOST_MODEL
    if any(_LITERT_SOURCE.match(line.source) or _LITERT_TITLE.match(line.text) for line in lines):
        return BinaryFlavor.LITERT
    if any(_CLASSIC.match(line.text) for line in lines):
        return BinaryFlavor.CLASSIC
    return None


def _unconsumed(lines: Sequence[Line]) -> tuple[str, ...]:
    for line in lines:
        match = _UNCONSUMED.match(line.text)
        if match:
            # They are joined with spaces; a value may hold spaces itself.
            flags = re.split(r"(?<!\s)\s+(?=-)", match[1].strip())
            return tuple(flag[:_MAX_LENGTH] for flag in flags if flag)[:_MAX_LINES]
    return ()


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text[:_MAX_LENGTH] for text in texts))[:_MAX_LINES]
