"""Revision and branch: given, from the CI system, from git, and when git is not believed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from android_bench.history.provenance import commits_between, provenance

WHEN = "2026-11-20T12:00:00Z"


def git(folder: Path, *arguments: str) -> str:
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b", "GIT_COMMITTER_DATE": WHEN, "GIT_AUTHOR_DATE": WHEN,
    }  # fmt: skip
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "trunk")
    for number in range(4):
        (folder / "model.txt").write_text(str(number))
        git(folder, "add", "model.txt")
        git(folder, "commit", "-q", "-m", f"Change number {number}")
    return folder


def test_git_tells_where_nobody_else_does(repository: Path) -> None:
    found = provenance(folder=repository, environment={})
    assert found.revision == git(repository, "rev-parse", "HEAD")
    assert (found.branch, found.note) == ("trunk", None)


def test_changes_that_are_not_committed_are_no_revision(repository: Path) -> None:
    (repository / "model.txt").write_text("changed")
    head = git(repository, "rev-parse", "HEAD")
    assert provenance(folder=repository, environment={}).revision == f"{head}-dirty"
    assert len(commits_between(f"{head[:8]}", f"{head}-dirty", repository) or "x") == 1


def test_a_commit_that_is_younger_than_the_runs_was_not_measured(repository: Path) -> None:
    early = provenance(folder=repository, environment={}, earliest="2026-11-20T11:59:59Z")
    assert early.revision is None
    assert early.branch == "trunk"
    assert "younger than these runs" in (early.note or "")
    late = provenance(folder=repository, environment={}, earliest="2026-11-20T12:00:01Z")
    assert late.revision is not None


def test_a_detached_head_has_no_branch(repository: Path) -> None:
    git(repository, "checkout", "-q", "--detach")
    found = provenance(folder=repository, environment={})
    assert found.revision is not None
    assert found.branch is None


def test_no_repository(tmp_path: Path) -> None:
    found = provenance(folder=tmp_path, environment={})
    assert (found.revision, found.branch, found.note) == (None, None, None)


@pytest.mark.parametrize(
    ("environment", "revision", "branch"),
    [
        ({"GITHUB_SHA": "abc", "GITHUB_REF_NAME": "main"}, "abc", "main"),
        (
            {"GITHUB_SHA": "abc", "GITHUB_REF_NAME": "7/merge", "GITHUB_HEAD_REF": "fix"},
            "abc",
            "fix",
        ),
        ({"GITHUB_SHA": "abc", "GITHUB_REF_NAME": "main", "GITHUB_HEAD_REF": ""}, "abc", "main"),
        ({"CI_COMMIT_SHA": "abc", "CI_COMMIT_BRANCH": "main"}, "abc", "main"),
        ({"GIT_COMMIT": "abc", "GIT_BRANCH": "origin/main"}, "abc", "main"),
        ({"BUILD_SOURCEVERSION": "abc", "BUILD_SOURCEBRANCH": "refs/heads/a/b"}, "abc", "a/b"),
    ],
)
def test_ci_systems_tell(
    repository: Path, environment: dict[str, str], revision: str, branch: str
) -> None:
    found = provenance(folder=repository, environment=environment)
    assert (found.revision, found.branch) == (revision, branch)
    given = provenance(folder=repository, environment=environment, revision="mine", branch="own")
    assert (given.revision, given.branch) == ("mine", "own")


def test_commits_between_two_revisions(repository: Path) -> None:
    revisions = git(repository, "rev-list", "HEAD").splitlines()
    found = commits_between(revisions[3], revisions[0], repository)
    assert [line.partition(" ")[2] for line in found or ()] == [
        "Change number 3",
        "Change number 2",
        "Change number 1",
    ]
    assert commits_between(revisions[0], revisions[0], repository) == []
    assert commits_between(revisions[0], revisions[3], repository) is None
    for other in (None, "", "v1", "f" * 40, "--output=x", "HEAD"):
        assert commits_between(other, revisions[0], repository) is None
