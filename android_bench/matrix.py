"""The matrix of a session: every combination of threads and delegates, from the words of a command."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from android_bench.config import BenchmarkConfig, Delegate, DelegateKind
from android_bench.errors import UsageError


def configurations(
    *,
    threads: str,
    delegates: Sequence[DelegateKind],
    external_library: str | None = None,
    **fixed: Any,
) -> tuple[BenchmarkConfig, ...]:
    """Return a configuration for each delegate and thread count; ``fixed`` holds for all of them.

    ``external_library`` is the path on the device of the delegate that ``external`` stands for.

    Raises:
        UsageError: the thread counts cannot be read, or a value is out of range.
    """
    counts = thread_counts(threads)
    try:
        chosen = [
            Delegate(kind=kind, library=external_library if kind is DelegateKind.EXTERNAL else None)
            for kind in dict.fromkeys(delegates)
        ]
        return tuple(
            BenchmarkConfig(delegate=delegate, num_threads=count, **fixed)
            for delegate, count in itertools.product(chosen, counts)
        )
    except ValueError as error:
        hint = "--delegate external --external-delegate /data/local/tmp/libdelegate.so"
        raise UsageError(
            f"This cannot be measured: {error}.", hint=hint if "external" in str(error) else None
        ) from error


def thread_counts(text: str) -> tuple[int, ...]:
    """Read ``1,4`` as thread counts, each once, in the order given.

    Raises:
        UsageError: a part is not a whole number from 1 on.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) for part in parts):
        raise UsageError(
            f"--threads {text!r} is not a list of whole numbers from 1 on.", hint="--threads 1,4"
        )
    return tuple(dict.fromkeys(int(part) for part in parts))
