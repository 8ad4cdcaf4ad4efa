"""Runs to export, hostile names among them, and exports of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from android_bench.exports import ExportView, Format, Rows, export_view, render
from android_bench.results import (
    BenchmarkRun,
    Conditions,
    DeviceInfo,
    DeviceKind,
    OperatorProfile,
    ProfilePhase,
)
from tests import examples

HOSTILE = (
    '=HYPERLINK("http://evil","x")', "+1", "-1+1", "@SUM(A1)", "\t=1", " =1", "＝1+1", "a|b", "a\\|b", "`a`", "``",
    "<script>alert(1)</script>", "</details><h1>", "]]>", "&amp;", "@octocat #1 GH-2", "http://evil", "www.evil.com",
    ":smile:", "a\nb", "a\r\nb", "\x00\x1b[31m", "\x85\u2028", "\u202egpj.exe", "\ud800", "\ufffe", "", "  ",
    "*a* _b_ ~~c~~ $x$", "# h", "- [ ] x", "![i](http://e)", "%s{}{0}", "../../x", "CON", '"quoted", \'both\'',
    "x" * 5000, "日本語", "\u0661",
)  # fmt: skip
NAMES = st.one_of(
    st.sampled_from(HOSTILE), st.text(max_size=40), st.text("|`\\<>&@#*_-=+\n", max_size=8)
)


def device(kind: DeviceKind = DeviceKind.PHONE, **changes: Any) -> DeviceInfo:
    return replace(examples.PHONE, kind=kind, **changes)


def profiled(name: str = "digits.int8", **changes: Any) -> BenchmarkRun:
    """A run with a profile: initialization, a convolution, a delegate's node and what ran inside it."""
    setup = replace(
        examples.operator("AllocateTensors/0", "AllocateTensors", 900.0),
        phase=ProfilePhase.INITIALIZATION,
    )
    kernel = examples.operator("Delegate/Add (ND, QS8):0", "Add (ND, QS8)", 30.0)
    operators = (
        setup,
        examples.operator("[m/relu/Relu;m/conv/Conv2D]:0", "CONV_2D", 100.25),
        examples.operator("[m/pool/Mean]:1", "MEAN", 7.5),
        examples.operator("[StatefulPartitionedCall:0]:9", "TfLiteXNNPackDelegate", 42.0),
        replace(kernel, inside_delegate=True),
    )
    return with_profile(examples.run(name=name, **changes), operators)


def with_profile(run: BenchmarkRun, operators: Sequence[OperatorProfile]) -> BenchmarkRun:
    invocation = examples.profile(len(run.invocations) + 1, *operators)
    return replace(run, invocations=(*run.invocations, invocation))


def hostile(name: str) -> BenchmarkRun:
    """A run in which everything that has a name has this one."""
    run = profiled(name or "x")
    artifact = replace(run.artifact, name=name, recipe_name=name, source=name)
    named = replace(run.device, serial=name, manufacturer=name, model=name, soc=name)
    states = Conditions(taken_at=name, temperatures_c={name: 41.5})
    invocations = tuple(
        replace(
            item,
            command=name,
            log=name,
            problem=name,
            before=states,
            operators=tuple(
                replace(one, name=name, node_type=name, subgraph_name=name)
                for one in item.operators
            ),
        )
        for item in run.invocations
    )
    return replace(run, run_id=f"{name}1", artifact=artifact, device=named, invocations=invocations)


def view(
    runs: Sequence[BenchmarkRun], baseline: Sequence[BenchmarkRun] = (), **changes: Any
) -> ExportView:
    return export_view(
        runs,
        baseline=baseline,
        max_slowdown=0.05,
        generated_at="2026-11-25T20:00:00.000Z",
        **changes,
    )


def exported(
    form: Format,
    *runs: BenchmarkRun,
    baseline: Sequence[BenchmarkRun] = (),
    rows: Rows = Rows.RUNS,
) -> str:
    return render(view(runs, baseline), form, rows=rows)


def distinct(*runs: BenchmarkRun) -> list[BenchmarkRun]:
    """The runs, each with an id of its own."""
    return [replace(run, run_id=f"{run.run_id}-{number}") for number, run in enumerate(runs)]
