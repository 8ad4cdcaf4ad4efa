"""Shell text for a device: words to a command line, and a program whose streams come back apart.

Pure functions of text; the same lines run under Android's mksh, under dash and under bash.
"""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
    if not argv:
        raise ValueError("a command needs at least one word")
    for name in env or {}:
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f"{name!r} cannot be the name of an environment variable")
    assignments = [f"{name}={shlex.quote(value)}" for name, value in (env or {}).items()]
    # Quoted in any case, the first word is no keyword, alias or assignment.
    first = "'" + argv[0].replace("'", "'\"'\"'") + "'"
    line = " ".join([*assignments, first, *(shlex.quote(word) for word in argv[1:])])
    # A folder whose name begins with a dash is no option.
    return line if cwd is None else f"cd -- {shlex.quote(cwd)} && {line}"


@dataclass(frozen=True, slots=True)
class Job:
    """The device side of one program: a folder for its streams, and a name that finds its processes."""

    root: str
    name: str = field(default_factory=lambda: secrets.token_hex(12))

    def script(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str | None) -> str:
        """A script that runs the program, prints both streams, and ends with its exit code."""
        line = command_line(argv, env={**env, _JOB_VARIABLE: self.name}, cwd=cwd)
        return (
            # A disk without room for a few bytes would lose the program's words without a word.
            f'd={self._folder}; mkdir -p "$d" && echo $$ >"$d/pid" || exit 1\n'
            # No group with a redirection around this: dash then forgets those inside.
            f'( {line} ) >"$d/out" 2>"$d/err" </dev/null; rc=$?\n'
            f"{self._bring_back('$d')}; exit $rc"
        )

    def end_script(self) -> str:
        """A script that kills the program's processes, then prints both streams as far as they got.

        Processes are known by their environment, so that no stranger is hit that got a freed process
        id, and none is missed that the program started. The folder is moved away first: the script
        that waited for the program would delete it as soon as the program is dead.
        """
        return (
            f'd={self._folder}; mv "$d" "$d.ended" 2>/dev/null\n'
            "for pass in 1 2 3; do\n"
            f"  found=$(grep -slF {_JOB_VARIABLE}={self.name} /proc/[0-9]*/environ 2>/dev/null)\n"
            '  [ -n "$found" ] || break\n'
            '  for file in $found; do p=${file#/proc/}; kill -9 "${p%%/*}" 2>/dev/null; done\n'
            "done\n"
            f"{self._bring_back('$d.ended')}"
        )

    def streams(self, output: str) -> tuple[str, str] | None:
        """Take the two streams apart; ``None`` when the program could not be started at all.

        What comes before them is the shell's own word for a program that died, such as ``Killed``.
        """
        parts = output.split(f"<{self.name}>\n")
        before_out_err_after = 4
        return (parts[1], parts[2]) if len(parts) == before_out_err_after else None

    @property
    def _folder(self) -> str:
        return shlex.quote(f"{self.root}/jobs/{self.name}")

    def _bring_back(self, folder: str) -> str:
        line = f"echo '<{self.name}>'"
        show = f'{line}; cat "{folder}/out"; {line}; cat "{folder}/err"; {line}'
        # Without its files the program never ran (disk full): no separators say so.
        return f'if [ -f "{folder}/err" ]; then {show}; fi; rm -rf "{folder}"'
