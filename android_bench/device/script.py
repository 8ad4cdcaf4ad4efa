"""Shell text for a device: words to a command line, and a program whose streams come back apart.

Pure functions of text; the same lines run under Android's mksh, under dash and under bash.
"""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Marks a job's processes in their environment, where every child inherits it.
_JOB_VARIABLE = "ANDROID_BENCH_JOB"


def command_line(
    argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: str | None = None
) -> str:
    """Return one shell command that runs a program with exactly these words.

    Raises:
        ValueError: there is no word, or an environment name is none.
    """
    exports = [f"{name}={shlex.quote(value)}" for name, value in checked(env or {}).items()]
    line = " ".join([*exports, *_words(argv)])
    return line if cwd is None else f"cd -- {shlex.quote(cwd)} && {line}"


def checked(env: Mapping[str, str]) -> Mapping[str, str]:
    """Return ``env`` if its names can be names of variables.

    Raises:
        ValueError: one cannot.
    """
    for name in env:
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f"{name!r} cannot be the name of an environment variable")
    return env


def _words(argv: Sequence[str]) -> list[str]:
    """Quoted words. Quoted in any case, the first one is no keyword, alias or assignment."""
    if not argv:
        raise ValueError("a command needs at least one word")
    first = "'" + argv[0].replace("'", "'\"'\"'") + "'"
    return [first, *(shlex.quote(word) for word in argv[1:])]


class JobState(str, Enum):
    """What became of a program that was started apart from the conversation."""

    ENDED = "exit"
    RUNNING = "running"
    LOST = "lost"  # it runs no more and left no exit code: the device restarted under it
    ABSENT = "absent"  # it was never started, or somebody else took its folder


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReport:
    """What a job's script said: the state, the shell's exit code if it ended, both streams."""

    state: JobState
    exit_code: int | None = None
    stdout: str = ""
    stderr: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """The device side of one program that outlives the conversation which started it.

    The program runs in a session of its own under a shell that writes its exit code into the job's folder.
    So whoever asks later finds either the code or the running program; its processes are known by a
    variable in their environment.
    """

    root: str
    name: str = field(default_factory=lambda: secrets.token_hex(12))

    def script(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: str | None,
        detached: bool = True,
        slice_s: int | None = None,
    ) -> str:
        """A script that starts the program, waits for it, and reports.

        After ``slice_s`` seconds it reports that the program still runs. It blocks until then: asking
        again and again would take time from what is measured. Not ``detached``, the program stays in the
        script's process group, which is how this computer ends what takes too long, and the script cleans
        up. Detached, it does not: it may outlive the conversation, and would throw away what nobody heard.
        """
        exports = " ".join(f"{name}={shlex.quote(value)}" for name, value in checked(env).items())
        folder = "" if cwd is None else f"cd -- {shlex.quote(cwd)} && "
        export = f"export {exports} && " if exports else ""
        inner = (
            'd=$1; echo $$ >"$d/pid"\n'
            # Redirected inside, the streams are the program's alone: around it, mksh would write its
            # word for a program that died (Killed) into them, and dash forgets them in a group.
            '( exec >"$d/out" 2>"$d/err" </dev/null || exit 1\n'
            f"  {folder}{export}exec {' '.join(_words(argv))} )\n"
            'echo $? >"$d/rc.part" && mv "$d/rc.part" "$d/rc"'
        )
        session = "$(command -v setsid)" if detached else ""
        return (
            # A disk without room for a few bytes would lose the program's words without a word.
            f'd={self._folder}; mkdir -p "$d" && echo $$ >"$d/pid" || exit 1\n'
            f'{_JOB_VARIABLE}={self.name} {session} sh -c {shlex.quote(inner)} sh "$d" '
            "</dev/null >/dev/null 2>&1 & job=$!\n"
            f"{_wait(slice_s)}\n{self._report(keep=detached)}"
        )

    def attach_script(self, *, slice_s: int) -> str:
        """A script that waits up to ``slice_s`` seconds for a program started earlier, and reports.

        It is no parent of the program, so it looks once a second. A program that has not begun a second
        after the question, because adbd died between the two, never will: without its folder it cannot.
        """
        return (
            f"d={self._folder}\n"
            '[ ! -d "$d" ] || [ -f "$d/out" ] || sleep 1\n'
            f'[ -f "$d/out" ] || {{ rm -rf "$d"; echo {JobState.ABSENT.value}; exit 0; }}\n'
            f'n=0; while [ ! -f "$d/rc" ] && [ "$n" -lt {slice_s} ] && {self._alive()}; do\n'
            "  sleep 1; n=$((n + 1))\ndone\n"
            f"{self._report(keep=True)}"
        )

    def forget_script(self) -> str:
        """A script that removes the folder of a job whose report has arrived."""
        return f"rm -rf {self._folder}"

    def end_script(self) -> str:
        """A script that kills the program's processes, then reports what they had said.

        Processes are known by their environment, so that no stranger is hit that got a freed process
        id, and none is missed that the program started. The folder is moved away first: the script
        that waited for the program would delete it as soon as the program is dead.
        """
        return (
            f'd={self._folder}; mv "$d" "$d.ended" 2>/dev/null; d=$d.ended\n'
            "for pass in 1 2 3; do\n"
            f"  found=$(grep -slF {_JOB_VARIABLE}={self.name} /proc/[0-9]*/environ 2>/dev/null)\n"
            '  [ -n "$found" ] || break\n'
            '  for file in $found; do p=${file#/proc/}; kill -9 "${p%%/*}" 2>/dev/null; done\n'
            "done\n"
            f"{self._bring_back(keep=False)}; echo {JobState.LOST.value}"
        )

    def report(self, output: str) -> JobReport | None:
        """Read what a script of this job said; ``None`` when the program could not be started at all.

        What comes before the streams is the shell's own word for a program that died.
        """
        parts = output.split(f"<{self.name}>\n")
        words = parts[-1].split()
        if not words or words[0] not in JobState._value2member_map_:
            return None
        state = JobState(words[0])
        code = int(words[1]) if state is JobState.ENDED and words[1:] else None
        before_out_err_after = 4
        if len(parts) != before_out_err_after:
            # Without its files the program never ran (disk full): no separators say so.
            return None if state is JobState.ENDED else JobReport(state=state)
        return JobReport(state=state, exit_code=code, stdout=parts[1], stderr=parts[2])

    @property
    def _folder(self) -> str:
        return shlex.quote(f"{self.root}/jobs/{self.name}")

    def _alive(self) -> str:
        """A test whether the program's shell runs: a process of another job may have its old number."""
        mark = f"{_JOB_VARIABLE}={self.name}"
        return f'{{ read -r p <"$d/pid" && grep -qsF {mark} "/proc/$p/environ"; }} 2>/dev/null'

    def _report(self, *, keep: bool) -> str:
        back = self._bring_back(keep=keep)
        # Alive first: a program that ends between two looks has left its code by the second.
        return (
            f'alive=; [ -f "$d/rc" ] || if {self._alive()}; then alive=1; fi\n'
            f'if [ -f "$d/rc" ]; then read -r rc <"$d/rc"; {back}; echo "exit $rc"\n'
            f'elif [ -n "$alive" ]; then echo {JobState.RUNNING.value}\n'
            f"else {back}; echo {JobState.LOST.value}; fi"
        )

    def _bring_back(self, *, keep: bool) -> str:
        line = f"echo '<{self.name}>'"
        show = f'{line}; cat "$d/out"; {line}; cat "$d/err"; {line}'
        remove = "" if keep else '; rm -rf "$d"'
        return f'if [ -f "$d/err" ]; then {show}; fi{remove}'


def _wait(slice_s: int | None) -> str:
    """Wait for ``$job``, at most ``slice_s`` seconds, without looking again and again.

    A trapped signal ends ``wait`` (POSIX); a second process sends it, and takes its own ``sleep`` along
    when it is not needed any more.
    """
    if slice_s is None:
        return 'wait "$job"'
    return (
        "trap : USR1\n"
        f'( trap \'kill "$s"; exit\' TERM; sleep {slice_s} & s=$!; wait "$s"; kill -USR1 $$ ) '
        "</dev/null >/dev/null 2>&1 & watch=$!\n"
        'wait "$job"; kill "$watch" 2>/dev/null'
    )
