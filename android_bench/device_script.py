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


@dataclass(frozen=True, slots=True)
class Job:
    """The device side of one program: a folder for its streams, and a name that finds its processes."""

    root: str
    name: str = field(default_factory=lambda: secrets.token_hex(12))

    def script(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str | None) -> str:
        """A script that runs the program, prints both streams, and ends with its exit code."""
        variables = {**checked(env), _JOB_VARIABLE: self.name}
        exports = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
        folder = "" if cwd is None else f"cd -- {shlex.quote(cwd)} && "
        return (
            # A disk without room for a few bytes would lose the program's words without a word.
            f'd={self._folder}; mkdir -p "$d" && echo $$ >"$d/pid" || exit 1\n'
            # Redirected inside, the streams are the program's alone: around it, mksh would write its
            # word for a program that died (Killed) into them, and dash forgets them in a group.
            '( exec >"$d/out" 2>"$d/err" </dev/null || exit 1\n'
            f"  {folder}export {exports} && exec {' '.join(_words(argv))} ); rc=$?\n"
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
