"""Baselines from git: other commits in a work tree of their own, and what of the user's stays as it was."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from android_bench.ci import git
from android_bench.ci.baseline import Built, build_from_git
from android_bench.ci.project import Project
from android_bench.ci.project_file import read_project
from android_bench.errors import BenchError, UsageError
from optimizer.errors import OptimizerError

FILE = '[models.m]\nsource = "m.tflite"\n'


def run(folder: Path, *words: str) -> str:
    names = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    done = subprocess.run(["git", *names, *words], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode().strip()


def commit(folder: Path, content: bytes, message: str = "A model") -> str:
    (folder / "m.tflite").write_bytes(content)
    run(folder, "add", ".")
    run(folder, "commit", "-q", "-m", message)
    return run(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    run(folder, "init", "-q", "-b", "main")
    (folder / "android-bench.toml").write_text(FILE)
    (folder / ".gitignore").write_text(".android-bench/\n")
    commit(folder, b"old")
    commit(folder, b"new")
    return folder


def project_of(folder: Path, baseline: str = "git:main~1") -> Project:
    (folder / "android-bench.toml").write_text(f'{FILE}[baseline]\nfrom = "{baseline}"\n')
    return read_project(folder / "android-bench.toml")


def seen(project: Project, output: Path) -> Built:
    """A build that only looks."""
    content = (project.folder / "m.tflite").read_bytes()
    return Built(paths=(Path(content.decode()),))


def test_the_other_commits_files_are_built_and_nothing_of_it_stays(repository: Path) -> None:
    project = project_of(repository)
    before = run(repository, "worktree", "list"), run(repository, "status", "--porcelain")
    chosen = build_from_git(project, seen)
    assert chosen.models is not None
    assert chosen.models.paths == (Path("old"),)
    assert chosen.name.startswith("git main~1 (")
    after = run(repository, "worktree", "list"), run(repository, "status", "--porcelain")
    assert after == before
    assert (repository / "m.tflite").read_bytes() == b"new"


def test_a_work_tree_that_is_away_for_a_while_stays_known(repository: Path) -> None:
    disk = repository.parent / "disk"
    run(repository, "worktree", "add", "-q", str(disk), "HEAD")
    disk.rename(repository.parent / "unmounted")
    build_from_git(project_of(repository), seen)
    assert str(disk) in run(repository, "worktree", "list")


def test_in_a_hook_gits_index_is_left_alone(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(repository / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(repository / ".git" / "index"))
    before = (repository / ".git" / "index").read_bytes()
    chosen = build_from_git(project_of(repository), seen)
    assert chosen.models is not None
    assert chosen.models.paths == (Path("old"),)
    assert (repository / ".git" / "index").read_bytes() == before


@pytest.mark.parametrize("place", ["subfolder", "worktree", "detached"])
def test_subfolders_work_trees_and_detached_heads(repository: Path, place: str) -> None:
    folder = repository
    if place == "subfolder":
        folder = repository / "models" / "one"
        folder.mkdir(parents=True)
        (folder / "android-bench.toml").write_text(FILE)
        commit(folder, b"old")
        commit(folder, b"new")
    elif place == "worktree":
        folder = repository.parent / "other"
        run(repository, "worktree", "add", "-q", str(folder), "HEAD")
    else:
        run(repository, "checkout", "-q", "--detach")
    chosen = build_from_git(project_of(folder, "git:HEAD~1"), seen)
    assert chosen.models is not None
    assert chosen.models.paths == (Path("old"),)


def test_a_folder_that_was_not_there_yet_is_told_with_the_commit(repository: Path) -> None:
    folder = repository / "later"
    folder.mkdir()
    (folder / "android-bench.toml").write_text(FILE)
    with pytest.raises(UsageError, match=r"git main~1 \(.*later was not there"):
        build_from_git(project_of(folder), seen)


@pytest.mark.parametrize("error", [BenchError("No such file."), OptimizerError("A bad model.")])
def test_what_fails_in_the_baseline_says_so_with_its_commit(
    repository: Path, error: Exception
) -> None:
    def build(project: Project, output: Path) -> Built:
        raise error

    with pytest.raises(BenchError, match=r"The baseline, git main~1 \([0-9a-f]{10}\), cannot be"):
        build_from_git(project_of(repository), build)
    assert "android-bench-" not in run(repository, "worktree", "list")


def test_a_pointer_of_git_lfs_in_the_baseline_is_no_model(repository: Path) -> None:
    commit(repository, b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n")
    commit(repository, b"new")
    with pytest.raises(BenchError, match="The baseline, .* is a pointer of Git LFS") as caught:
        build_from_git(project_of(repository), seen)
    assert "git lfs pull" in str(caught.value.hint)


def test_a_baselines_own_file_that_is_wrong_is_the_baselines(repository: Path) -> None:
    (repository / "android-bench.toml").write_text("[modles]\n")
    commit(repository, b"odd")
    with pytest.raises(UsageError, match="The baseline, git HEAD"):
        build_from_git(project_of(repository, "git:HEAD"), seen)


def test_a_project_file_that_had_another_name_is_taken_as_it_is_now(repository: Path) -> None:
    renamed = repository / "bench.toml"
    renamed.write_text(f'{FILE}[baseline]\nfrom = "git:main~1"\n')
    (repository / "android-bench.toml").unlink()
    chosen = build_from_git(read_project(renamed), seen)
    assert chosen.models is not None
    assert chosen.models.paths == (Path("old"),)


def test_a_folder_of_somebody_else_is_told_with_the_command(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    with pytest.raises(UsageError, match="belongs to somebody else") as caught:
        git.resolve(repository, "main")
    assert "safe.directory" in str(caught.value.hint)


def test_a_commit_that_is_not_there_names_the_command(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="knows no commit 'nowhere'") as caught:
        git.resolve(repository, "nowhere")
    assert "git fetch origin nowhere" in str(caught.value.hint)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UsageError, match="is no git repository"):
        git.resolve(empty, "main")


def test_what_is_not_committed_is_not_told_as_the_commits(repository: Path) -> None:
    commit_now = git.head(repository)
    assert git.described_head(repository) == commit_now
    (repository / "untracked.txt").touch()
    assert git.described_head(repository) == commit_now
    (repository / "m.tflite").write_bytes(b"changed")
    assert git.described_head(repository) == f"{commit_now}-dirty"
