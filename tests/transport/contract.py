"""What every transport promises, as tests: the host here, real adbds and adb servers in tests/lab."""

from __future__ import annotations

import secrets
import shlex
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from android_bench.device import Device
from android_bench.errors import DeviceCommandError, DeviceTimeoutError
from android_bench.transport.base import Transport

# The fixtures of a class live as long as all examples; a device is slower than pure code.
on_a_device = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
# What file names and arguments may hold: everything but NUL, and / where it would be a folder.
words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
AWKWARD_NAMES = [
    "plain",
    "with space",
    "quote's",
    'double"quote',
    "semi;colon && true",
    "$(touch gone) `touch gone`",
    "ünïcödé-模型",
    "comma,493",
    "back\\slash",
    "*?[glob]",
    "-dash",
]


class TransportContract:
    """Subclasses bring ``transport``, and ``folder``: an empty folder on the other side."""

    @pytest.mark.parametrize("code", [0, 1, 3, 126, 127, 255])
    def test_the_exit_code_is_the_commands(self, transport: Transport, code: int) -> None:
        assert transport.shell(f"exit {code}").exit_code == code

    @pytest.mark.parametrize(
        ("command", "code", "output"),
        [
            ("printf x", 0, "x"),
            ("printf 'no end'; exit 3", 3, "no end"),
            ("true # a comment", 0, ""),
            ("(exit 5) # ; exit 0", 5, ""),
            ("echo a\necho b", 0, "a\nb\n"),
            ("cat <<END\nhere $((1 + 2))\nEND", 0, "here 3\n"),
            ("cat <<END\nhere\nEND\n", 0, "here\n"),
            ("sleep 0 &", 0, ""),
            ("echo 'a'\"b\"'$HOME'", 0, "ab$HOME\n"),
            ("cat", 0, ""),
            ("read -r line || echo 'no input'", 0, "no input\n"),
            ("echo '<0123456789abcdef01234567>0'; exit 4", 4, "<0123456789abcdef01234567>0\n"),
            ("exec sh -c 'exit 9'", 9, ""),
            ("trap 'echo bye' EXIT; exit 6", 6, "bye\n"),
            ("", 0, ""),
        ],
    )
    def test_whatever_the_command_is_its_output_and_code_come_back(
        self, transport: Transport, command: str, code: int, output: str
    ) -> None:
        result = transport.shell(command)
        assert (result.exit_code, result.stdout) == (code, output)

    @pytest.mark.parametrize("command", ["if", "echo 'open", "( true", "}"])
    def test_no_valid_syntax_is_a_failure_and_not_the_end(
        self, transport: Transport, command: str
    ) -> None:
        result = transport.shell(command)
        assert result.exit_code not in {0, None}
        assert result.stdout + result.stderr
        assert transport.shell("echo on").stdout == "on\n"

    def test_a_command_killed_by_a_signal_says_which(self, transport: Transport) -> None:
        assert transport.shell("sh -c 'kill -9 $$'; exit $?").exit_code == 128 + 9
        assert transport.shell("kill -15 $$").exit_code == 128 + 15

    @on_a_device
    @given(argument=words, code=st.integers(0, 255))
    def test_any_argument_comes_back_as_it_was(
        self, transport: Transport, argument: str, code: int
    ) -> None:
        result = transport.shell(f"printf %s {shlex.quote(argument)}; exit {code}")
        assert (result.exit_code, result.stdout) == (code, argument)

    @on_a_device
    @given(argv=st.lists(words, max_size=4))
    def test_words_stay_words(self, transport: Transport, argv: list[str]) -> None:
        result = Device(transport).run(["printf", "%s\\t", "first", *argv])
        assert result.stdout == "".join(f"{word}\t" for word in ["first", *argv])

    def test_bytes_that_are_no_text_are_replaced(self, transport: Transport) -> None:
        assert transport.shell(r"printf 'a\377b\000c'").stdout == "a�b\0c"

    def test_large_output_is_whole(self, transport: Transport) -> None:
        result = transport.shell("i=0; while [ $i -lt 20000 ]; do echo line-$i; i=$((i+1)); done")
        assert result.stdout == "".join(f"line-{number}\n" for number in range(20000))

    def test_a_nul_in_a_command_is_refused(self, transport: Transport) -> None:
        with pytest.raises(ValueError, match="NUL"):
            transport.shell("echo a\0b")

    def test_too_long_is_an_error_and_the_next_call_works(self, transport: Transport) -> None:
        with pytest.raises(
            DeviceTimeoutError, match=r"took longer than 0\.3 s .*sleep 60"
        ) as caught:
            transport.shell("echo before; sleep 60", timeout_s=0.3)
        assert caught.value.__cause__ is not None
        assert transport.shell("echo after").stdout == "after\n"

    def test_what_runs_in_the_background_is_not_waited_for(self, transport: Transport) -> None:
        result = transport.shell("sleep 60 & echo $!", timeout_s=20)
        assert result.exit_code == 0
        transport.shell(f"kill -9 {result.stdout}")

    def test_silence_and_chatter_are_bounded_alike(self, transport: Transport) -> None:
        with pytest.raises(DeviceTimeoutError):
            transport.shell("while true; do echo on and on; sleep 0.01; done", timeout_s=0.3)

    @pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 3 * 1024 * 1024 + 7])
    def test_a_file_goes_there_and_back(
        self, transport: Transport, folder: str, tmp_path: Path, size: int
    ) -> None:
        source, back = tmp_path / "source", tmp_path / "back"
        source.write_bytes(secrets.token_bytes(size))
        pushed: list[tuple[int, int]] = []
        pulled: list[tuple[int, int]] = []
        transport.push(source, f"{folder}/file", progress=lambda *step: pushed.append(step))
        transport.pull(f"{folder}/file", back, progress=lambda *step: pulled.append(step))
        assert back.read_bytes() == source.read_bytes()
        for steps in (pushed, pulled):
            assert steps == sorted(set(steps))
            assert all(total == size for _, total in steps)
            assert (steps[-1] == (size, size)) if size else not steps

    @pytest.mark.parametrize("name", AWKWARD_NAMES)
    def test_names_may_hold_anything(
        self, transport: Transport, folder: str, tmp_path: Path, name: str
    ) -> None:
        source, back = tmp_path / name, tmp_path / f"back {name}"
        source.write_text(name)
        remote = f"{folder}/{name}"
        transport.push(source, remote)
        assert transport.shell(f"cat {shlex.quote(remote)}").stdout == name
        transport.pull(remote, back)
        assert back.read_text() == name
        assert transport.shell(f"ls {shlex.quote(folder)}").stdout.count("\n") == 1

    @pytest.mark.parametrize("mode", [0o644, 0o755, 0o600, 0o700])
    def test_the_mode_is_what_was_asked_for(
        self, transport: Transport, folder: str, tmp_path: Path, mode: int
    ) -> None:
        source = tmp_path / "source"
        source.write_text("x")
        remote = f"{folder}/mode {mode:o}"
        transport.push(source, remote, mode=mode)
        assert transport.shell(f"stat -c %a {shlex.quote(remote)}").stdout == f"{mode:o}\n"

    def test_a_push_replaces_a_longer_file(
        self, transport: Transport, folder: str, tmp_path: Path
    ) -> None:
        source = tmp_path / "source"
        for text in ("a long text", "short"):
            source.write_text(text)
            transport.push(source, f"{folder}/file")
        assert transport.shell(f"cat {shlex.quote(folder)}/file").stdout == "short"

    def test_a_refused_push_names_path_and_reason(
        self, transport: Transport, folder: str, tmp_path: Path
    ) -> None:
        source = tmp_path / "source"
        source.write_text("x")
        transport.push(source, f"{folder}/file")
        with pytest.raises(DeviceCommandError, match=r"file/below.*(Not a directory|File exists)"):
            transport.push(source, f"{folder}/file/below")
        assert transport.shell("echo on").stdout == "on\n"

    def test_a_refused_push_of_a_large_file_is_heard(
        self, transport: Transport, folder: str, tmp_path: Path
    ) -> None:
        source = tmp_path / "source"
        source.write_bytes(bytes(8 << 20))
        transport.shell(f"mkdir {shlex.quote(folder)}/taken")
        with pytest.raises(DeviceCommandError, match="directory"):
            transport.push(source, f"{folder}/taken")
        assert transport.shell("echo on").stdout == "on\n"

    def test_a_local_file_that_is_not_there_is_no_device_error(
        self, transport: Transport, folder: str, tmp_path: Path
    ) -> None:
        with pytest.raises(FileNotFoundError):
            transport.push(tmp_path / "missing", f"{folder}/file")

    def test_a_refused_pull_leaves_what_was_there(
        self, transport: Transport, folder: str, tmp_path: Path
    ) -> None:
        target = tmp_path / "target"
        target.write_text("old")
        with pytest.raises(DeviceCommandError, match="missing: .*No such file"):
            transport.pull(f"{folder}/missing", target)
        with pytest.raises(DeviceCommandError, match="directory"):
            transport.pull(folder, target)
        assert target.read_text() == "old"
        assert [path.name for path in tmp_path.iterdir()] == ["target"]
        assert transport.shell("echo on").stdout == "on\n"

    def test_closing_twice_is_fine_and_a_call_opens_again(self, transport: Transport) -> None:
        transport.close()
        transport.close()
        assert transport.shell("echo open").stdout == "open\n"
