"""Which revision and branch runs belong to: what the CI system says, else what git says of this folder."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from android_bench.history.rows import sortable_time

# Revision and branch as CI systems name them; of a pull request the branch that it comes from.
_REVISIONS = (
    "GITHUB_SHA", "CI_COMMIT_SHA", "BUILDKITE_COMMIT", "CIRCLE_SHA1", "BUILD_SOURCEVERSION",
    "BITBUCKET_COMMIT", "GIT_COMMIT",
)  # fmt: skip
_BRANCHES = (
    "GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_BRANCH",
    "CI_COMMIT_REF_NAME", "BUILDKITE_BRANCH", "CIRCLE_BRANCH", "SYSTEM_PULLREQUEST_SOURCEBRANCH",
    "BUILD_SOURCEBRANCH", "BITBUCKET_BRANCH", "CHANGE_BRANCH", "BRANCH_NAME", "GIT_BRANCH",
)  # fmt: skip
_HASH = re.compile(r"[0-9a-f]{4,64}")
DIRTY = "-dirty"
_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """A revision and a branch, ``None`` where nothing tells; ``note`` says why one was not believed."""

    revision: str | None = None
    branch: str | None = None
    note: str | None = None


def provenance(
    *,
    revision: str | None = None,
    branch: str | None = None,
    earliest: str | None = None,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Provenance:
    """What was given, else what the CI system says, else git.

    ``earliest`` is when the first of the runs was started: what git has checked out now is not what was
    measured when its commit is younger than that. Changes that are not committed make the revision
    ``…-dirty``.
    """
    known = os.environ if environment is None else environment
    revision = revision or _first(known, _REVISIONS)
    branch = branch or _branch(_first(known, _BRANCHES))
    if revision is not None and branch is not None:
        return Provenance(revision=revision, branch=branch)
    at = folder or Path.cwd()
    note = None
    if revision is None:
        revision, note = _checked_out(at, earliest)
    if branch is None:
        branch = _git(at, "symbolic-ref", "--short", "-q", "HEAD")
    return Provenance(revision=revision, branch=branch, note=note)


def commits_between(
    before: str | None, after: str | None, folder: Path | None = None
) -> list[str] | None:
    """The commits after one revision up to the other, the newest first, a line each.

    ``None`` where git does not know them, or the one does not follow from the other.
    """
    ends = [(revision or "").removesuffix(DIRTY) for revision in (before, after)]
    at = folder or Path.cwd()
    if not all(_HASH.fullmatch(end) for end in ends):
        return None
    if _git(at, "merge-base", "--is-ancestor", *ends) is None:
        return None
    lines = _git(at, "log", "--format=%h %s", "--no-color", f"{ends[0]}..{ends[1]}", "--")
    return None if lines is None else lines.splitlines()


def _checked_out(at: Path, earliest: str | None) -> tuple[str | None, str | None]:
    told = _git(at, "log", "-1", "--format=%H %ct", "--no-color")
    if told is None:
        return None, None
    revision, _, seconds = told.partition(" ")
    committed = datetime.fromtimestamp(int(seconds), timezone.utc).isoformat()
    if earliest is not None and sortable_time(earliest, where="a run") < sortable_time(
        committed, where="git"
    ):
        return None, (
            f"Git has {revision[:12]} here, which is younger than these runs: their revision stays "
            "unknown. --revision names it."
        )
    changed = _git(at, "status", "--porcelain", "--untracked-files=no")
    return (f"{revision}{DIRTY}" if changed else revision), None


def _first(environment: Mapping[str, str], names: Sequence[str]) -> str | None:
    return next((environment[name] for name in names if environment.get(name)), None)


def _branch(text: str | None) -> str | None:
    """A branch without what some systems put before it."""
    return None if text is None else re.sub(r"^(refs/heads/|origin/)", "", text)


def _git(at: Path, *arguments: str) -> str | None:
    """What git prints, ``None`` when it is not there or says no."""
    try:
        done = subprocess.run(
            ["git", "-C", str(at), *arguments],
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else None
