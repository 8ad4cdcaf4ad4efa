"""The exit code behind the output, by the shells that devices and hosts have."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_bench.transport.exit_marker import ExitMarker, encode, quote_script

SHELLS = [name for name in ("sh", "dash", "bash", "mksh", "busybox") if shutil.which(name)]


@given(
    output=st.binary(), code=st.integers(0, 255), other=st.integers(0, 255), ending=st.booleans()
)
def test_the_marker_comes_off_whatever_stood_before(
    output: bytes, code: int, other: int, ending: bool
) -> None:
    marker = ExitMarker()
    foreign = ExitMarker().nonce.encode() + b"%d\n" % other
    line_end = b"\r\n" if ending else b"\n"
    whole = output + foreign + marker.nonce.encode() + b"%d" % code + line_end
    assert marker.split(whole) == (output + foreign, code)
    assert marker.split(bytearray(whole)) == (output + foreign, code)


@given(output=st.binary())
def test_output_without_the_marker_has_not_ended(output: bytes) -> None:
    marker = ExitMarker()
    assert marker.split(output) is None
    assert marker.split(output + marker.nonce.encode()) is None
    assert (
        marker.split(output + marker.nonce.encode() + b"12") is None
    )  # the 0 of 120 may be on its way
    assert marker.split(output + marker.nonce.encode() + b"$?\n") is None


@given(before=st.binary(max_size=300))
def test_the_last_marker_counts(before: bytes) -> None:
    marker = ExitMarker()
    line = marker.nonce.encode()
    assert marker.split(before + line + b"0\n" + line + b"7\n") == (before + line + b"0\n", 7)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("command", "output", "code"),
    [
        ("printf x; exit 3", b"x", 3),
        ("true # comment", b"", 0),
        ("sleep 0 &", b"", 0),
        ("cat <<'E'\n$?\nE", b"$?\n", 0),
        ("echo it\\'s", b"it's\n", 0),
        ("cat", b"", 0),
        ("kill -9 $$", b"", 137),
    ],
)
def test_shells_agree(shell: str, command: str, output: bytes, code: int) -> None:
    marker = ExitMarker()
    argv = [shell, "sh", "-c"] if shell == "busybox" else [shell, "-c"]
    done = subprocess.run(
        [*argv, encode(marker.wrap(command))], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert marker.split(done.stdout) == (output, code)


@pytest.mark.parametrize("shell", SHELLS)
def test_both_streams_end_with_the_exit_code(shell: str) -> None:
    marker = ExitMarker()
    argv = [shell, "sh", "-c"] if shell == "busybox" else [shell, "-c"]
    line = encode(marker.wrap_both("printf out; printf err >&2; exit 3"))
    done = subprocess.run([*argv, line], capture_output=True)
    assert marker.split(done.stdout) == (b"out", 3)
    assert marker.split(done.stderr) == (b"err", 3)


def test_a_nul_is_refused_before_it_cuts_the_command() -> None:
    with pytest.raises(ValueError, match="NUL"):
        quote_script("echo a\0; rm -rf b")


def test_names_that_are_no_utf8_keep_their_bytes() -> None:
    assert encode("cat 'a\udcff'") == b"cat 'a\xff'"
