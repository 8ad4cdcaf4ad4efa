from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from android_bench import schema
from android_bench.errors import ResultError
from android_bench.results import SCHEMA_VERSION
from android_bench.store import RunWriter, load_runs, new_run_id
from tests import examples

FIXTURES = Path(__file__).parent / "fixtures" / "schema"


def test_a_run_comes_back_as_it_was() -> None:
    run = examples.run()
    assert schema.loads(schema.dumps(run), where="memory") == run


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION + 1))
def test_every_version_ever_written_is_read(version: int) -> None:
    file = FIXTURES / f"run.v{version}.json"
    run = schema.loads(file.read_bytes(), where=file.name)
    assert run.schema_version == SCHEMA_VERSION
    assert len(run.timing) == 6


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not JSON"),
        ('{"format": "android-bench/run", "schema', "is not JSON"),
        ("[]", "is not a run of android-bench"),
        ('{"format": "asv"}', "is not a run of android-bench"),
        ('{"format": "android-bench/run", "schema_version": "1"}', "not a version number"),
        ('{"format": "android-bench/run", "schema_version": 999}', "reads up to"),
        ('{"format": "android-bench/run", "schema_version": 1}', "is damaged: run_id"),
    ],
)
def test_what_is_no_run_is_refused_in_a_sentence(
    tmp_path: Path, content: str, message: str
) -> None:
    file = tmp_path / "run.json"
    file.write_text(content)
    with pytest.raises(ResultError, match=message) as caught:
        load_runs([tmp_path])
    assert str(file) in str(caught.value)


def test_a_damaged_value_is_named_by_its_key() -> None:
    data = schema.run_to_json(examples.run())
    data["invocations"][0]["latency"]["mean_us"] = "fast"
    with pytest.raises(ResultError, match=r"invocations\.0\.latency\.mean_us"):
        schema.run_from_json(data, where="run.json")


def test_missing_and_empty_folders_say_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="does not exist"):
        load_runs([tmp_path / "nowhere"])
    with pytest.raises(ResultError, match="holds no run") as caught:
        load_runs([tmp_path])
    assert "android-bench run" in str(caught.value.hint)


def test_finished_run_is_one_file_and_logs(tmp_path: Path) -> None:
    run = replace(examples.run(), invocations=(), complete=False, finished_at=None)
    writer = RunWriter.create(tmp_path, run)
    writer.log("0001.timing", stdout="INFO: STARTING!\r\n", stderr="")
    writer.add(examples.timing(1, 2900))
    finished = writer.finish(complete=True)
    assert sorted(path.name for path in writer.folder.iterdir()) == ["logs", "run.json"]
    assert load_runs([tmp_path]) == (finished,)
    assert (writer.folder / "logs/0001.timing.stdout").read_bytes() == b"INFO: STARTING!\r\n"


def test_killed_process_loses_only_the_record_it_was_writing(tmp_path: Path) -> None:
    run = replace(examples.run(), invocations=(), complete=False, finished_at=None)
    writer = RunWriter.create(tmp_path, run)
    writer.add(examples.timing(1, 2900))
    writer.add(examples.timing(2, 2910))
    with (writer.folder / "invocations.jsonl").open("a") as stream:
        stream.write('{"index": 3, "round"')  # the power went here
    (found,) = load_runs([tmp_path])
    assert [item.index for item in found.invocations] == [1, 2]
    assert not found.complete


def test_a_damaged_record_is_named_by_its_line(tmp_path: Path) -> None:
    run = replace(examples.run(), invocations=(), complete=False, finished_at=None)
    writer = RunWriter.create(tmp_path, run)
    writer.add(examples.timing(1, 2900))
    with (writer.folder / "invocations.jsonl").open("a") as stream:
        stream.write('{"index": "x"}\n')
    with pytest.raises(ResultError, match=r"invocations\.jsonl, line 2"):
        load_runs([tmp_path])


def test_runs_are_read_once_and_oldest_first(tmp_path: Path) -> None:
    for day in (2, 1):
        run = examples.run(run_id=f"run-{day}", started_at=f"2026-11-0{day}T00:00:00.000Z")
        (tmp_path / str(day)).mkdir()
        (tmp_path / str(day) / "run.json").write_text(schema.dumps(run))
    found = load_runs([tmp_path, tmp_path / "1" / "run.json"])
    assert [run.run_id for run in found] == ["run-1", "run-2"]


def test_run_identifiers_are_safe_names_and_differ() -> None:
    first, second = new_run_id("../a b;$(x)", "Pixel 9"), new_run_id("../a b;$(x)", "Pixel 9")
    assert first != second
    assert "/" not in first
    assert first.split("-", 1)[1].startswith("a-b-x-Pixel-9")


def test_json_is_plain(tmp_path: Path) -> None:
    data = json.loads(schema.dumps(examples.run()))
    assert data["device"]["kind"] == "phone"
    assert data["artifact"]["path"] == "digits.int8.tflite"


def test_words_of_a_device_with_odd_ends_of_lines_are_streamed_and_read(tmp_path: Path) -> None:
    run = examples.run()
    odd = replace(run.invocations[0], problem="one\u2028two\x85three\x0cfour\r\nfive")
    writer = RunWriter.create(tmp_path, replace(run, invocations=(), finished_at=None))
    writer.add(odd)
    writer.add(run.invocations[1])
    (found,) = load_runs([tmp_path])
    assert found.invocations == (odd, run.invocations[1])
    with (writer.folder / "invocations.jsonl").open("ab") as stream:
        stream.write('{"problem": "é'.encode()[:-1])  # the power went in the middle of a letter
    (found,) = load_runs([tmp_path])
    assert found.invocations == (odd, run.invocations[1])
