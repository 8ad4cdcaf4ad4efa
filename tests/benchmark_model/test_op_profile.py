from __future__ import annotations

from pathlib import Path

import pytest

from android_bench.benchmark_model import parse_op_profile
from android_bench.errors import OutputError
from android_bench.results import ProfilePhase

WRITTEN = Path(__file__).parent.parent / "fixtures" / "benchmark_model" / "written"
HEADER = "node type, first, avg_ms, %, cdf%, mem KB, times called, name"
OLD_HEADER = "node type, start, first, avg_ms, %, cdf%, mem KB, times called, name"
SUMMARY = "node type, count, avg_ms, avg %, cdf %, mem KB, times called"


def table(title: str, *rows: str) -> str:
    line = "=" * 30
    return "\n".join([f"{line} {title} {line}", *rows, "", ""])


def profile(*rows: str, header: str = HEADER) -> str:
    return (
        "Profiling Info for Benchmark Initialization:\n"
        + table("Run Order", header, "AllocateTensors, 0.1, 0.1, 100%, 100%, 12, 1, AllocateTensors/0"
                if header == HEADER else
                "AllocateTensors, 0, 0.1, 0.1, 100%, 100%, 12, 1, AllocateTensors/0")
        + "Operator-wise Profiling Info for Regular Benchmark Runs:\n"
        + table("Run Order", header, *rows)
        + table("Top by Computation Time", header, *rows)
        + "Number of nodes executed: 1\n"
        + table("Summary by node type", SUMMARY, "CONV_2D, 1, 0.014, 100%, 100%, 0, 1")
        + "Timings (microseconds): count=337 first=21 curr=20 min=19 max=40 avg=20.5 std=1\n"
        "Memory (bytes): count=0\n2 nodes observed\n"
    )  # fmt: skip


def test_csv() -> None:
    text = profile(
        "CONV_2D, 0.015, 0.0142305, 27.6839%, 27.6839%, 0, 1, [re_lu/Relu;conv2d/Conv2D]:0",
        "SOFTMAX, 0.006, 1.5e-03, 2.5%, 30.2%, 1.5, 2, [softmax]:1",
    )
    start, conv, softmax = parse_op_profile(text)
    assert start.phase is ProfilePhase.INITIALIZATION
    assert (start.node_type, start.memory_bytes) == ("AllocateTensors", 12_000)
    assert conv.phase is ProfilePhase.REGULAR
    assert conv.node_type == "CONV_2D"
    assert conv.name == "[re_lu/Relu;conv2d/Conv2D]:0"
    assert (conv.first_us, conv.mean_us, conv.share_pct) == (15.0, 14.2305, 27.6839)
    assert (conv.times_called, conv.memory_bytes) == (1, 0)
    assert (softmax.mean_us, softmax.times_called) == (1.5, 2)


@pytest.mark.parametrize("start", ["", "0.05, "])
@pytest.mark.parametrize(
    ("node_type", "name"),
    [
        ("Convolution (NHWC, QC8) IGEMM", "Convolution (NHWC, QC8) IGEMM:3"),
        ("Fully Connected (NC, F32) GEMM", "[a, b]:2"),
        ("Odd, 3", "x, 1, 2, 3%, 4%, 5, 6, y"),
        ("DELEGATE", ""),
    ],
)
def test_commas_in_types_and_names(node_type: str, name: str, start: str) -> None:
    row = f"{node_type}, {start}0.015, 0.014, 27.6%, 27.6%, 0, 1, {name}"
    text = profile(row, header=OLD_HEADER if start else HEADER)
    operator = parse_op_profile(text)[-1]
    assert (operator.node_type, operator.name) == (node_type, name)
    assert (operator.first_us, operator.mean_us) == (15.0, 14.0)


def test_the_old_format_has_a_start_column() -> None:
    text = profile("CONV_2D, 0.2, 0.015, 0.0142305, 27%, 27%, 0, 1, [c]:0", header=OLD_HEADER)
    operator = parse_op_profile(text)[-1]
    assert (operator.node_type, operator.first_us, operator.mean_us) == ("CONV_2D", 15.0, 14.2305)


def test_printed_among_the_rest_of_the_output() -> None:
    operators = parse_op_profile((WRITTEN / "profiled" / "stdout").read_text())
    assert [item.node_type for item in operators] == ["AllocateTensors", "CONV_2D", "SOFTMAX"]
    assert operators[1].mean_us == 14.0
    assert operators[1].name.startswith("[sequential/re_lu/Relu")


def test_subgraphs_and_the_inside_of_delegates_are_marked() -> None:
    text = (
        "Operator-wise Profiling Info for Regular Benchmark Runs:\n"
        "Primary graph (name: main) profile:\n"
        + table("Run Order", HEADER, "WHILE, 1, 1, 100%, 100%, 0, 1, [while]:0")
        + "Subgraph (index: 2, name: body) profile:\n"
        + table("Run Order", HEADER, "ADD, 1, 1, 100%, 100%, 0, 10, [add]:0")
        + "Delegate internal: \n"
        + table("Run Order", HEADER, "Add (ND, F32), 1, 0.5, 100%, 100%, 0, 10, Add (ND, F32):0")
    )
    seen = [(item.subgraph, item.inside_delegate) for item in parse_op_profile(text)]
    assert seen[:2] == [(0, False), (2, False)]
    assert seen[2][1]


def test_a_cut_profile_has_a_part_of_the_rows() -> None:
    text = profile("CONV_2D, 0.015, 0.0142305, 27%, 27%, 0, 1, [c]:0")
    whole = parse_op_profile(text)
    for length in range(len("Profiling Info for Benchmark Initialization:\n"), len(text)):
        assert set(parse_op_profile(text[:length])) <= set(whole)


@pytest.mark.parametrize("text", ["", "INFO: STARTING!\n", "CONV_2D, 1, 1, 1%, 1%, 0, 1, x\n"])
def test_without_a_profile(text: str) -> None:
    with pytest.raises(OutputError, match="no operator profile"):
        parse_op_profile(text)


# Rows of a real output, of a model that XNNPACK took in several parts (a public repository keeps it; the
# kernels have a number within their part, so a row can stand for several calls).
OF_XNNPACK = "INFO: Operator-wise Profiling Info for Regular Benchmark Runs:\n" + table(
    "Run Order",
    "\t                             [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]"
    "\t  [mem KB]\t[times called]\t[Name]",
    "\t                                QUANTIZE\t    0.199\t    0.203\t  1.328%\t  1.328%"
    "\t     0.000\t        1\t[tfl.quantize]:0",
    "\t          Convolution (NHWC, QC8) DWConv\t    0.428\t    0.051\t  4.317%\t  8.304%"
    "\t     0.000\t       13\tDelegate/Convolution (NHWC, QC8) DWConv:1",
    "\t            TFLite_Detection_PostProcess\t    3.894\t    3.653\t 23.862%\t 83.962%"
    "\t     0.000\t        1\t[StatefulPartitionedCall:3, StatefulPartitionedCall:2]:266",
)


def test_kernels_of_a_delegate_that_reports_them_itself() -> None:
    quantize, convolution, post_process = parse_op_profile(OF_XNNPACK)
    assert quantize.name == "[tfl.quantize]:0"
    assert convolution.node_type == "Convolution (NHWC, QC8) DWConv"
    assert convolution.name == "Delegate/Convolution (NHWC, QC8) DWConv:1"
    assert (convolution.mean_us, convolution.times_called) == (51.0, 13)
    assert (
        not convolution.inside_delegate
    )  # there is no row of the delegate's node that would hold it
    assert post_process.name == "[StatefulPartitionedCall:3, StatefulPartitionedCall:2]:266"


def test_the_csv_form_writes_the_commas_of_names_as_tabs() -> None:
    row = (
        "Convolution (NHWC, F32) GEMM, 1, 1, 1%, 1%, 0, 1, Delegate/Convolution (NHWC\t F32) GEMM:0"
    )
    assert parse_op_profile(profile(row))[-1].name == "Delegate/Convolution (NHWC, F32) GEMM:0"


def test_the_old_format_tells_when_an_operator_began() -> None:
    text = profile("CONV_2D, 0.2, 0.015, 0.0142305, 27%, 27%, 0, 1, [c]:0", header=OLD_HEADER)
    assert [item.start_us for item in parse_op_profile(text)] == [0.0, 200.0]
    assert parse_op_profile(profile("CONV_2D, 1, 1, 1%, 1%, 0, 1, [c]:0"))[-1].start_us is None


@pytest.mark.parametrize("named", [True, False])
def test_graphs_have_names_in_newer_builds(named: bool) -> None:
    primary = "Primary graph (name: main)" if named else "Primary graph"
    body = "Subgraph (index: 2, name: while_body)" if named else "Subgraph (index: 2)"
    text = (
        "Operator-wise Profiling Info for Regular Benchmark Runs:\n"
        f"{primary} profile:\n"
        + table("Run Order", HEADER, "WHILE, 1, 1, 100%, 100%, 0, 1, [while]:0")
        + f"{body} profile:\n"
        + table("Run Order", HEADER, "ADD, 1, 1, 100%, 100%, 0, 10, [add]:0")
        + f"{body} Timings (microseconds): count=1 curr=1\n"
    )
    main, inner = parse_op_profile(text)
    assert (main.subgraph, inner.subgraph) == (0, 2)
    assert (main.subgraph_name, inner.subgraph_name) == (
        ("main", "while_body") if named else (None, None)
    )


def test_the_tables_of_litert_stand_without_a_heading() -> None:
    text = "INFO: [./litert/tools/benchmark_litert_model.h:179] \n" + table(
        "Run Order",
        "\t                             [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]"
        "\t  [mem KB]\t[times called]\t[Name]",
        "\t        LiteRT::Run[buffer registration]\t    0.020\t    0.014\t  3.309%\t  3.309%"
        "\t     0.000\t        1\tLiteRT::Run[buffer registration]/0",
        "\t                         AllocateTensors\t    0.291\t    0.291\t  0.022%\t  3.331%"
        "\t   452.000\t        0\tAllocateTensors/0",
        "\t         Fully Connected (NC, PF32) GEMM\t    0.538\t    0.382\t 92.948%\t 97.018%"
        "\t     0.000\t        1\tDelegate/Fully Connected (NC, PF32) GEMM:1",
    )
    operators = parse_op_profile(text)
    assert [item.times_called for item in operators] == [1, 0, 1]
    assert operators[2].node_type == "Fully Connected (NC, PF32) GEMM"
    assert {item.phase for item in operators} == {ProfilePhase.REGULAR}


@pytest.mark.parametrize("number", ["1e308", "9" * 400])
def test_figures_that_leave_the_range_of_numbers_are_unknown(number: str) -> None:
    text = profile(f"CONV_2D, {number}, 1, 1%, 1%, {number}, 1, [c]:0")
    operator = parse_op_profile(text)[-1]
    assert (operator.first_us, operator.memory_bytes) == (None, None)
    assert len(parse_op_profile(profile(f"CONV_2D, 1, {number}, 1%, 1%, 0, 1, [c]:0"))) == 1


def test_litert_counts_over_all_inferences_and_knows_no_names() -> None:
    """Its own summary (litert/runtime/profiler_summarizer.cc); the column "first" is a moment."""

    def row(kind: str, mean_ms: float, count: int, index: int) -> str:
        return (
            f"{kind:>30} {9000.125:10.3f} {mean_ms:10.3f} {50.0:9.3f}% {50.0:9.3f}% {0.0:10.3f} "
            f"{count:10d} [Unknown]:{index}"
        )

    header = "".join(
        f"{name:>11}" for name in ("[node type]", "[first]", "[avg ms]", "[%]", "[cdf%]")
    )
    text = table(
        "Run Order",
        header + "   [mem KB] [times called]     [Name]",
        row("CONV_2D", 0.25, 50, 0),
        row("ADD", 0.5, 150, 1),
    )
    conv, add = parse_op_profile(text)
    assert (conv.times_called, add.times_called) == (1, 3)
    assert (conv.mean_us, conv.first_us) == (250.0, None)
    assert conv.name == "[Unknown]:0"
