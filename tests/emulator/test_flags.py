"""The emulator's command line: only words that it knows, each wish in its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_bench.emulator.boot import Bounds
from android_bench.emulator.environment import VARIABLE, order_from_environment
from android_bench.emulator.flags import Acceleration, StartOptions, extra_words, start_argv
from android_bench.emulator.launch import Order
from android_bench.errors import UsageError
from tests.lab.emulator.flags import parse

_OPTIONS = st.builds(
    StartOptions,
    snapshot=st.none() | st.just("default_boot"),
    read_only=st.booleans(),
    accel=st.sampled_from(Acceleration),
    memory_mib=st.none() | st.integers(512, 65536),
    cores=st.none() | st.integers(1, 64),
    port=st.none(),
    properties=st.lists(st.from_regex(r"[a-z.]{1,20}=[a-z0-9]{0,9}", fullmatch=True)).map(tuple),
)


@given(_OPTIONS, st.integers(2777, 2841).map(lambda half: half * 2))
def test_the_real_emulator_knows_every_word(options: StartOptions, port: int) -> None:
    program, *words = start_argv(Path("/sdk/emulator"), "ci", port, options)
    assert program == "/sdk/emulator"
    read = parse(words)  # refuses what AOSP's list of options has not
    assert read.values["avd"] == ["ci"]
    assert read.values["port"] == [str(port)]
    assert read.values.get("prop", []) == list(options.properties)
    assert {"no-window", "no-audio", "no-boot-anim", "no-snapshot-save"} <= read.flags
    assert ("no-snapshot-load" in read.flags) == (options.snapshot is None)
    assert ("read-only" in read.flags) == options.read_only
    assert read.values["accel"] == [options.accel.value]


@pytest.mark.parametrize(
    "wrong",
    [
        {"properties": ("no value",)},
        {"properties": ("novalue",)},
        {"memory_mib": 0},
        {"cores": -1},
        {"extra": ("-port", "5554")},
        {"extra": ("-avd", "other")},
    ],
)
def test_what_cannot_be_meant(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        StartOptions(**wrong)  # type: ignore[arg-type]


def test_extra_words_are_split_as_a_shell_would() -> None:
    assert extra_words(["-camera-back none", "-logcat '*:e'"]) == (
        "-camera-back", "none", "-logcat", "*:e",
    )  # fmt: skip
    with pytest.raises(UsageError, match="No closing quotation"):
        extra_words(["'open"])


def from_environment(text: str) -> Order:
    return order_from_environment(
        tell=lambda _: None, cancelled=lambda: False, environ={VARIABLE: text}
    )


def test_a_session_takes_its_options_from_the_environment() -> None:
    assert from_environment("").options == StartOptions()
    assert from_environment("").bounds == Bounds()
    given_ = from_environment(
        "--accel off --boot-timeout 20m --quiet-for 0 --quiet-wait 30s --read-only --memory 2048 "
        "--cores 4 --prop a.b=c --extra-flag '-camera-back none' --extra-flag=-no-sim --snapshot s"
    )
    assert given_.options == StartOptions(
        snapshot="s",
        read_only=True,
        accel=Acceleration.OFF,
        memory_mib=2048,
        cores=4,
        properties=("a.b=c",),
        extra=("-camera-back", "none", "-no-sim"),
    )
    assert given_.bounds == Bounds(boot_s=1200, quiet_for_s=0, quiet_wait_s=30)


@pytest.mark.parametrize(
    "text", ["--no-such", "--accel fast", "word", "'open", "--boot-timeout soon", "--memory x"]
)
def test_an_environment_that_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(UsageError, match=VARIABLE):
        from_environment(text)
