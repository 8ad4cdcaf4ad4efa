"""Node data for Google AI Edge Model Explorer: the time of each operator on the graph of the model.

The form is that of its ``node_data_builder.py`` and ``node_data_provider_extension_service.ts``: results
by graph and node. For a ``.tflite`` its adapter names a graph as the file does ("main" by the converter's
habit) and a node by the operator's index in the graph, which benchmark_model prints too. What a delegate
ran has no node of its own: its time is told in the name of the data and not laid upon another node.
"""

from __future__ import annotations

from typing import Any

from android_bench import formatting
from android_bench.analysis.operators import OperatorTime
from android_bench.errors import UsageError
from android_bench.exports.text import json_text, number, one_line
from android_bench.exports.view import ExportView, profiled, provenance, require_profiles
from android_bench.run_view import RunView

MAIN_GRAPH = "main"
# From what costs nothing to what costs most; readable on the dark and the light graph.
_GRADIENT = (
    {"stop": 0, "bgColor": "#f7fbff", "textColor": "#000000"},
    {"stop": 0.5, "bgColor": "#fdae61", "textColor": "#000000"},
    {"stop": 1, "bgColor": "#b2182b", "textColor": "#ffffff"},
)


def document(export: ExportView) -> str:
    """The node data of the only run that has a profile.

    Raises:
        UsageError: no run has one, several have, or a delegate ran everything.
    """
    views = require_profiles(export, what="Model Explorer's node data")
    if len(views) > 1:
        names = ", ".join(one_line(view.full_label) for view in views[:4])
        raise UsageError(
            f"A file of node data is about one run, and {len(views)} have a profile: {names}"
            + (", …" if len(views) > 4 else "."),
            hint="Name one run's folder, or a folder for a file of each: -o node-data/",
        )
    return node_data(views[0])


def node_data(view: RunView) -> str:
    """The node data of one run, in microseconds.

    Raises:
        UsageError: a delegate ran everything, so that no operator of the model has a time of its own.
    """
    times = profiled(view)
    placed = [item for item in times if _has_node(item)]
    if not placed:
        raise UsageError(
            f"In {one_line(view.full_label)} a delegate ran the whole model: "
            "no node of the graph has a time of its own.",
            hint="Profile the plain kernels: android-bench run MODEL --profile --delegate no-xnnpack",
        )
    graphs: dict[str, dict[str, Any]] = {}
    for item in placed:
        graph = graphs.setdefault(
            item.subgraph_name or (MAIN_GRAPH if not item.nested else f"subgraph_{item.subgraph}"),
            {"name": _name(view, times), "results": {}, "gradient": list(_GRADIENT)},
        )
        results = graph["results"]
        key = str(item.index)
        before = results.get(key, {"value": 0.0})["value"]
        results[key] = {"value": round(before + (number(item.time_us) or 0.0), 3)}
    return json_text(graphs)


def _has_node(item: OperatorTime) -> bool:
    return item.index is not None and not item.inside_delegate and not item.is_delegate


def _name(view: RunView, times: tuple[OperatorTime, ...]) -> str:
    """What the data are, with what of the time they do not show."""
    parts = [f"{one_line(view.full_label)}: time per inference in µs"]
    note = provenance(view)
    if note:
        parts.append(note)
    counted = [item for item in times if not item.nested]
    total = sum(item.time_us for item in counted)
    hidden = sum(item.time_us for item in counted if not _has_node(item))
    if hidden > 0 and total > 0:
        parts.append(
            f"{formatting.percent(hidden / total)} of the time has no node (a delegate's kernels)"
        )
    return ", ".join(parts)
