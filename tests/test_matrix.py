from __future__ import annotations

from pathlib import Path

import pytest

from android_bench.config import BenchmarkConfig, Delegate, DelegateKind
from android_bench.errors import UsageError
from android_bench.measuring.matrix import (
    Exclusion,
    Wishes,
    configurations,
    delegates_of,
    thread_counts,
)
from android_bench.measuring.matrix_file import read_matrix

CPU, GPU = Delegate(), Delegate(kind=DelegateKind.GPU)


def test_every_combination_once_in_the_order_given() -> None:
    wishes = Wishes(
        threads=thread_counts("4, 1,4"), delegates=(CPU, GPU, CPU), cores=("big", "little")
    )
    assert [config.label for config in configurations(wishes)] == [
        "cpu, 4 threads, big cores",
        "cpu, 1 thread, big cores",
        "cpu, 4 threads, little cores",
        "cpu, 1 thread, little cores",
        "gpu, 4 threads, big cores",
        "gpu, 1 thread, big cores",
        "gpu, 4 threads, little cores",
        "gpu, 1 thread, little cores",
    ]


def test_what_is_excluded_is_left_out() -> None:
    wishes = Wishes(
        threads=(1, 4),
        delegates=(CPU, GPU),
        exclude=(Exclusion(delegate=DelegateKind.GPU, threads=4),),
    )
    labels = [config.label for config in configurations(wishes)]
    assert labels == ["cpu, 1 thread", "cpu, 4 threads", "gpu, 1 thread"]
    with pytest.raises(UsageError, match="leave nothing"):
        configurations(Wishes(exclude=(Exclusion(threads=1),)))


@pytest.mark.parametrize("text", ["", "0", "-1", "1,,2", "two", "1.5", "²"])
def test_what_is_no_list_of_counts_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--threads"):
        thread_counts(text)


def test_impossible_values_are_refused_in_a_sentence() -> None:
    with pytest.raises(UsageError, match="cannot be negative"):
        configurations(Wishes(min_s=-1.0))
    with pytest.raises(UsageError, match="names its library"):
        delegates_of(["external"])
    with pytest.raises(UsageError, match="'tpu' is no delegate"):
        delegates_of(["tpu"])


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        (Wishes(budget_s=60.0), "--budget bounds what a precision asks for"),
        (Wishes(max_invocations=30), "--max-invocations bounds"),
        (Wishes(numerics_samples=4), "--numerics-samples says how many"),
        (Wishes(precision=0.01, invocations=20, max_invocations=10), "fewer than the 20"),
    ],
)
def test_wishes_that_contradict_each_other_are_refused(wishes: Wishes, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        configurations(wishes)


def test_a_library_alone_asks_for_the_external_delegate() -> None:
    (delegate,) = delegates_of([], library="/data/lib.so", options="a:b")
    assert delegate == Delegate(kind=DelegateKind.EXTERNAL, library="/data/lib.so", options="a:b")


def test_what_comes_beside_latency_is_counted_in_the_configuration() -> None:
    (config,) = configurations(
        Wishes(memory=0, profile=2, startup=3, numerics="random", invocations=7)
    )
    counts = (config.memory_invocations, config.profile_invocations, config.startup_rounds)
    assert counts == (0, 2, 3)
    assert (config.numerics_samples, config.invocations) == (8, 7)


def test_delegate_and_configuration_validate_themselves() -> None:
    with pytest.raises(ValueError, match="library"):
        Delegate(kind=DelegateKind.CPU, library="/data/local/tmp/lib.so")
    with pytest.raises(ValueError, match="at least 1"):
        BenchmarkConfig(num_threads=0)
    with pytest.raises(ValueError, match="precision"):
        BenchmarkConfig(precision=1.5)


# The file

FILE = """
models = ["models/*.tflite"]
devices = ["192.168.1.7:5555", "host"]
threads = [1, 4]
delegates = ["cpu", {kind = "external", library = "libx.so", options = "a:b"}]
cores = ["big"]
exclude = [{delegate = "external", threads = 4}]
precision = "1%"
budget = "1h30m"
profile = 1
numerics = "samples.npz"
wait_cool = "90s"
min_secs = 2
"""


def written(tmp_path: Path, text: str) -> Path:
    (tmp_path / "models").mkdir(exist_ok=True)
    for name in ("models/b.tflite", "models/a.tflite", "samples.npz"):
        (tmp_path / name).touch()
    file = tmp_path / "matrix.toml"
    file.write_text(text)
    return file


def test_a_file_says_what_flags_say_and_its_paths_are_beside_it(tmp_path: Path) -> None:
    (tmp_path / "libx.so").touch()
    found = read_matrix(written(tmp_path, FILE))
    external = Delegate(
        kind=DelegateKind.EXTERNAL, library=str(tmp_path / "libx.so"), options="a:b"
    )
    assert found == Wishes(
        models=(tmp_path / "models/a.tflite", tmp_path / "models/b.tflite"),
        devices=("192.168.1.7:5555", "host"),
        threads=(1, 4),
        delegates=(CPU, external),
        cores=("big",),
        exclude=(Exclusion(delegate=DelegateKind.EXTERNAL, threads=4),),
        precision=0.01,
        budget_s=5400.0,
        profile=1,
        numerics=str(tmp_path / "samples.npz"),
        numerics_samples=8,
        wait_cool_s=90.0,
        min_s=2.0,
    )
    assert len(configurations(found)) == 3


def test_a_library_on_the_device_keeps_its_path(tmp_path: Path) -> None:
    text = 'delegates = [{kind = "external", library = "/vendor/lib64/libx.so"}]'
    (delegate,) = read_matrix(written(tmp_path, text)).delegates or ()
    assert delegate.library == "/vendor/lib64/libx.so"


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    both = Wishes(threads=(2,), profile=0).over(read_matrix(written(tmp_path, FILE)))
    assert (both.threads, both.profile, both.cores) == ((2,), 0, ("big",))


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("thread = [1]", "no key 'thread'", "Did you mean 'threads'?"),
        ("zzz = 1", "no key 'zzz'", "There are models"),
        ("threads = 1", "threads: Input should be a valid list", None),
        ('threads = ["1"]', r"threads\.0: Input should be a valid integer", None),
        ("invocations = 0", "invocations: Input should be greater", None),
        ("threads = [", "is not TOML", None),
        (
            'models = ["none*.tflite"]',
            r"models\.0: no file matches 'none\*\.tflite'",
            "relative to",
        ),
        ('delegates = ["tpu"]', r"delegates\.0: 'tpu' is no delegate", "There are cpu"),
        ('delegates = ["external"]', r"delegates\.0: an external delegate names", "library"),
        ('exclude = [{delegate = "tpu"}]', r"exclude\.0\.delegate: 'tpu'", "There are"),
        ("exclude = [{thread = 1}]", r"no key 'exclude\.0\.thread'", None),
        ('precision = "often"', "precision = 'often' is no share", None),
        ("_x = 1", "line 1: there is no key '_x'", "There are models"),
        ("strict = true", "no key 'strict'", "startup"),
        ('models = [""]', r"models\.0: '' is no pattern", "tflite"),
        ('models = ["**foo"]', r"models\.0: .* is no pattern", "tflite"),
        ("max_secs = inf", "max_secs: Input should be a finite", "docs/measuring.md"),
        ("min_secs = nan", "min_secs: Input should be a finite", None),
        ("threads = " + "9" * 5000, "is not TOML", None),
        ('delegates = [{kind = "gpu", libary = "x"}]', "no key 'delegates.0.libary'", "'library'"),
        ('budget = "soon"', "budget = 'soon' is no time", "90s, 10m or 1h30m"),
    ],
)
def test_a_wrong_file_says_file_and_key(
    tmp_path: Path, text: str, message: str, hint: str | None
) -> None:
    file = written(tmp_path, text)
    with pytest.raises(UsageError, match=message) as caught:
        read_matrix(file)
    assert str(file) in str(caught.value)
    assert hint is None or hint in str(caught.value.hint)


@pytest.mark.parametrize(
    "wishes",
    [
        Wishes(invocations=10**9),
        Wishes(num_runs=2**31),
        Wishes(threads=(2**31,)),
        Wishes(min_s=float("inf")),
        Wishes(warmup_min_s=float("nan")),
    ],
)
def test_what_no_measurement_has_is_refused_instead_of_planned(wishes: Wishes) -> None:
    with pytest.raises(UsageError, match="cannot be measured"):
        configurations(wishes)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_matrix(tmp_path / "none.toml")
