"""Where the time goes: layers in operators' names, times over invocations, what changed between two runs."""

from __future__ import annotations

import string
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_bench.analysis.operator_names import index_of, layers_of, tensors_of
from android_bench.analysis.operators import by_type, operator_changes, operator_times
from android_bench.results import BenchmarkRun, OperatorProfile, ProfilePhase, Status
from tests import examples


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("[sequential/re_lu/Relu;sequential/conv2d/Conv2D]:0", ("conv2d", "re_lu")),
        ("[model/global_average_pooling2d/Mean]:2", ("global_average_pooling2d",)),
        # One layer, several operators; the variable that was read says nothing new.
        ("[model/out/MatMul;model/out/BiasAdd;model/out/BiasAdd/ReadVariableOp]:8", ("out",)),
        ("[model/p3/add;model/p3/Relu;model/p3/Neg_1;model/p3/mul]:5", ("p3",)),
        # A model in a model: what summary() shows of the inner one.
        ("[model_1/backbone/conv2d_3/Conv2D1]:4", ("conv2d_3",)),
        # Wrapped for quantization-aware training.
        (
            "[model/quant_r1/Relu;model/quant_b1/FusedBatchNormV3;model/quant_c1/Conv2D]:1",
            ("c1", "b1", "r1"),
        ),
        ("[model/quant_c3/MovingAvgQuantize/FakeQuantWithMinMaxVars;]:4", ("c3",)),
        # Scopes between the layer and its operators.
        ("[model/up_sampling2d/resize/ResizeBilinear]:7", ("up_sampling2d",)),
        ("[model/conv1d/Conv1D/ExpandDims]:7", ("conv1d",)),
        ("[model/dense/Tensordot/MatMul]:7", ("dense",)),
        ("[model/batch_normalization/batchnorm/mul_1]:7", ("batch_normalization",)),
        ("[model/lstm/lstm_cell_2/MatMul]:7", ("lstm",)),
        ("[model/attention_1/query/einsum/Einsum]:7", ("attention_1/query",)),
        ("[stream_10/states]:1", ("stream_10",)),
        # The converter found a constant of another layer to be the same and kept that one's name.
        (
            "[m/batch_normalization/FusedBatchNormV3;m/depthwise_conv2d_3/depthwise;m/conv2d/Conv2D1]:2",
            ("conv2d", "batch_normalization"),
        ),
        # Names of applications that look like operators.
        ("[MobilenetV2/Conv_1/Conv2D]:2", ("Conv_1",)),
        ("[activation_1]:9", ("activation_1",)),
        ("[Const_layer/Relu]:9", ("Const_layer",)),
        ("[model/resize/ResizeBilinear]:7", ("resize",)),
        ("[model/a/Relu, model/b/Relu]:3", ("b", "a")),
        # No layers.
        ("[tfl.quantize1]:0", ()),
        ("[StatefulPartitionedCall:01]:5", ()),
        ("[StatefulPartitionedCall:3, StatefulPartitionedCall:2]:266", ()),
        ("[Identity_1]:9", ()),
        ("[Unknown]:9", ()),
        ("[]:0", ()),
        ("Convolution (NHWC, QC8) IGEMM:3", ()),
        ("Delegate/Convolution (NHWC, QC8) IGEMM:3", ()),
        ("AllocateTensors/0", ()),
        ("", ()),
        ("[;, ;/;//]:1", ()),
    ],
)
def test_layers_in_a_name(name: str, layers: tuple[str, ...]) -> None:
    assert layers_of(name) == layers


LAYERS = st.lists(
    st.text(string.ascii_lowercase + string.digits + "._-", max_size=12), min_size=1, unique=True
)


@given(LAYERS, st.integers(0, 10**6))
def test_fused_layers_come_back_in_the_order_of_the_network(names: list[str], index: int) -> None:
    plain = [f"layer{name}" for name in names]
    joined = ";".join(f"model/{name}/Relu" for name in reversed(plain))
    assert layers_of(f"[{joined}]:{index}") == tuple(plain)
    assert index_of(f"[{joined}]:{index}") == index


@given(st.text())
def test_any_name_has_some_layers_or_none(name: str) -> None:
    for text in (name, f"[{name}]:1"):
        assert all(layers_of(text))
        index_of(text)
        assert all(tensors_of(text))


def run(*profiles: list[OperatorProfile], **changes: Any) -> BenchmarkRun:
    invocations = [examples.profile(index, *items) for index, items in enumerate(profiles, 10)]
    example = examples.run(**changes)
    return replace(example, invocations=(*example.invocations, *invocations))


CONV = examples.operator("[m/relu/Relu;m/conv/Conv2D]:0", mean_us=100.0)
SOFTMAX = examples.operator("[StatefulPartitionedCall:0]:1", "SOFTMAX", 20.0)


def test_times_are_the_medians_over_the_invocations() -> None:
    times = operator_times(
        run([CONV, SOFTMAX], [replace(CONV, mean_us=300.0), SOFTMAX], [CONV, SOFTMAX])
    )
    assert [(item.layer, item.time_us) for item in times] == [("conv + relu", 100.0), (None, 20.0)]
    assert [item.share for item in times] == pytest.approx([100 / 120, 20 / 120])
    assert [item.index for item in times] == [0, 1]


def test_a_run_without_a_profile_has_no_times() -> None:
    assert operator_times(examples.run()) == ()
    failed = run([CONV])
    broken = replace(failed.invocations[-1], status=Status.CRASHED)
    assert operator_times(replace(failed, invocations=(*failed.invocations[:-1], broken))) == ()


def test_an_operator_that_is_called_several_times_counts_each_time() -> None:
    (time,) = operator_times(run([replace(CONV, times_called=13)]))
    assert (time.time_us, time.calls) == (1300.0, 13)


def test_a_profile_that_was_cut_does_not_shorten_the_others() -> None:
    times = operator_times(run([CONV], [CONV, SOFTMAX]))
    assert len(times) == 2


def test_the_initialization_is_apart() -> None:
    setup = replace(
        examples.operator("AllocateTensors/0", "AllocateTensors", 900.0),
        phase=ProfilePhase.INITIALIZATION,
    )
    profiled = run([setup, CONV])
    assert [item.node_type for item in operator_times(profiled)] == ["CONV_2D"]
    (found,) = operator_times(profiled, ProfilePhase.INITIALIZATION)
    assert (found.node_type, found.layer) == ("AllocateTensors", None)


def test_what_ran_inside_a_node_is_not_counted_twice() -> None:
    node = examples.operator("[model/softmax/Softmax]:7", "TfLiteXNNPackDelegate", 100.0)
    kernel = examples.operator("Delegate/Convolution (NHWC, F32) IGEMM:0", "DelegateOpInvoke", 60.0)
    loop = examples.operator("[m/while/While]:8", "WHILE", 50.0)
    body = replace(examples.operator("[m/body/add/Add]:0", "ADD", 5.0), times_called=9, subgraph=2)
    times = operator_times(run([node, replace(kernel, inside_delegate=True), loop, body]))
    assert [item.nested for item in times] == [False, True, False, True]
    assert sum(item.share or 0 for item in times if not item.nested) == pytest.approx(1)
    # A delegate's node is many layers, of which its name tells the last.
    assert (times[0].layer, times[0].is_delegate) == (None, True)
    # Older builds call all kernels alike.
    assert times[1].node_type == "Convolution (NHWC, F32) IGEMM"
    kinds = by_type(times)
    assert [(item.node_type, item.nested) for item in kinds] == [
        ("TfLiteXNNPackDelegate", False),
        ("WHILE", False),
        ("Convolution (NHWC, F32) IGEMM", True),
        ("ADD", True),
    ]


def test_kernels_that_stand_for_themselves_are_counted() -> None:
    """Builds whose delegate reports its kernels print no row for the delegate's node."""
    kernel = examples.operator("Delegate/Add (ND, QS8):9", "Add (ND, QS8)", 30.0)
    times = operator_times(run([SOFTMAX, kernel]))
    assert [item.share for item in times] == pytest.approx([0.4, 0.6])


def test_types_are_summed() -> None:
    other = examples.operator("[m/conv_1/Conv2D]:2", mean_us=50.0)
    conv, softmax = by_type(operator_times(run([CONV, SOFTMAX, other])))
    assert (conv.node_type, conv.count, conv.time_us) == ("CONV_2D", 2, 150.0)
    assert softmax.share == pytest.approx(20 / 170)


def changes(before: list[OperatorProfile], after: list[OperatorProfile]) -> list[tuple[Any, ...]]:
    found = operator_changes(run(before), run(after))
    return [(item.layer, item.node_type, item.baseline_us, item.candidate_us) for item in found]


def test_changes_are_matched_by_layer_and_type_the_largest_first() -> None:
    faster = [replace(CONV, mean_us=60.0), replace(SOFTMAX, mean_us=21.0)]
    assert changes([CONV, SOFTMAX], faster) == [
        ("conv + relu", "CONV_2D", 100.0, 60.0),
        (None, "SOFTMAX", 20.0, 21.0),
    ]


def test_a_fusion_is_compared_with_what_it_was_made_of() -> None:
    conv = examples.operator("[m/conv/Conv2D]:0", mean_us=90.0)
    relu = examples.operator("[m/relu/Relu]:1", "RELU", 30.0)
    assert changes([conv, relu], [CONV]) == [("conv + relu", "CONV_2D + RELU", 120.0, 100.0)]
    assert changes([CONV], [conv, relu]) == [("conv + relu", "CONV_2D + RELU", 100.0, 120.0)]


def test_what_is_new_or_gone_has_one_side() -> None:
    quantize = examples.operator("[tfl.quantize]:0", "QUANTIZE", 4.0)
    assert changes([CONV, SOFTMAX], [quantize, CONV]) == [
        (None, "SOFTMAX", 20.0, None),
        (None, "QUANTIZE", None, 4.0),
        ("conv + relu", "CONV_2D", 100.0, 100.0),
    ]


def test_renamed_layers_are_matched_by_order() -> None:
    one, two = (
        examples.operator(f"[m/conv2d{suffix}/Conv2D]:0", mean_us=mean)
        for suffix, mean in (("", 10.0), ("_1", 20.0))
    )
    three, four = (
        examples.operator(f"[n/conv2d{suffix}/Conv2D]:0", mean_us=mean)
        for suffix, mean in (("_7", 11.0), ("_8", 26.0))
    )
    found = operator_changes(run([one, two]), run([three, four]))
    assert [(item.layer, item.delta_us, item.renamed) for item in found] == [
        ("conv2d_8", 6.0, True),
        ("conv2d_7", 1.0, True),
    ]


def test_kernels_of_other_number_types_are_the_same_work() -> None:
    before = examples.operator("Delegate/Add (ND, F32):9", "Add (ND, F32)", 30.0)
    after = examples.operator("Delegate/Add (ND, QS8):9", "Add (ND, QS8)", 10.0)
    assert changes([before], [after]) == [(None, "Add (ND, F32) + Add (ND, QS8)", 30.0, 10.0)]


def test_what_control_flow_called_explains_another_change() -> None:
    loop = examples.operator("[m/while/While]:8", "WHILE", 50.0)
    body = replace(examples.operator("[m/body/add/Add]:0", "ADD", 5.0), times_called=9, subgraph=2)
    found = operator_changes(
        run([loop, body]),
        run([replace(loop, mean_us=80.0), replace(body, mean_us=8.0)]),
    )
    assert [(item.node_type, item.delta_us, item.nested) for item in found] == [
        ("WHILE", 30.0, False),
        ("ADD", 27.0, True),
    ]


def test_without_a_profile_on_both_sides_nothing_is_known_to_have_changed() -> None:
    assert operator_changes(run([CONV]), examples.run()) == ()
    assert operator_changes(examples.run(), run([CONV])) == ()


NAMED = st.builds(
    examples.operator,
    st.sampled_from(
        ["[m/a/Conv2D]:0", "[m/b/Relu;m/a/Conv2D]:0", "[m/b/Relu]:1", "[x]:2", "[]:3", "k:1"]
    ),
    st.sampled_from(["CONV_2D", "RELU", "Add (ND, F32)", "TfLiteGpuDelegateV2"]),
    st.floats(0, 1e6, allow_nan=False),
)


@given(st.lists(NAMED, min_size=1, max_size=8), st.lists(NAMED, min_size=1, max_size=8))
def test_no_time_is_lost_or_invented(
    before: list[OperatorProfile], after: list[OperatorProfile]
) -> None:
    one, two = run(before), run(after)
    found = operator_changes(one, two)
    for side, which in ((one, "baseline_us"), (two, "candidate_us")):
        total = sum(item.time_us for item in operator_times(side))
        assert sum(getattr(item, which) or 0.0 for item in found) == pytest.approx(total)
    deltas = [abs(item.delta_us) for item in found]
    assert deltas == sorted(deltas, reverse=True)
