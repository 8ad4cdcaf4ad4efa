"""Outputs of benchmark_model, made and damaged by chance, each with what may come of reading it.

A case is made from a seed, so that one that fails can be made again. Some are generated from known numbers,
which have to come back; the others are stored outputs, damaged, where nothing may come out that does not stand
in the text, and nothing may be raised but a named error.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterable

from tests.benchmark_model.fuzz.outputs import classic, litert
from tests.benchmark_model.fuzz.profiles import profile
from tests.benchmark_model.fuzz.real import between, cut, damaged, damaged_profile, merged
from tests.benchmark_model.fuzz.result_files import result_file


def check(seed: int) -> str:
    """Make the case of this seed, read it and check it; return what it was and what came of it.

    Raises:
        AssertionError: something came out that must not.
    """
    random_ = random.Random(seed)
    make = random_.choices([case for case, _ in CASES], [weight for _, weight in CASES])[0]
    return f"{make.__name__}: {make(random_)}"


def run(count: int, *, seed: int) -> Counter[str]:
    """Check this many cases; count what they were and what came of them."""
    found: Counter[str] = Counter()
    for number in range(seed, seed + count):
        try:
            found[check(number)] += 1
        except Exception as error:  # noqa: PERF203 (the number is what makes the case again)
            raise AssertionError(f"fuzz case {number}: {error!r}") from error
    return found


def told(found: Counter[str]) -> Iterable[str]:
    """The counts as lines, by case."""
    for case, group in itertools.groupby(sorted(found), key=lambda name: name.partition(":")[0]):
        parts = [f"{found[name]:,} {name.partition(': ')[2]}" for name in group]
        yield f"{case}: {'; '.join(parts)}"


CASES: tuple[tuple[Callable[[random.Random], str], int], ...] = (
    (damaged, 30), (damaged_profile, 10), (cut, 10), (between, 8), (merged, 7), (classic, 15), (litert, 5),
    (profile, 10), (result_file, 5),
)  # fmt: skip
