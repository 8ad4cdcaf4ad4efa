"""An emulator's numbers say so wherever they are shown, and never stand in for a phone's."""

from __future__ import annotations

from pathlib import Path

import pytest

from android_bench.analysis.compare import compare_sets, comparison_to_json
from android_bench.analysis.metrics import Metric
from android_bench.exports.formats import Format
from android_bench.exports.tables import Rows
from android_bench.measured import with_measurements
from android_bench.report import write_report
from android_bench.results import BenchmarkRun, DeviceKind
from android_bench.terminal.console import print_runs
from android_bench.terminal.verdicts import print_comparisons
from optimizer.choice import Candidate
from tests.exports.made import device, exported, profiled

SDK_PHONE = {"manufacturer": "Google", "model": "sdk_gphone64_x86_64"}  # has no such word itself


@pytest.fixture
def run() -> BenchmarkRun:
    return profiled(device=device(DeviceKind.EMULATOR, **SDK_PHONE))


@pytest.mark.parametrize("form", Format)
def test_every_export(run: BenchmarkRun, form: Format) -> None:
    assert "emulator" in exported(form, run)


@pytest.mark.parametrize("rows", Rows)
def test_every_table(run: BenchmarkRun, rows: Rows) -> None:
    lines = exported(Format.CSV, run, rows=rows).splitlines()
    assert all("emulator" in line for line in lines[1:])


@pytest.mark.parametrize("form", [Format.JSON, Format.MARKDOWN, Format.JUNIT])
def test_comparisons(run: BenchmarkRun, form: Format) -> None:
    assert "emulator" in exported(form, run, baseline=[run])


def test_the_terminal(run: BenchmarkRun, capsys: pytest.CaptureFixture[str]) -> None:
    print_runs([run])
    assert "sdk_gphone64_x86_64 (emulator)" in capsys.readouterr().out
    compared = compare_sets([run], [run], max_slowdown=0.01, metrics=tuple(Metric))
    print_comparisons(compared)
    assert "sdk_gphone64_x86_64, an emulator" in capsys.readouterr().out
    assert {comparison_to_json(item)["device_kind"] for item in compared} == {"emulator"}
    alone = compare_sets([run], [], max_slowdown=0.01, metrics=(Metric.LATENCY,))
    assert [item.device_kind for item in alone] == [DeviceKind.EMULATOR]


def test_the_report(run: BenchmarkRun, tmp_path: Path) -> None:
    write_report([run], path=tmp_path / "report.html", title="Digits")
    page = (tmp_path / "report.html").read_text()
    assert "Emulator — not a phone" in page
    assert "emulator-not-phone" in page


def test_a_phones_figures_go_before_an_emulators(run: BenchmarkRun) -> None:
    phone = profiled(device=device())
    computer = profiled(device=device(DeviceKind.HOST))
    candidate = Candidate(name="a", accuracy=None, size_bytes=1, gzip_bytes=1)
    for runs, source in (
        ((run, phone, computer), "Acme One, "),
        ((computer, run), "sdk_gphone64_x86_64 (an emulator)"),
    ):
        (found,) = with_measurements([(candidate, phone.artifact.sha256)], runs)
        assert source in (found.latency_source or "")
