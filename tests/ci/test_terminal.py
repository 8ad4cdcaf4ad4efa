"""The outcome on the terminal: which gate on which device, and no control codes out of names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from android_bench.ci.outcome import CiOutcome, GateAction, GateName, GateResult, GateState
from android_bench.terminal.gates import print_outcome

GATE = GateResult(
    gate=GateName.LATENCY,
    action=GateAction.FAIL,
    state=GateState.PASSED,
    variant="net\x1b[31m",
    message="Fine.",
    device="Acme One",
    config="cpu, 1 thread",
)


def told(capsys: pytest.CaptureFixture[str], *gates: GateResult) -> str:
    outcome = CiOutcome(
        project="p\x1b[31m",
        baseline_name="git main",
        revision=None,
        gates=gates,
        comparisons=(),
        baseline_runs=(),
        candidate_runs=(),
        report="out\x1b[31m/report.html",
    )
    print_outcome(outcome)
    return capsys.readouterr().out


def test_rows_of_several_devices_and_configurations_can_be_told_apart(
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = replace(GATE, gate=GateName.FILE_SIZE, device="", config="")
    text = told(capsys, GATE, replace(GATE, config="gpu, 1 thread"), file)
    assert "Acme One, cpu, 1 thread" in text
    assert "Acme One, gpu, 1 thread" in text
    assert "Acme One" not in told(capsys, GATE, file)  # nothing to tell apart


def test_names_never_reach_the_terminal_as_control_codes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = told(capsys, GATE)
    assert "\x1b" not in text
    assert "1 gate, 0 variants built" in text
