"""What goes into the history comes out of it, once, and can be asked for: the same on both databases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from android_bench import schema
from android_bench.config import BenchmarkConfig, Delegate, DelegateKind, StartupMode
from android_bench.errors import ResultError
from android_bench.history import Added, History, open_history, recording, tables
from tests import examples
from tests.history.made import nights, run_on_day, sha

FIXTURES = Path(__file__).parents[1] / "fixtures" / "schema"


def test_a_run_comes_out_as_it_went_in(history: History) -> None:
    run = examples.run(
        invocations=(
            examples.timing(1, 2900),
            examples.memory(2),
            examples.startup(3, StartupMode.COLD, 9000.0, 4000.0),
            examples.profile(4, examples.operator("conv")),
            examples.numerics(5, 0, error=0.01),
        )
    )
    assert history.add([run], revision="abc", branch="main", tag="v1") == 1
    assert history.runs() == (run,)
    (stored,) = history.stored()
    assert (stored.revision, stored.branch, stored.tags) == ("abc", "main", ("v1",))


def test_adding_twice_adds_once(history: History) -> None:
    runs = nights(3, lambda day: 3000.0)
    assert history.record(runs, revision="abc") == Added(new=3)
    assert history.record([*runs, runs[0]], revision="other") == Added(known=3)
    assert history.add(runs) == 0
    assert {item.revision for item in history.stored()} == {"abc"}


def test_a_resumed_run_takes_the_place_of_its_beginning(history: History) -> None:
    whole = run_on_day(0)
    begun = replace(whole, complete=False, invocations=whole.invocations[:4])
    assert history.record([begun]) == Added(new=1)
    assert history.series() == ()
    assert history.record([whole]) == Added(updated=1)
    assert history.runs() == (whole,)
    assert len(history.series()[0].points[0].samples) == 12
    # What has less in it does not come back.
    assert history.record([begun]) == Added(known=1)
    assert history.runs() == (whole,)


def test_a_reparsed_run_takes_the_place_of_the_old_reading(history: History) -> None:
    old = run_on_day(0)
    latency = replace(old.invocations[0].latency, mean_us=1.0)
    new = replace(
        old, invocations=(replace(old.invocations[0], latency=latency), *old.invocations[1:])
    )
    history.add([old])
    assert history.record([new]) == Added(updated=1)
    assert history.series()[0].points[0].samples[0] == 1.0


def test_what_was_unknown_is_learned_and_what_is_known_stays(history: History) -> None:
    run = run_on_day(0)
    history.add([run])
    assert history.record([run], revision="abc", tag="v1") == Added(updated=1)
    assert history.record([run], revision="def", branch="main", tag="v2") == Added(updated=1)
    (stored,) = history.stored()
    assert (stored.revision, stored.branch, stored.tags) == ("abc", "main", ("v1", "v2"))


@pytest.mark.parametrize("version", [1, 2])
def test_older_results_are_taken_in(history: History, version: int) -> None:
    file = FIXTURES / f"run.v{version}.json"
    run = schema.loads(file.read_bytes(), where=file.name)
    history.add([run])
    assert history.runs() == (run,)


def test_a_run_of_a_newer_tool_and_a_damaged_one_are_named(history: History) -> None:
    import zlib

    run = run_on_day(0)
    history.add([run])
    newer = schema.dumps(run).replace('"schema_version": 2', '"schema_version": 99')
    for content, said in (
        (zlib.compress(newer.encode()), "has schema version 99"),
        (b"nonsense", "is damaged"),
    ):
        with history._database.writing() as connection:
            connection.execute(sa.update(tables.runs).values(document=content))
        with pytest.raises(ResultError, match=f"run {run.run_id} in .* {said}"):
            history.runs()
        # What is followed has columns of its own.
        assert len(history.series()[0].points) == 1


def test_runs_are_found_by_all_they_are_asked_by(history: History) -> None:
    days = nights(6, lambda day: 3000.0)
    for day, run in enumerate(days):
        history.add(
            [run],
            revision=sha(day, "ab"),
            branch="main" if day % 2 else "work",
            tag="release" if day == 3 else None,
        )
    other = replace(examples.PHONE, serial="R5CT", manufacturer="Other", model="Two")
    elsewhere = run_on_day(9, name="other", device=other)
    history.add([elsewhere])
    newest_first = tuple(reversed(days))
    assert history.runs() == (elsewhere, *newest_first)
    assert history.runs(last=2) == (elsewhere, days[5])
    assert history.runs(name="digits.int8") == newest_first
    assert history.runs(device="Other Two") == history.runs(device="R5CT") == (elsewhere,)
    assert history.runs(branch="work", last=2) == (days[4], days[2])
    assert (
        history.runs(revision=sha(3, "ab")) == history.runs(revision=sha(3, "ab")[:8]) == (days[3],)
    )
    assert history.runs(revision="000") == ()
    assert history.runs(revision="%%%%") == ()
    assert history.tagged("release") == (days[3],)
    assert history.runs(tag="release", branch="work") == ()


def test_the_order_is_that_of_time_however_it_was_written(history: History) -> None:
    times = ("2026-11-23T10:00:00Z", "2026-11-23T11:30:00+02:00", "2026-11-23T09:45:00.500")
    runs = [
        examples.run(run_id=f"run-{number}", started_at=time) for number, time in enumerate(times)
    ]
    history.add(runs)
    assert [run.run_id for run in history.runs()] == ["run-0", "run-2", "run-1"]


def test_nothing_is_added_when_one_run_cannot_be(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = nights(3, lambda day: 3000.0)
    with pytest.raises(ResultError, match="no time"):
        history.add([*good, examples.run(started_at="yesterday")])
    assert history.runs() == ()

    written = []

    def breaks(*arguments: object) -> None:
        written.append(arguments)
        if len(written) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(recording, "_write_measures", breaks)
    with pytest.raises(KeyboardInterrupt):
        history.add(good)
    assert history.runs() == ()


def test_a_baseline_is_comparable_complete_and_of_another_session(history: History) -> None:
    days = nights(8, lambda day: 3000.0)
    history.add(days, branch="main")
    history.add([run_on_day(20, complete=False)], branch="main")
    history.add([run_on_day(21)], branch="work")
    history.add([run_on_day(22, name="other")], branch="main")
    two_threads = run_on_day(23, config=BenchmarkConfig(num_threads=2))
    history.add([two_threads], branch="main")
    candidate = run_on_day(30)
    assert history.baseline(candidate, branch="main", last=3) == (days[7], days[6], days[5])
    assert history.baseline(days[7], branch="main", last=1) == (days[6],)
    fewer = replace(candidate, config=BenchmarkConfig(invocations=5))
    assert history.baseline(fewer, branch="main", last=1) == (days[7],)
    assert history.baseline(candidate, branch="nowhere", last=3) == ()
    gpu = BenchmarkConfig(delegate=Delegate(kind=DelegateKind.GPU))
    assert history.baseline(replace(candidate, config=gpu), branch="main", last=3) == ()


def test_a_baseline_is_of_the_very_same_phone_where_there_is_one(history: History) -> None:
    one, two, three = (replace(examples.PHONE, serial=name) for name in ("ONE", "TWO", "THREE"))
    days = [run_on_day(day, device=one if day % 2 else two) for day in range(6)]
    history.add(days, branch="main")
    of = {
        device.serial: history.baseline(run_on_day(9, device=device), branch="main", last=2)
        for device in (one, two, three)
    }
    assert of == {"ONE": (days[5], days[3]), "TWO": (days[4], days[2]), "THREE": (days[5], days[4])}


def test_of_one_run_twice_in_a_call_the_whole_one_is_taken(history: History) -> None:
    whole = run_on_day(0)
    begun = replace(whole, complete=False, invocations=whole.invocations[:4])
    assert history.record([whole, begun]) == Added(new=1)
    assert history.runs() == (whole,)


def test_without_a_comparable_baseline_the_newest_alike_shows_what_differs(
    history: History,
) -> None:
    days = nights(3, lambda day: 3000.0)
    history.add(days, branch="main")
    updated = replace(examples.PHONE, fingerprint="acme/one/one:16/BP1A/2:user/release-keys")
    assert history.baseline(run_on_day(9, device=updated), branch="main", last=3) == (days[2],)


# Halves of surrogate pairs and control characters too: device properties hold anything.
_TEXT = st.text(alphabet=st.characters(codec=None), max_size=40)


@given(texts=st.tuples(*[_TEXT] * 6))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_text_is_kept(url: str, texts: tuple[str, ...]) -> None:
    name, serial, version, revision, branch, tag = texts
    run = run_on_day(
        0,
        name="placeholder",
        device=replace(examples.PHONE, serial=serial or "x"),
        binary=replace(examples.BINARY, version=version),
        run_id=f"run-{hash((name, serial, version))}",
    )
    run = replace(run, artifact=replace(run.artifact, name=name))
    with open_history(url) as history:
        history.add([run], revision=revision, branch=branch, tag=tag)
        (stored,) = history.stored(run_id=run.run_id)
        assert stored.run == run
        assert run in history.runs(name=name)
        if tag:
            assert run in history.tagged(tag)
