"""Node data as Google AI Edge Model Explorer wants them (ai-edge-model-explorer 0.1.34)."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from android_bench.errors import UsageError
from android_bench.exports import Format, render_each
from tests import examples
from tests.exports.made import NAMES, distinct, exported, hostile, profiled, view, with_profile


def data(*runs: Any) -> dict[str, Any]:
    found = json.loads(exported(Format.MODEL_EXPLORER, *runs))
    validate(found)
    return dict(found)


def validate(found: Any) -> None:
    """The types of its node_data_builder: ModelNodeData, GraphNodeData, NodeDataResult, GradientItem."""
    assert isinstance(found, dict)
    # Otherwise its loader takes the file for one graph's data (getNodeDataProviderData).
    assert "results" not in found
    for graph in found.values():
        assert set(graph) <= {"name", "results", "thresholds", "gradient"}
        assert isinstance(graph["name"], str)
        for key, result in graph["results"].items():
            assert re.fullmatch("[0-9]+", key)
            assert set(result) <= {"value", "bgColor", "textColor"}
            assert isinstance(result["value"], int | float)
        stops = [item["stop"] for item in graph["gradient"]]
        # "Stops for 0 and 1 should always be provided"; only hexadecimal colours or names are read.
        assert (stops[0], stops[-1]) == (0, 1)
        assert stops == sorted(stops)
        for item in graph["gradient"]:
            assert set(item) <= {"stop", "bgColor", "textColor"}
            assert re.fullmatch("#[0-9a-f]{6}", item["bgColor"])


def test_times_are_laid_upon_nodes_by_the_operators_index() -> None:
    found = data(profiled())
    assert found["main"]["results"] == {"0": {"value": 100.25}, "1": {"value": 7.5}}


def test_a_delegates_time_is_told_and_not_laid_upon_another_node() -> None:
    """Its node's index is that of the graph's inputs in Model Explorer, which counts on behind operators."""
    found = data(profiled())
    assert "9" not in found["main"]["results"]
    assert "28.0 % of the time has no node (a delegate's kernels)" in found["main"]["name"]


def test_graphs_have_their_own_names() -> None:
    main = replace(examples.operator("[w]:4", "WHILE", 50.0), subgraph_name="serving")
    body = replace(
        examples.operator("[b/add/Add]:0", "ADD", 2.0),
        subgraph=2,
        subgraph_name="while_body",
        times_called=10,
    )
    found = data(with_profile(examples.run(), [main, body]))
    assert found["serving"]["results"] == {"4": {"value": 50.0}}
    assert found["while_body"]["results"] == {"0": {"value": 20.0}}


def test_without_a_profile_it_says_what_to_do() -> None:
    with pytest.raises(UsageError, match="none of these runs has one") as caught:
        exported(Format.MODEL_EXPLORER, examples.run())
    assert "--profile" in (caught.value.hint or "")


def test_a_model_that_a_delegate_ran_whole_has_no_node_data() -> None:
    node = examples.operator("[StatefulPartitionedCall:0]:64", "TfLiteGpuDelegateV2", 42.0)
    with pytest.raises(UsageError, match="a delegate ran the whole model") as caught:
        exported(Format.MODEL_EXPLORER, with_profile(examples.run(), [node]))
    assert "no-xnnpack" in (caught.value.hint or "")
    kernel = examples.operator("Delegate/Add (ND, QS8):9", "Add (ND, QS8)", 30.0)
    with pytest.raises(UsageError, match="a delegate ran the whole model"):
        exported(Format.MODEL_EXPLORER, with_profile(examples.run(), [kernel]))


def test_one_file_is_one_run_and_a_folder_takes_all() -> None:
    runs = distinct(profiled("a"), profiled("b"), examples.run(name="c"), profiled("a"))
    with pytest.raises(UsageError, match="3 have a profile"):
        exported(Format.MODEL_EXPLORER, *runs)
    found = render_each(view(runs))
    assert len(found) == 3
    for text in found.values():
        validate(json.loads(text))


@settings(deadline=None)
@given(NAMES)
def test_hostile_names_stay_text_and_make_no_paths(name: str) -> None:
    run = profiled(name)
    found = render_each(view([run]))
    for file, text in found.items():
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,105}\.json", file)
        assert not file.startswith(".")
        validate(json.loads(text))
        text.encode()
    with pytest.raises(UsageError):
        render_each(view([hostile(name if not name.startswith("[") else "x")]))
