"""Files that are damaged or made to do harm, and disks that are full."""

import contextlib
import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimizer.errors import MetadataError, ModelError, OptimizerError
from optimizer.metadata import Existing, MetadataWorker, read_document, show, write
from optimizer.metadata.guess import task_of_model
from optimizer.metadata.model_view import view
from optimizer.metadata.normalization import infer_normalization
from optimizer.metadata.tagging import tagged_bytes
from tests.metadata.examples import EXAMPLES

Model = Callable[..., Path]
FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from optimizer.errors import MetadataError
from optimizer.metadata import write
from tests.metadata.examples import EXAMPLES
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
try:
    write(Path(sys.argv[1]), EXAMPLES["float32"])
except MetadataError as error:
    print(error)
"""


def test_a_full_disk_leaves_the_file_as_it_was(model: Model) -> None:
    path = model("float32")
    before = path.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
    )
    assert f"{path} cannot be written: File too large." in done.stdout, done.stderr
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_what_is_no_file_is_named(model: Model, worker: MetadataWorker, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.tflite", Path("/dev/null")):
        with pytest.raises(ModelError) as caught:
            write(path, EXAMPLES["float32"], worker=worker)
        assert str(path) in str(caught.value)
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(MetadataError, match="folder is no plain file"):
        write(model(), EXAMPLES["float32"], output=folder, worker=worker)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from(["detector_post_process", "first_normalized_int8", "bert", "text_string"]),
    st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 255)), min_size=1, max_size=8),
    st.floats(0, 1),
)
def test_damage_is_an_expected_error_or_none(
    made_models: Path, which: str, damage: list[tuple[int, int]], kept: float
) -> None:
    content = bytearray((made_models / f"{which}.tflite").read_bytes())
    for at, value in damage:
        content[at % len(content)] = value
    content = content[: max(8, int(kept * 2 * len(content)))]
    content[4:8] = b"TFL3"
    with contextlib.suppress(OptimizerError):
        model = view(bytes(content), origin="m")
        task_of_model(model)
        for entry in model.inputs:
            infer_normalization(model, entry)
        if (
            which != "detector_post_process"
        ):  # it may run the model, which is for the worker to survive
            EXAMPLES.get(which, EXAMPLES["float32"]).document(model)


def tagged(path: Path, worker: MetadataWorker) -> bytes:
    return tagged_bytes(path, EXAMPLES["float32"], existing=Existing.REPLACE, worker=worker)[1]


@pytest.mark.parametrize("cut", [1, 10, 22, 40, 200, 400, 900])
def test_a_tagged_file_that_is_cut_off_is_not_read_as_another(
    cut: int, model: Model, worker: MetadataWorker
) -> None:
    """Labels may be gone; then they are missed, and no others are shown."""
    path = model("float32")
    path.write_bytes(tagged(path, worker)[:-cut])
    with contextlib.suppress(MetadataError, ModelError):
        found = read_document(path, worker=worker)
        assert found is not None
        assert set(found.files.values()) <= {b"cat\ndog\nbird\nfish\n"}
        with pytest.raises(MetadataError):
            found.check(origin="m")


def test_packed_files_that_are_bombs_are_refused_by_all_that_reads(
    model: Model, worker: MetadataWorker
) -> None:
    path = model("float32")
    stream = io.BytesIO(tagged(path, worker))
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.bin", bytes(80 << 20))
    path.write_bytes(stream.getvalue())
    assert path.stat().st_size < 200_000
    for use in (
        lambda: show(path, worker=worker),
        lambda: write(path, EXAMPLES["float32"], existing=Existing.MERGE, worker=worker),
        lambda: write(path, EXAMPLES["float32"], existing=Existing.REPLACE, worker=worker),
    ):
        with pytest.raises(MetadataError, match="looks like a zip bomb|unpack to"):
            use()


@pytest.mark.parametrize("name", ["../../evil.txt", "/etc/evil", "C:\\evil", "a/../../evil", ".."])
def test_names_that_lead_elsewhere_stay_names(
    name: str, model: Model, worker: MetadataWorker
) -> None:
    path = model("float32")
    stream = io.BytesIO(tagged(path, worker))
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr(name, b"evil")
    path.write_bytes(stream.getvalue())
    shown = show(path, worker=worker)
    assert shown is not None
    assert [item["name"] for item in shown["packed_files"]] == ["labels.txt", name]
    write(path, EXAMPLES["float32"], existing=Existing.MERGE, worker=worker)
    assert list(path.parent.iterdir()) == [path]
    assert not list(path.parent.parent.glob("*evil*"))
