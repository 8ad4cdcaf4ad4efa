"""What is needed of git: which commit a name means, and its files in a folder for a while."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from android_bench.errors import UsageError

_TIMEOUT_S = 300
DIRTY = "-dirty"
# In a hook they lead to the index and folder that git works on, which another work tree must not touch.
_OF_A_HOOK = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"}
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit by its full hash, and the name that it was asked by."""

    sha: str
    name: str

    @property
    def label(self) -> str:
        """The name with the short hash."""
        return self.sha[:10] if self.name == self.sha else f"{self.name} ({self.sha[:10]})"


def head(folder: Path) -> str | None:
    """The commit that is checked out in a folder; ``None`` outside of git."""
    done = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    return done.stdout.strip() or None if done and not done.returncode else None


def current_branch(folder: Path) -> str | None:
    """The branch of a folder, one without a commit too; ``None`` outside of git and on no branch."""
    done = _git(folder, "symbolic-ref", "--short", "--quiet", "HEAD")
    return done.stdout.strip() or None if done and not done.returncode else None


def is_changed(folder: Path) -> bool:
    """Whether files that git knows differ from the commit."""
    done = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return bool(done and done.stdout.strip())


def described_head(folder: Path) -> str | None:
    """The commit of a folder, ``…-dirty`` where files differ from it; ``None`` outside of git."""
    commit = head(folder)
    return f"{commit}{DIRTY}" if commit and is_changed(folder) else commit


def resolve(folder: Path, name: str) -> Commit:
    """The commit that a branch, tag or hash means, of the remote ``origin`` where there is none here.

    Raises:
        UsageError: there is no such commit, or no git.
    """
    for candidate in (name, f"origin/{name}"):
        done = _git(folder, "rev-parse", "--verify", "--quiet", f"{candidate}^{{commit}}")
        if done is None:
            raise UsageError("A baseline of git needs the program git.", hint="apt-get install git")
        if not done.returncode:
            return Commit(sha=done.stdout.strip(), name=name)
    if head(folder) is None:
        _refuse_foreign(folder)
        raise UsageError(
            f"{folder} is no git repository, so it has no commit {name!r}.",
            hint="git init && git commit, or baseline.from = 'results:FOLDER' in the project file",
        )
    raise UsageError(
        f"git knows no commit {name!r} in {folder}.",
        hint=f"git fetch origin {name}  (in a shallow clone of CI: fetch-depth: 0)",
    )


@contextmanager
def checked_out(folder: Path, commit: Commit) -> Iterator[Path]:
    """The folder as it was in a commit, in a work tree that goes with the block.

    Raises:
        UsageError: git refuses, or the folder was not there then.
    """
    top = _checked(folder, "rev-parse", "--show-toplevel")
    inside = folder.resolve().relative_to(Path(top).resolve())
    with tempfile.TemporaryDirectory(prefix="android-bench-") as temporary:
        tree = Path(temporary) / "tree"
        try:
            _checked(folder, "worktree", "add", "--detach", "--force", str(tree), commit.sha)
            if not (tree / inside).is_dir():
                raise UsageError(
                    f"{inside} was not there in {commit.label}.",
                    hint="Compare with a later commit: --baseline git:REVISION",
                )
            yield tree / inside
        finally:
            # This tree and no other: a person's may be away for a while, on a disk that is not mounted.
            _git(folder, "worktree", "remove", "--force", str(tree))


def is_lfs_pointer(path: Path) -> bool:
    """Whether a file is only Git LFS' note of where its content is."""
    with path.open("rb") as file:
        return file.read(len(_LFS_POINTER)) == _LFS_POINTER


def _refuse_foreign(folder: Path) -> None:
    """Raise when git refuses a folder for its owner, as in a container of CI."""
    done = _git(folder, "rev-parse", "--show-toplevel")
    if done is not None and "dubious ownership" in done.stderr:
        raise UsageError(
            f"git refuses {folder}: it belongs to somebody else.",
            hint=f"git config --global --add safe.directory {folder.resolve()}",
        )


def _checked(folder: Path, *words: str) -> str:
    done = _git(folder, *words)
    if done is None or done.returncode:
        said = done.stderr.strip().splitlines()[-1:] if done else ["git is not installed"]
        raise UsageError(
            f"git {words[0]} failed in {folder}: {' '.join(said) or 'no reason given'}."
        )
    return done.stdout.strip()


def _git(folder: Path, *words: str) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
            env={name: value for name, value in os.environ.items() if name not in _OF_A_HOOK},
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
