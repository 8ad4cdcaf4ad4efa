"""Memory, start-up and numerics: each figure by its name, on an axis that does not lie."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_bench.config import StartupMode
from android_bench.report.costs import (
    memory_growth_chart,
    memory_peak_chart,
    numerics_chart,
    startup_chart,
)
from android_bench.run_view import RunView, run_views
from tests import examples as plain
from tests.report import examples, rich


def views(*extra: object) -> tuple[RunView, ...]:
    run = examples.make_run()
    return run_views([replace(run, invocations=(*run.invocations, *extra))])  # type: ignore[arg-type]


def test_growth_and_peak_are_different_charts() -> None:
    growth, peak = memory_growth_chart(views()), memory_peak_chart(views())
    assert growth is not None
    assert peak is not None
    assert growth.rows[0].value == "3.95 of 4.59 MiB"
    whole, part = growth.rows[0].bars
    assert part / whole == pytest.approx(4_136_960 / 4_816_896)
    assert peak.rows[0].value == "93.2 MiB"
    # Binary units have round steps too.
    assert [tick.label for tick in growth.axis.ticks] == ["0", "1", "2", "3", "4", "5 MiB"]


def test_what_was_not_measured_has_no_chart() -> None:
    bare = run_views([examples.make_minimal()])
    for chart in (memory_growth_chart, memory_peak_chart, startup_chart, numerics_chart):
        assert chart(bare) is None


def test_start_up_is_told_by_the_state_of_the_cache() -> None:
    chart = startup_chart(
        views(
            plain.startup(10, StartupMode.COLD, 48_000, 9_000),
            plain.startup(11, StartupMode.WARM, 8_000, 4_000),
        )
    )
    assert chart is not None
    assert [(row.label.split(" · ")[0], row.value) for row in chart.rows] == [
        ("cold", "48 + 9 ms"),
        ("warm", "8 + 4 ms"),
    ]
    cold, warm = (row.bars for row in chart.rows)
    assert cold[0] / warm[0] == pytest.approx(57 / 12)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=9))
def test_errors_lie_inside_and_in_order(errors: list[float]) -> None:
    chart = numerics_chart(
        views(*[plain.numerics(20 + n, n, error=error) for n, error in enumerate(errors)])
    )
    assert chart is not None
    (row,) = chart.rows
    assert all(0 <= dot <= 1 for dot in row.dots)
    assert list(row.dots) == sorted(row.dots)
    assert all(0 <= tick.at <= 1 for tick in chart.axis.ticks)


def test_numerics_name_the_delegate() -> None:
    chart = numerics_chart(run_views(rich.make_session()))
    assert chart is not None
    assert all("cpu" in row.label or "gpu" in row.label for row in chart.rows)
    assert chart.axis.ticks[0].label == "0"  # float32 on the CPU differs in nothing
