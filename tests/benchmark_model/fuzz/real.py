"""Stored outputs, damaged, or changed in ways that must not change what is read."""

from __future__ import annotations

import math
import random

from android_bench.benchmark_model import parse_output
from tests.benchmark_model.fuzz.checks import KINDS, anything_goes, profile_of, stored
from tests.benchmark_model.fuzz.damages import DAMAGES, NOISE, interleaved
from tests.benchmark_model.fuzz.profiles import made_profile


def damaged(random_: random.Random) -> str:
    """A stored output, damaged once or several times."""
    source = random_.choice(stored())
    text = random_.choice([source.stdout, source.stdout, source.stderr, *source.files])
    other = random_.choice(stored()).stdout
    for _ in range(random_.choice((1, 1, 2, 3))):
        text = random_.choice(DAMAGES)(text, other, random_)
    stderr = source.stderr if random_.random() < 0.5 else ""
    return anything_goes(text, stderr, random_)


def damaged_profile(random_: random.Random) -> str:
    """An operator profile in one of the builds' forms, damaged: rows that stand in it, or the named error."""
    text, _ = made_profile(random_)
    if random_.random() < 0.5:
        source = random_.choice(stored())
        text = random_.choice(source.files or (source.stdout,)) + text
    for _ in range(random_.choice((1, 1, 2))):
        text = random_.choice(DAMAGES)(text, random_.choice(stored()).stdout, random_)
    return profile_of(text)


def cut(random_: random.Random) -> str:
    """A stored output, cut: every number is the whole one's or missing."""
    source = random_.choice(stored())
    kind = random_.choice(KINDS)
    whole = parse_output(source.stdout, "", requested=kind)
    part = parse_output(source.stdout[: random_.randint(0, len(source.stdout))], "", requested=kind)
    for name in ("latency", "warmup", "model_size_bytes"):
        assert getattr(part, name) in {None, getattr(whole, name)}, name
    # The session's line has six digits of what a later line has all of.
    if part.init_us is not None and whole.init_us is not None:
        assert math.isclose(part.init_us, whole.init_us, rel_tol=6e-6)
    if part.memory is not None and whole.memory is not None:
        for name in ("init_footprint_bytes", "overall_footprint_bytes", "peak_bytes"):
            assert getattr(part.memory, name) in {None, getattr(whole.memory, name)}, name
    return "same or missing"


def between(random_: random.Random) -> str:
    """A real output with lines of no meaning between its own: the numbers stay."""
    source = random_.choice(stored())
    kind = random_.choice(KINDS)
    whole = parse_output(source.stdout, source.stderr, requested=kind)
    lines = source.stdout.split("\n")
    for _ in range(random_.randint(1, 8)):
        lines.insert(random_.randint(0, len(lines) - 1), random_.choice(NOISE))
    changed = parse_output("\n".join(lines), source.stderr, requested=kind)
    for name in ("latency", "warmup", "init_us", "memory", "delegation", "unconsumed_flags"):
        assert getattr(changed, name) == getattr(whole, name), name
    return "same"


def merged(random_: random.Random) -> str:
    """The lines of both streams in one, or with other ends of line: the numbers stay."""
    # Without its last line feed a stream's end would become a part of the other's line.
    whole_lines = [one for one in stored() if is_whole(one.stdout) and is_whole(one.stderr)]
    source = random_.choice(whole_lines)
    kind = random_.choice(KINDS)
    whole = parse_output(source.stdout, source.stderr, requested=kind)
    # LiteRT's block is read from its title on, so lines of the other stream may not stand before it.
    if "BENCHMARK RESULTS" not in source.stderr and random_.random() < 0.5:
        one, two = source.stdout.splitlines(True), source.stderr.splitlines(True)
        text = interleaved(one, two, random_)
    else:
        text = source.stdout.replace("\r\n", "\n").replace("\n", "\r\n") + source.stderr
    changed = parse_output(text, "", requested=kind)
    for name in ("latency", "warmup", "init_us", "memory"):
        assert getattr(changed, name) == getattr(whole, name), name
    return "same"


def is_whole(text: str) -> bool:
    """Whether a stream is empty or ends with a line feed."""
    return not text or text.endswith("\n")
