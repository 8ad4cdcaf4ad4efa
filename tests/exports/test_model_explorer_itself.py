"""Node data against Model Explorer's own code: its converter of .tflite files and its node data types.

It is no dependency, not even of the tests. To run this:
``pip install --no-deps ai-edge-model-explorer ai-edge-model-explorer-adapter`` into an environment of its own, and
name its Python in ANDROID_BENCH_MODEL_EXPLORER_PYTHON.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from android_bench.exports import Format
from optimizer.tflite_reader import read
from tests import examples
from tests.exports.made import exported, with_profile

VARIABLE = "ANDROID_BENCH_MODEL_EXPLORER_PYTHON"
MODEL = Path(__file__).parent.parent / "metadata" / "data" / "first_normalized_int8.tflite"
# The package itself imports a server; its module of node data does not.
SCRIPT = """
import importlib, importlib.util, json, sys, types
import ai_edge_model_explorer_adapter as adapter
place = importlib.util.find_spec("model_explorer").submodule_search_locations
package = types.ModuleType("model_explorer")
package.__path__ = list(place)
sys.modules["model_explorer"] = package
builder = importlib.import_module("model_explorer.node_data_builder")
graphs = json.loads(adapter.ConvertFlatbufferDirectlyToJson(adapter.VisualizeConfig(), sys.argv[1]))
nodes = {g["id"]: {n["id"]: n["label"] for n in g["nodes"]} for g in graphs[0]["subgraphs"]}
data = {
    name: builder.GraphNodeData(
        **{
            **graph,
            "results": {key: builder.NodeDataResult(**one) for key, one in graph["results"].items()},
            "gradient": [builder.GradientItem(**one) for one in graph["gradient"]],
        }
    )
    for name, graph in json.load(sys.stdin).items()
}
written = json.loads(builder.ModelNodeData(graphsData=data).to_json_string())
print(json.dumps({"nodes": nodes, "data": written}))
"""


def test_every_result_finds_its_operators_node() -> None:
    python = os.environ.get(VARIABLE)
    if not python:
        pytest.skip(f"{VARIABLE} names no Python with ai-edge-model-explorer and its adapter")
    operators = [
        examples.operator(f"[{one.name}]:{index}", one.kind, 10.0 + index)
        for index, one in enumerate(read(MODEL.read_bytes()).graph())
    ]
    ours = exported(Format.MODEL_EXPLORER, with_profile(examples.run(), operators))
    done = subprocess.run(
        [python, "-c", SCRIPT, str(MODEL)], input=ours, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    nodes, data = found["nodes"]["main"], found["data"]["main"]["results"]
    assert len(data) == len(operators)
    for index, one in enumerate(operators):
        assert nodes[str(index)].replace("_", "") == one.node_type.lower().replace("_", "")
        assert data[str(index)]["value"] == 10.0 + index
