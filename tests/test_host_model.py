"""The stand-in, run as the process it is, and read by the parser that reads the real tool."""

from __future__ import annotations

import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from android_bench.benchmark_model import (
    InputTensor,
    ParsedOutput,
    command_flags,
    judge,
    parse_output,
)
from android_bench.benchmark_model.classic import summary_of
from android_bench.config import BenchmarkConfig, Delegate, DelegateKind
from android_bench.host_model import describe
from android_bench.results import BinaryFlavor, InvocationKind, Status
from tests.benchmark_model.models import MODELS, build

QUICK = ("--num_runs=3", "--min_secs=0", "--warmup_runs=1", "--warmup_min_secs=0")
NAME = "serving_default_x:0"


@dataclass(frozen=True)
class Run:
    exit_code: int
    stdout: str
    stderr: str

    def parsed(self, requested: DelegateKind = DelegateKind.CPU) -> ParsedOutput:
        return parse_output(self.stdout, self.stderr, requested=requested)

    def judged(self, requested: DelegateKind = DelegateKind.CPU) -> tuple[Status, str]:
        config = BenchmarkConfig(delegate=Delegate(kind=requested))
        status, problem = judge(
            self.parsed(requested),
            exit_code=self.exit_code,
            signal=None,
            timed_out=False,
            config=config,
        )
        return status, problem or ""


def run(*flags: str, quick: bool = True) -> Run:
    done = subprocess.run(
        [sys.executable, "-m", "android_bench.host_model", *flags, *(QUICK if quick else ())],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return Run(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for name, graph in MODELS.items():
        (folder / f"{name}.tflite").write_bytes(build(graph))
    return folder


@pytest.fixture(scope="session")
def big_run(models: Path) -> Run:
    """A run whose inferences take long enough to be told from 0 µs on any machine."""
    return run(f"--graph={models / 'big.tflite'}", "--report_peak_memory_footprint=true")


def test_it_says_what_it_is(big_run: Run) -> None:
    first = big_run.stdout.splitlines()[:3]
    assert any("host_model" in line and "not a phone" in line for line in first)
    assert big_run.parsed().flavor is BinaryFlavor.HOST_MODEL


def test_a_result_is_read_and_counts(big_run: Run) -> None:
    assert big_run.judged() == (Status.OK, "")
    parsed = big_run.parsed()
    assert parsed.warmup is not None
    assert parsed.latency is not None
    assert (parsed.warmup.count, parsed.latency.count) == (1, 3)
    assert parsed.latency.min_us is not None
    assert parsed.latency.min_us > 0
    assert parsed.first_inference_us == parsed.warmup.mean_us
    assert parsed.init_us
    assert parsed.model_size_bytes


def test_percentiles_are_printed(big_run: Run) -> None:
    latency = big_run.parsed().latency
    assert latency is not None
    assert latency.p5_us is not None
    assert latency.p95_us is not None
    assert latency.p5_us <= latency.p95_us


def test_memory(big_run: Run) -> None:
    memory = big_run.parsed().memory
    assert memory is not None
    assert memory.peak_bytes is not None
    assert memory.peak_bytes > 10 * 2**20  # Python, numpy and LiteRT together
    assert memory.overall_footprint_bytes is not None
    # The input alone is 1 MB, and its random data as much.
    assert memory.overall_footprint_bytes >= 2**20


def test_xnnpack_is_reported_as_it_was_seen(models: Path) -> None:
    seen = run(f"--graph={models / 'two.tflite'}", "--use_xnnpack=true")
    delegation = seen.parsed(DelegateKind.XNNPACK).delegation
    assert (delegation.nodes_delegated, delegation.nodes_total) == (1, 2)
    assert delegation.applied is True
    assert "Created TensorFlow Lite XNNPACK delegate for CPU" in seen.stderr
    assert "Explicitly applied" not in seen.stdout


def test_xnnpack_can_be_left_out(models: Path) -> None:
    seen = run(f"--graph={models / 'big.tflite'}", "--use_xnnpack=false")
    assert seen.parsed(DelegateKind.NO_XNNPACK).delegation.applied is True
    assert seen.judged(DelegateKind.NO_XNNPACK)[0] is Status.OK
    assert "XNNPACK delegate" not in seen.stderr


def test_xnnpack_that_takes_nothing_is_invalid(models: Path) -> None:
    seen = run(f"--graph={models / 'boolean.tflite'}", "--use_xnnpack=true")
    assert seen.parsed(DelegateKind.XNNPACK).delegation.applied is False
    assert seen.judged(DelegateKind.XNNPACK)[0] is Status.INVALID


@pytest.mark.parametrize(
    ("flag", "kind"),
    [("--use_gpu=true", DelegateKind.GPU), ("--use_nnapi=1", DelegateKind.NNAPI)],
)
def test_accelerators_are_honestly_missing(models: Path, flag: str, kind: DelegateKind) -> None:
    seen = run(f"--graph={models / 'big.tflite'}", flag)
    assert seen.exit_code == 0
    assert seen.judged(kind)[0] is Status.INVALID


@pytest.mark.parametrize("name", ["double", "double_int", "dynamic", "two", "boolean", "no_input"])
def test_models_of_all_kinds_run(models: Path, name: str) -> None:
    seen = run(f"--graph={models / f'{name}.tflite'}", "--num_threads=2")
    assert (seen.exit_code, seen.parsed().errors) == (0, ())
    latency = seen.parsed().latency
    assert latency is not None
    assert latency.count == 3


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing", "could not be loaded"),
        ("garbage", "could not be loaded"),
        ("empty", "could not be loaded"),
        ("half", "could not be loaded"),
        ("folder", "could not be loaded"),
        ("custom", "custom operator"),
        ("flex", "Select TensorFlow"),
        ("signatures", "several signatures"),
        ("string", "STRING"),
    ],
)
def test_models_that_cannot_run(models: Path, tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "garbage.tflite").write_bytes(bytes(range(256)))
    (tmp_path / "empty.tflite").touch()
    whole = (models / "two.tflite").read_bytes()
    (tmp_path / "half.tflite").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "folder.tflite").mkdir()
    graph = models / f"{name}.tflite"
    seen = run(f"--graph={graph if graph.exists() else tmp_path / graph.name}")
    assert seen.exit_code == 1
    assert seen.stdout.endswith("ERROR: Benchmarking failed.\n")
    status, problem = seen.judged()
    assert status is Status.FAILED
    assert words in problem


def test_a_signature_can_be_chosen(models: Path) -> None:
    graph = f"--graph={models / 'signatures.tflite'}"
    assert run(graph, "--signature_to_run_for=decode").exit_code == 0
    assert run(graph, "--signature_to_run_for=prefill").exit_code == 1
    assert run(f"--graph={models / 'double.tflite'}", "--signature_to_run_for=x").exit_code == 1


def test_unknown_and_repeated_flags_are_left_over(models: Path) -> None:
    seen = run(
        f"--graph={models / 'double.tflite'}", "--enable_op_profiling=true", "--min_secs=9", "word"
    )
    assert seen.exit_code == 0
    # The tool joins them with spaces, so a stray word cannot be told from a part of a value.
    assert seen.parsed().unconsumed_flags == ("--enable_op_profiling=true word", "--min_secs=0")
    assert "Unconsumed cmdline flags: --enable_op_profiling=true word --min_secs=0" in seen.stdout


@pytest.mark.parametrize(
    "flags",
    [
        (),
        ("--help",),
        ("--graph=",),
        ("--graph=x", "--num_runs=many"),
        ("--graph=x", "--use_gpu=yes"),
        ("--graph=x", "--min_secs=nan"),
        ("--graph=x", "--num_runs=3000000000"),
    ],
)
def test_flags_that_end_it(flags: tuple[str, ...]) -> None:
    seen = run(*flags, quick=False)
    assert seen.exit_code == 1
    assert "Benchmarking failed." in seen.stdout
    assert seen.judged()[0] is Status.FAILED


@pytest.mark.parametrize("threads", ["0", "-2"])
def test_thread_numbers_that_cannot_be(models: Path, threads: str) -> None:
    seen = run(f"--graph={models / 'double.tflite'}", f"--num_threads={threads}")
    assert seen.exit_code == 1


def test_a_dry_run_runs_nothing(models: Path) -> None:
    seen = run(f"--graph={models / 'double.tflite'}", "--dry_run=true")
    assert seen.exit_code == 0
    assert seen.judged()[0] is Status.INVALID


def test_full_delegation_can_be_required(models: Path) -> None:
    required = ("--require_full_delegation=true", "--use_xnnpack=true")
    assert run(f"--graph={models / 'double.tflite'}", *required).exit_code == 0
    for name, flags in (("two", required), ("double", required[:1])):
        seen = run(f"--graph={models / f'{name}.tflite'}", *flags)
        assert seen.exit_code == 1
        assert "Disallowed CPU fallback detected." in seen.stdout


def test_max_secs_ends_a_phase_that_has_not_enough_runs(models: Path) -> None:
    seen = run(
        f"--graph={models / 'double.tflite'}",
        "--num_runs=1000000",
        "--max_secs=0.2",
        "--run_delay=0.15",
        "--warmup_runs=1",
        "--warmup_min_secs=0",
        quick=False,
    )
    latency = seen.parsed().latency
    assert latency is not None
    assert 1 <= latency.count <= 2  # each run waits 0.15 s, and none begins after 0.2 s


def test_min_secs_asks_for_more_than_num_runs(models: Path) -> None:
    graph = f"--graph={models / 'double.tflite'}"
    began = time.monotonic()
    seen = run(graph, "--num_runs=1", "--min_secs=1.5", "--warmup_min_secs=0", quick=False)
    assert time.monotonic() - began >= 1.5
    assert seen.exit_code == 0


def numerics(models: Path, folder: Path, name: str, inputs: list[InputTensor]) -> tuple[Run, bytes]:
    output = folder / "out.bin"
    flags = command_flags(
        BenchmarkConfig(),
        graph=str(models / f"{name}.tflite"),
        kind=InvocationKind.NUMERICS,
        flavor=BinaryFlavor.HOST_MODEL,
        inputs=inputs,
        output=str(output),
    )
    seen = run(*flags, quick=False)
    return seen, output.read_bytes() if output.exists() else b""


def test_inputs_from_files_and_raw_outputs(models: Path, tmp_path: Path) -> None:
    file = tmp_path / "with:colon.bin"
    file.write_bytes(struct.pack("<4f", 1, 2, 3, -4))
    seen, output = numerics(
        models, tmp_path, "double", [InputTensor(name=NAME, shape=(1, 4), path=str(file))]
    )
    assert seen.exit_code == 0
    assert struct.unpack("<4f", output) == (2, 4, 6, -8)
    parsed = seen.parsed()
    assert parsed.latency is not None
    assert parsed.latency.count == 1
    assert parsed.warmup is not None
    assert parsed.warmup.count == 0
    assert parsed.first_inference_us is None


def test_several_outputs_follow_each_other_in_the_models_order(
    models: Path, tmp_path: Path
) -> None:
    inputs = []
    for name, data in (
        ("a", struct.pack("<4f", 1, 2, 3, 4)),
        ("b", struct.pack("<4f", 10, 10, 10, 10)),
        ("n", struct.pack("<4i", 1, -2, 3, 2**30)),
    ):
        (tmp_path / name).write_bytes(data)
        inputs.append(InputTensor(name=name, shape=(1, 4), path=str(tmp_path / name)))
    _, output = numerics(models, tmp_path, "two", inputs)
    assert output == struct.pack("<4i4f", 2, -4, 6, -(2**31), 11, 12, 13, 14)


def test_an_input_can_be_resized(models: Path, tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(struct.pack("<8f", *range(8)))
    _, output = numerics(
        models, tmp_path, "dynamic", [InputTensor(name=NAME, shape=(2, 4), path=str(file))]
    )
    assert struct.unpack("<8f", output) == tuple(2.0 * value for value in range(8))


def test_random_inputs_are_the_same_every_time_and_in_range(models: Path, tmp_path: Path) -> None:
    results = []
    for name in ("1", "2"):
        path = tmp_path / name
        run(f"--graph={models / 'big.tflite'}", f"--output_filepath={path}")
        results.append(path.read_bytes())
    assert results[0] == results[1]
    values = struct.unpack("<250000f", results[0])
    assert -1 <= min(values) < -0.9  # twice -0.5 to 0.5
    assert 0.9 < max(values) <= 1


def test_a_value_range(models: Path, tmp_path: Path) -> None:
    seen = run(
        f"--graph={models / 'double_int.tflite'}",
        "--input_layer=x",
        "--input_layer_shape=1,4",
        "--input_layer_value_range=x,7,7",
        f"--output_filepath={tmp_path / 'out'}",
    )
    assert seen.exit_code == 0
    assert (tmp_path / "out").read_bytes() == struct.pack("<4i", 14, 14, 14, 14)
    assert f"is named {NAME} but flags call it x" in seen.parsed().warnings[0]


@pytest.mark.parametrize(
    "flags",
    [
        ("--input_layer=x",),
        ("--input_layer=x,y", "--input_layer_shape=1,4:1,4"),
        ("--input_layer=x", "--input_layer_shape=1,-1"),
        ("--input_layer=x", "--input_layer_shape=1,four"),
        ("--input_layer=x", "--input_layer_shape=4"),
        ("--input_layer=x", "--input_layer_shape=1,4", "--input_layer_value_files=y:/nope"),
        ("--input_layer=x", "--input_layer_shape=1,4", "--input_layer_value_files=x:/nope"),
        ("--input_layer=x", "--input_layer_shape=1,4", "--input_layer_value_files=x:a:b"),
        ("--input_layer=x", "--input_layer_shape=1,4", "--input_layer_value_range=x,2,1"),
        ("--input_layer=x", "--input_layer_shape=1,4", "--input_layer_value_range=x,2"),
    ],
)
def test_inputs_that_do_not_fit(models: Path, flags: tuple[str, ...]) -> None:
    seen = run(f"--graph={models / 'double.tflite'}", *flags)
    assert seen.exit_code == 1
    assert seen.judged()[0] is Status.FAILED


def test_an_input_file_of_another_size(models: Path, tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"12345")
    seen, output = numerics(
        models, tmp_path, "double", [InputTensor(name=NAME, shape=(1, 4), path=str(file))]
    )
    assert output == b""
    assert "is 5 bytes. It should be 16 bytes." in seen.stdout
    assert "inputs do not fit" in seen.judged()[1]


def test_outputs_that_cannot_be_written(models: Path, tmp_path: Path) -> None:
    seen = run(f"--graph={models / 'double.tflite'}", f"--output_filepath={tmp_path / 'no' / 'f'}")
    assert seen.exit_code == 1
    assert "Failed to save the outputs" in seen.parsed().errors[0]


@pytest.mark.parametrize(
    ("durations", "line"),
    [
        ([], "count=0 p5=0 median=0 p95=0"),
        ([7], "count=1 curr=7 p5=7 median=7 p95=7"),
        ([7, 7], "count=2 curr=7(all same) p5=7 median=7 p95=7"),
        ([4, 1, 3], "count=3 first=4 curr=3 min=1 max=4 avg=2.66667 std=1 p5=1 median=3 p95=4"),
        (
            [3_000_000, 1_000_000],
            "count=2 first=3000000 curr=1000000 min=1000000 max=3000000 avg=2e+06 std=1000000 "
            "p5=1000000 median=3000000 p95=3000000",
        ),
    ],
)
def test_the_count_line_is_the_tools(durations: list[int], line: str) -> None:
    assert describe(durations) == line
    summary = summary_of(line)
    assert summary is not None
    assert summary.count == len(durations)


@pytest.mark.parametrize("module", ["numpy", "ai_edge_litert"])
def test_an_incomplete_installation_is_told_in_a_line(module: str) -> None:
    program = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from android_bench.host_model import main; sys.exit(main(['--graph=m.tflite']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert module in done.stdout
    assert "Traceback" not in done.stderr


def test_it_ends_by_signal_without_a_traceback(models: Path) -> None:
    import signal

    process = subprocess.Popen(
        [sys.executable, "-m", "android_bench.host_model", f"--graph={models / 'double.tflite'}",
         "--min_secs=100"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            if "Running benchmark" in line:
                break
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        errors = process.stderr.read()
    assert process.returncode == -signal.SIGINT
    assert "Traceback" not in errors
