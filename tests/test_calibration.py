"""The promise of docs/statistics.md on fewer trials; ``make bench`` makes thousands and prints the table."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from android_bench.analysis.compare import Verdict, compare_runs
from android_bench.config import BenchmarkConfig
from tests import examples
from tests.benchmarks.calibration import figures, picture, studies
from tests.benchmarks.calibration.kinds import KINDS, Kind
from tests.benchmarks.calibration.trials import INVOCATIONS, SLOWDOWN, trials

DOCS = Path(__file__).parents[1] / "docs"
TRIALS = 300
# With 300 trials, a rate of 1 % shows more than 8 alarms once in a hundred seeds, and one of 95 % fewer than
# 276 found; the seed is fixed, so that these either hold or do not.
MOST_ALARMS, LEAST_FOUND = 8 / TRIALS, 276 / TRIALS

PROMISED = [
    pytest.param(kind, paired, id=f"{kind.name}, {'one session' if paired else 'two sessions'}")
    for kind in KINDS
    for paired, promised in zip((True, False), kind.promised, strict=True)
    if promised
]


@pytest.mark.parametrize(("kind", "paired"), PROMISED)
def test_false_alarms_are_rare_and_slowdowns_are_found_at_the_defaults(
    kind: Kind, paired: bool
) -> None:
    made = trials(kind, paired=paired, count=TRIALS, seed=7)
    assert len(made.intervals) == TRIALS
    assert made.share(Verdict.REGRESSED) <= MOST_ALARMS
    assert made.share(Verdict.REGRESSED, change=SLOWDOWN) >= LEAST_FOUND
    # A speed-up is no more often invented than a slowdown.
    assert made.share(Verdict.IMPROVED) <= MOST_ALARMS


def test_the_trials_use_the_defaults_of_the_tool() -> None:
    assert BenchmarkConfig().invocations == INVOCATIONS
    found = compare_runs(examples.run(), examples.run())
    assert found.max_slowdown == trials(KINDS[0], paired=True, count=1, seed=1).gate


def test_a_drift_the_other_way_looks_like_a_change_between_sessions() -> None:
    """What the docs say no method can tell, so that nobody thinks it were promised."""
    kind = next(kind for kind in KINDS if kind.name == "drift, opposite ways")
    assert kind.promised == (True, False)
    assert trials(kind, paired=False, count=50, seed=1).share(Verdict.REGRESSED) > 0.9
    assert trials(kind, paired=True, count=50, seed=1).share(Verdict.REGRESSED) == 0


def test_noise_has_the_size_that_it_is_said_to_have() -> None:
    import numpy as np

    rng = np.random.default_rng(1)
    for kind in KINDS:
        series = kind.make(rng, 4000, 40)
        assert series.shape == (4000, 40)
        if kind.candidate is None:  # a drift from a common beginning has its mean elsewhere
            assert abs(series.mean()) < 0.1, kind.name
            assert series.std() == pytest.approx(1, abs=0.15), kind.name


def test_stopping_early_costs_little_coverage() -> None:
    fixed, _ = studies.coverage(KINDS[0], first=20, precision=None, count=400, seed=3)
    stopped, made = studies.coverage(KINDS[0], first=20, precision=0.005, count=400, seed=3)
    assert 20 < made < 60
    assert fixed > 0.93
    assert stopped > 0.90


def test_the_picture_is_drawn_from_the_shares() -> None:
    panel = picture.Panel(
        title="a < b",
        changes=(0.0, 0.01, 0.02),
        lines=(picture.Line("normal & quiet", (0.0, 0.5, 1.0)),),
        gate=0.01,
    )
    drawn = ET.fromstring(picture.draw([panel], title="power"))
    texts = ["".join(item.itertext()) for item in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"a < b", "normal & quiet", "power", "+1 %"} <= set(texts)


def test_the_committed_picture_shows_every_kind() -> None:
    drawn = ET.parse(DOCS / "power.svg")
    texts = {"".join(item.itertext()) for item in drawn.iter("{http://www.w3.org/2000/svg}text")}
    assert {kind.name for kind in KINDS} <= texts


def test_the_figures_are_printed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    figures.main(12, tmp_path / "power.svg")
    told = capsys.readouterr().out
    assert "promise (at most 1%, at least 95%)" in told
    assert all(kind.name in told for kind in KINDS)
    assert (tmp_path / "power.svg").is_file()
