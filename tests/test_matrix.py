from __future__ import annotations

import pytest

from android_bench.config import BenchmarkConfig, Delegate, DelegateKind
from android_bench.errors import UsageError
from android_bench.matrix import configurations, thread_counts


def test_every_combination_once_in_the_order_given() -> None:
    found = configurations(
        threads="4, 1,4", delegates=[DelegateKind.CPU, DelegateKind.GPU, DelegateKind.CPU]
    )
    assert [config.label for config in found] == [
        "cpu, 4 threads",
        "cpu, 1 thread",
        "gpu, 4 threads",
        "gpu, 1 thread",
    ]


@pytest.mark.parametrize("text", ["", "0", "-1", "1,,2", "two", "1.5", "²"])
def test_what_is_no_list_of_counts_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--threads"):
        thread_counts(text)


def test_impossible_values_are_refused_in_a_sentence() -> None:
    with pytest.raises(UsageError, match="cannot be negative"):
        configurations(threads="1", delegates=[DelegateKind.CPU], min_s=-1.0)
    with pytest.raises(UsageError, match="names its library"):
        configurations(threads="1", delegates=[DelegateKind.EXTERNAL])


def test_delegate_and_configuration_validate_themselves() -> None:
    with pytest.raises(ValueError, match="library"):
        Delegate(kind=DelegateKind.CPU, library="/data/local/tmp/lib.so")
    with pytest.raises(ValueError, match="at least 1"):
        BenchmarkConfig(num_threads=0)
