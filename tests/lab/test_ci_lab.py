"""``android-bench ci`` from end to end: a repository with a model, commits that break one thing each, a real device."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from optimizer.artifact import Fidelity, write_manifest
from optimizer.tflite_file import artifact_of
from tests.benchmark_model.models import Graph, Op, Tensor, build
from tests.lab.device import VirtualDevice

pytestmark = pytest.mark.xdist_group("lab")
MakeDevice = Callable[..., VirtualDevice]
TOOL = str(Path(sys.executable).with_name("android-bench"))
Done = subprocess.CompletedProcess[str]
# Wide enough for a machine that tests share: what decides here is not speed.
CALM = 'latency = "900%"'


class Repository:
    """A git repository with one model and a project file."""

    def __init__(self, folder: Path, device: VirtualDevice, gates: str, **measure: Any) -> None:
        self.folder, self.device = folder, device
        self.git("init", "-q", "-b", "main")
        settings = {
            "invocations": 6,
            "min_secs": 0.03,
            "warmup_secs": 0.01,
            "num_runs": 3,
            "memory": 0,
        }
        lines = [f"{name} = {json.dumps(value)}" for name, value in (settings | measure).items()]
        (folder / "android-bench.toml").write_text(
            '[models.net]\nsource = "net.tflite"\n\n[measure]\n'
            f'devices = ["{device.serial}"]\n' + "\n".join(lines) + f"\n\n[gates]\n{gates}\n"
        )
        (folder / ".gitignore").write_text(".android-bench/\n")

    def git(self, *words: str) -> None:
        names = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
        subprocess.run(["git", *names, *words], cwd=self.folder, check=True, capture_output=True)

    def commit(self, graph: Graph, *, accuracy: float = 0.92, padding: int = 0) -> None:
        path = self.folder / "net.tflite"
        path.write_bytes(build(graph) + bytes(padding))
        fidelity = Fidelity(samples=1000, max_abs_error=0.0, cosine=1.0, accuracy=accuracy)
        write_manifest(replace(artifact_of(path), fidelity=fidelity))
        self.git("add", ".")
        self.git("commit", "-q", "-m", "A model", "--allow-empty")

    def ci(self, *more: str, baseline: str = "git:HEAD~1", **environment: str) -> Done:
        return subprocess.run(
            [TOOL, "ci", "--baseline", baseline, *self.flags, *more, "--json"],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={**os.environ, "GITHUB_ACTIONS": "", **environment},
            timeout=300,
            check=False,
        )

    @property
    def flags(self) -> list[str]:
        return ["--benchmark-binary", str(self.device.lab.benchmark_binary)]


def tanh(size: int = 20_000, *, code: str = "TANH") -> Graph:
    return Graph(
        tensors=[Tensor("x", (1, size)), Tensor("y", (1, size))],
        ops=[Op(code, ["x"], ["y"])],
        inputs=["x"],
        outputs=["y"],
    )


def failed(done: Done) -> set[str]:
    return {one["gate"] for one in json.loads(done.stdout)["gates"] if one["state"] == "failed"}


def test_a_commit_that_is_a_tenth_slower_fails_and_is_named(
    device: VirtualDevice, tmp_path: Path
) -> None:
    """On a noisy machine the samples may not decide: then it is tried again, but it never passes."""
    repository = Repository(
        tmp_path, device, 'latency = "1%"', invocations=30, min_secs=0.08, warmup_secs=0.02
    )
    repository.commit(tanh(100_000))
    repository.commit(tanh(110_000))
    for _ in range(4):
        done = repository.ci()
        assert done.returncode in {3, 4}, done.stderr
        if done.returncode == 3:
            break
    assert failed(done) == {"latency"}, done.stdout
    outcome = json.loads(done.stdout)
    (gate,) = outcome["gates"]
    assert (gate["variant"], outcome["verdict"]) == ("net", "regressed")
    assert 1.03 < gate["comparison"]["ratio"]["estimate"] < 1.3
    assert gate["comparison"]["method"]
    assert "regressed" in Path(tmp_path / outcome["report"]).read_text()


def test_a_commit_that_changes_nothing_passes_and_builds_nothing(
    device: VirtualDevice, tmp_path: Path
) -> None:
    gates = f'{CALM}\nfile_size = "1%"\naccuracy = 0.1\nnumerics = {{max_error = 1e-4}}'
    repository = Repository(tmp_path, device, gates)
    repository.commit(tanh())
    repository.commit(tanh())
    done = repository.ci("--junit", "junit.xml", "--markdown", "summary.md")
    outcome = json.loads(done.stdout)
    assert done.returncode == 0, (outcome, done.stderr)
    assert (outcome["verdict"], outcome["built"], outcome["reused"]) == ("passed", 0, 2)
    assert {gate["state"] for gate in outcome["gates"]} == {"passed"}
    assert len(outcome["runs"]) == len(outcome["baseline_runs"]) == 1
    results = tmp_path / ".android-bench" / "results"
    assert {path.name for path in results.iterdir()} == {"baseline", "candidate"}
    assert (tmp_path / "junit.xml").read_text().startswith("<?xml")
    assert "passed" in (tmp_path / "summary.md").read_text().lower()
    worktrees = subprocess.run(
        ["git", "worktree", "list"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert len(worktrees.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("gate", "change"),
    [
        ("accuracy", {"graph": tanh(), "accuracy": 0.9}),
        ("file_size", {"graph": tanh(), "padding": 400}),
        ("numerics", {"graph": tanh(code="RSQRT")}),
    ],
)
def test_each_thing_that_breaks_alone_is_caught_by_its_own_gate(
    device: VirtualDevice, tmp_path: Path, gate: str, change: dict[str, Any]
) -> None:
    """The device's kernels compute 1 / sqrt(x) otherwise than this computer's, in the last digits."""
    gates = f'{CALM}\nfile_size = "10%"\naccuracy = 0.5\nnumerics = {{max_error = 0.0}}'
    repository = Repository(tmp_path, device, gates)
    repository.commit(tanh(code="ABS"))
    graph = change.pop("graph")
    repository.commit(graph if gate == "numerics" else tanh(code="ABS"), **change)
    done = repository.ci()
    assert done.returncode == 3, (done.stdout, done.stderr)
    assert failed(done) == {gate}


def test_a_device_that_dies_is_infrastructure_and_resume_finishes(
    make_device: MakeDevice, tmp_path: Path
) -> None:
    device = make_device()
    repository = Repository(tmp_path, device, CALM, invocations=10, min_secs=0.5, patience="1s")
    repository.commit(tanh())
    repository.commit(tanh())
    threading.Timer(9, device.kill_adbd).start()
    broken = repository.ci()
    outcome = json.loads(broken.stdout)
    assert broken.returncode == 5, broken.stderr
    assert outcome["verdict"] == "infrastructure"
    assert "tried twice" in outcome["infrastructure"][0]
    kept = sum(
        len(json.loads(path.read_text())["invocations"])
        for path in (tmp_path / ".android-bench").rglob("run.json")
    )
    assert kept >= 2
    device.restart()
    done = repository.ci("--resume")
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "Going on with session" in done.stderr
    assert json.loads(done.stdout)["runs"] == outcome["runs"]


def test_a_flaky_device_is_tried_once_more_and_is_no_regression(
    make_device: MakeDevice, tmp_path: Path
) -> None:
    device = make_device()
    repository = Repository(tmp_path, device, CALM, invocations=10, min_secs=0.5, patience="1s")
    repository.commit(tanh())
    repository.commit(tanh())

    def fail() -> None:
        device.kill_adbd()
        time.sleep(4)
        device.restart()

    breaker = threading.Timer(9, fail)
    breaker.start()
    done = repository.ci()
    breaker.join()
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "Trying once more" in done.stderr


def test_a_full_disk_is_infrastructure(make_device: MakeDevice, tmp_path: Path) -> None:
    device = make_device(data_size_mib=1)
    repository = Repository(tmp_path, device, CALM)
    repository.commit(tanh(), padding=2 << 20)
    repository.commit(tanh(), padding=2 << 20)
    done = repository.ci()
    assert done.returncode == 5, (done.stdout, done.stderr)
    assert "disk is full" in json.loads(done.stdout)["infrastructure"][0]


def test_a_database_that_is_gone_is_infrastructure_and_the_runs_are_kept(
    device: VirtualDevice, tmp_path: Path
) -> None:
    repository = Repository(tmp_path, device, CALM)
    repository.commit(tanh())
    repository.commit(tanh())
    gone = "postgresql+psycopg://nobody:secret@127.0.0.1:9/none"
    done = repository.ci("--record", ANDROID_BENCH_DB=gone)
    outcome = json.loads(done.stdout)
    assert done.returncode == 5, done.stderr
    assert "not added to the history" in outcome["infrastructure"][0]
    assert "secret" not in done.stdout + done.stderr
    assert {gate["state"] for gate in outcome["gates"]} == {"passed"}
    assert list((tmp_path / ".android-bench").rglob("run.json"))
    back = repository.ci("--record", "--resume", ANDROID_BENCH_DB=f"sqlite:///{tmp_path}/runs.db")
    assert back.returncode == 0, back.stderr
    assert "nothing is measured again" in back.stderr
    assert json.loads(back.stdout)["runs"] == outcome["runs"]
    afresh = repository.ci("--resume")  # nothing is unfinished any more
    assert afresh.returncode == 0, afresh.stderr
    assert json.loads(afresh.stdout)["runs"] != outcome["runs"]


def test_a_model_that_does_not_run_is_told_even_where_no_gate_is_about_time(
    device: VirtualDevice, tmp_path: Path
) -> None:
    repository = Repository(tmp_path, device, 'file_size = "90%"')
    repository.commit(tanh())
    repository.commit(tanh(code="RFFT2D"))  # wants two inputs
    done = repository.ci()
    outcome = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert "net gave no result on Debian Virtual Device" in outcome["notes"][0]


def test_kept_runs_are_a_baseline_and_no_run_is_its_own(
    device: VirtualDevice, tmp_path: Path
) -> None:
    repository = Repository(tmp_path, device, CALM)
    repository.commit(tanh())
    repository.commit(tanh())
    nowhere = repository.ci(baseline="results:nowhere")
    assert nowhere.returncode == 2
    assert "nowhere does not exist" in nowhere.stderr
    assert not list(tmp_path.rglob("run.json"))  # told before anything was measured
    first = json.loads(repository.ci().stdout)
    same_folder = repository.ci(baseline="results:.android-bench/results")
    outcome = json.loads(same_folder.stdout)
    assert same_folder.returncode == 0, same_folder.stderr
    assert set(outcome["baseline_runs"]) == {*first["runs"], *first["baseline_runs"]}
    assert not set(outcome["runs"]) & set(outcome["baseline_runs"])
    page = (tmp_path / ".android-bench" / "report.html").read_text()
    assert all(name in page for name in (*outcome["runs"], *outcome["baseline_runs"][:1]))
    # What lies about from other days, and a page that cannot be written, cost no verdict.
    other = tmp_path / ".android-bench" / "results" / "other"
    other.mkdir()
    (other / "run.json").write_text("damaged")
    nowhere = repository.ci("--report", str(tmp_path / "net.tflite" / "report.html"))
    assert nowhere.returncode == 1, nowhere.stderr
    assert json.loads(nowhere.stdout)["verdict"] == "passed"
    assert "The page cannot be written" in nowhere.stderr


def test_the_last_runs_of_the_main_branch_are_a_baseline(
    device: VirtualDevice, tmp_path: Path
) -> None:
    repository = Repository(tmp_path, device, f"{CALM}\naccuracy = 0.5")
    repository.commit(tanh())
    repository.commit(tanh())
    for _ in range(2):
        done = repository.ci("--record", GITHUB_REF_NAME="main", GITHUB_SHA="a" * 40)
        assert done.returncode == 0, done.stderr
    worse = repository.commit(tanh(), accuracy=0.5)
    assert worse is None
    done = repository.ci(baseline="history:main")
    assert done.returncode == 3, (done.stdout, done.stderr)
    assert failed(done) == {"accuracy"}
    unknown = repository.ci(baseline="history:elsewhere")
    assert unknown.returncode == 4
    assert "no complete run" in unknown.stdout + unknown.stderr
