"""Models without the metadata that they had."""

import contextlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from android_bench.cli.app import command_line
from optimizer.artifact import manifest_path, read_manifest, write_manifest
from optimizer.errors import MetadataError, ModelError, OptimizerError
from optimizer.metadata import MetadataWorker, tag, write
from optimizer.metadata.container import put_together, take_apart
from optimizer.metadata.stripping import strip
from optimizer.tflite_file import artifact_of, inspect
from tests.metadata import models as changes
from tests.metadata.archives import with_entry
from tests.metadata.examples import EXAMPLES

Model = Callable[..., Path]
TEXT = b"A SECRET of the old metadata"


def foreign(content: bytes, metadata: bytes = TEXT, *, shared: bool = False) -> bytes:
    """Metadata as other tools put them: a buffer and an entry of the model's own flatbuffer, packed anew.

    ``shared``: the entry names the buffer of a tensor.
    """
    model = changes.unpacked(content)
    number = len(model.buffers)
    if shared:
        number = max(tensor.buffer for tensor in model.subgraphs[0].tensors)
    else:
        buffer = changes.schema.BufferT()
        buffer.data = np.frombuffer(metadata, np.uint8)
        model.buffers.append(buffer)
    entry = changes.schema.MetadataT()
    entry.name, entry.buffer = "TFLITE_METADATA", number
    model.metadata = [entry, *(model.metadata or [])]
    return changes.packed(model)


def outputs(path: Path) -> list[np.ndarray]:
    interpreter = Interpreter(model_content=path.read_bytes(), num_threads=1)
    interpreter.allocate_tensors()
    random = np.random.default_rng(0)
    for entry in interpreter.get_input_details():
        values = random.uniform(0, 5, entry["shape"]).astype(entry["dtype"])
        interpreter.set_tensor(entry["index"], values)
    interpreter.invoke()
    return [interpreter.get_tensor(entry["index"]) for entry in interpreter.get_output_details()]


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    "which", ["float32", "int8_io", "detector_post_process", "segmenter", "text", "bert", "audio"]
)
def test_a_file_tagged_here_becomes_what_it_was(
    which: str, model: Model, worker: MetadataWorker
) -> None:
    path = model(which)
    before = path.read_bytes()
    write(path, EXAMPLES[which], worker=worker)
    tagged = path.stat().st_size
    done = strip(path)
    assert path.read_bytes() == before
    assert (done.size_bytes, done.size_before_bytes, done.erased) == (len(before), tagged, False)
    with pytest.raises(MetadataError, match="has no metadata"):
        strip(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "which", ["float32", "int8_io", "detector", "segmenter", "text", "bert_answers", "audio"]
)
def test_metadata_inside_the_model_are_erased_where_they_are(which: str, model: Model) -> None:
    path = model(which)
    want = outputs(path)
    packed = foreign(path.read_bytes())
    path.write_bytes(with_entry(packed, "labels.txt", b"cat\n"))
    assert inspect(path).has_metadata
    assert TEXT in path.read_bytes()
    done = strip(path)
    assert done.erased
    assert done.files == ("labels.txt",)
    found = inspect(path)
    assert not found.has_metadata
    assert found.packed_files == ()
    content = path.read_bytes()
    assert len(content) == len(packed)  # nothing moved
    assert TEXT not in content
    assert b"labels.txt" not in content
    assert sum(a != b for a, b in zip(packed, content, strict=True)) < len(TEXT) + 50
    assert same(outputs(path), want)
    # The entries that are not about TFLite's metadata are still there.
    names = [entry.name for entry in changes.unpacked(content).metadata or []]
    assert names == [entry.name for entry in changes.unpacked(packed).metadata[1:]]


def test_a_buffer_that_the_model_uses_is_left_alone(model: Model) -> None:
    path = model()
    want = outputs(path)
    path.write_bytes(foreign(path.read_bytes(), shared=True))
    strip(path)
    assert not inspect(path).has_metadata
    assert same(outputs(path), want)


def test_a_file_that_two_tools_tagged(model: Model, worker: MetadataWorker) -> None:
    path = model()
    want = outputs(path)
    packed = foreign(path.read_bytes())
    path.write_bytes(put_together(packed, b"ours", {"labels.txt": b"cat\n"}, origin="m"))
    assert take_apart(path.read_bytes(), origin="m").metadata == b"ours"
    done = strip(path)
    assert done.erased
    content = path.read_bytes()
    assert len(content) == len(packed)
    assert TEXT not in content
    assert not inspect(path).has_metadata
    assert same(outputs(path), want)


def test_an_archive_of_no_files_goes_too(model: Model) -> None:
    path = model()
    packed = foreign(path.read_bytes())
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    path.write_bytes(packed + empty.getvalue())
    strip(path)
    assert path.stat().st_size == len(packed)


def test_packed_files_alone_are_removed(model: Model) -> None:
    path = model()
    before = path.read_bytes()
    path.write_bytes(with_entry(before, "../evil.txt"))
    assert strip(path).files == ("../evil.txt",)
    assert path.read_bytes() == before


def test_the_manifest_stays_true(model: Model, worker: MetadataWorker, tmp_path: Path) -> None:
    path = model()
    before = artifact_of(path)
    write_manifest(replace(before, recipe_name="float32"))
    tag(path, EXAMPLES["float32"], worker=worker)
    told = read_manifest(path)
    assert told is not None
    assert told.metadata is not None
    done = strip(path, output=tmp_path / "bare.tflite")
    assert read_manifest(path) == told
    bare = read_manifest(tmp_path / "bare.tflite")
    assert bare == done.artifact
    assert bare is not None
    assert (bare.metadata, bare.recipe_name) == (None, "float32")
    strip(path)
    after = read_manifest(path)
    assert after == replace(before, recipe_name="float32")


def test_where_it_is_written(model: Model, worker: MetadataWorker, tmp_path: Path) -> None:
    path = model()
    before = path.read_bytes()
    write(path, EXAMPLES["float32"], worker=worker)
    tagged = path.read_bytes()
    folder = tmp_path / "folder"
    folder.mkdir()
    assert strip(path, output=folder).path == folder / path.name
    assert path.read_bytes() == tagged
    with pytest.raises(MetadataError, match="cannot be written"):
        strip(path, output=path / "below.tflite")
    link = tmp_path / "link.tflite"
    link.symlink_to(path)
    path.chmod(0o640)
    strip(link)
    assert link.is_symlink()
    assert path.read_bytes() == before
    assert path.stat().st_mode & 0o777 == 0o640
    assert not manifest_path(path).exists()


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from optimizer.errors import MetadataError
from optimizer.metadata.stripping import strip
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
try:
    strip(Path(sys.argv[1]))
except MetadataError as error:
    print(error)
"""


def test_a_full_disk_leaves_the_file_as_it_was(model: Model, worker: MetadataWorker) -> None:
    path = model()
    write(path, EXAMPLES["float32"], worker=worker)
    tagged = path.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
    )
    assert f"{path} cannot be written: File too large." in done.stdout, done.stderr
    assert path.read_bytes() == tagged
    assert list(path.parent.iterdir()) == [path]


def test_bad_input_is_named(model: Model, tmp_path: Path) -> None:
    for bad in (tmp_path, tmp_path / "none.tflite", Path("/dev/null")):
        with pytest.raises(ModelError, match=str(bad)):
            strip(bad)
    path = model()
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(ModelError, match="is damaged"):
        strip(path)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damage_is_an_expected_error_or_a_sound_file(
    data: st.DataObject, made_models: Path, tmp_path: Path
) -> None:
    content = bytearray(
        with_entry(foreign((made_models / "float32.tflite").read_bytes()), "labels.txt")
    )
    for _ in range(data.draw(st.integers(0, 6))):
        content[data.draw(st.integers(8, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "m.tflite"
    before = bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    path.write_bytes(before)
    try:
        strip(path)
    except OptimizerError:
        assert path.read_bytes() == before
    else:
        assert take_apart(path.read_bytes(), origin="m").metadata is None
    with contextlib.suppress(FileNotFoundError):
        (tmp_path / "m.artifact.json").unlink()


def test_the_command(model: Model, worker: MetadataWorker) -> None:
    path = model()
    write(path, EXAMPLES["float32"], worker=worker)
    run = CliRunner()
    done = run.invoke(command_line(), ["metadata", "strip", str(path), "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["removed_files"] == ["labels.txt"]
    assert told["erased_inside"] is False
    again = run.invoke(command_line(), ["metadata", "strip", str(path)])
    assert again.exit_code == 1
    assert "has no metadata" in again.stderr
