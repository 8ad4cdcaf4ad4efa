"""What comes out of a tagged file, and what must never."""

import contextlib
import json
import os
import stat
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from android_bench.cli.app import command_line
from optimizer.errors import MetadataError, ModelError, OptimizerError
from optimizer.metadata import Existing, MetadataWorker, read_document, write
from optimizer.metadata.container import take_apart
from optimizer.metadata.extraction import extract
from optimizer.metadata.packed_names import collision, why_unsafe
from optimizer.metadata.tagging import tagged_bytes
from optimizer.metadata.toml_file import DocumentFile, read_wish
from tests.metadata.archives import with_claim, with_empty_entries, with_entry
from tests.metadata.examples import EXAMPLES

Model = Callable[..., Path]
UNSAFE = (
    "../evil", "..", ".", "/etc/evil", "//host/evil", "C:\\evil", "C:evil", "C:/evil", "\\evil", "a\\b", "a/../../evil",
    "a//b", "a/./b", "", " ", "a/", "nul", "NUL.txt", "com1.tar.gz", "a/CON", "x\0.txt", "a\nb", "evil\u202etxt", ".hidden",
    "trailing.", "trailing ", "a:stream", "who?", "x" * 300, "/".join("abcdefghijk"),
)  # fmt: skip


def tagged(path: Path, worker: MetadataWorker, which: str = "float32") -> bytes:
    return tagged_bytes(path, EXAMPLES[which], existing=Existing.REPLACE, worker=worker)[1]


@pytest.mark.parametrize("which", ["float32", "detector", "bert_answers", "text", "audio"])
def test_what_is_extracted_writes_the_same_again(
    which: str, model: Model, worker: MetadataWorker, tmp_path: Path
) -> None:
    path = model(which)
    path.write_bytes(tagged(path, worker, which))
    folder = tmp_path / "a" / "b"
    done = extract(path, folder, worker=worker)
    files = take_apart(path.read_bytes(), origin="m").files
    assert {item.name for item in folder.iterdir()} == set(done.sizes) == {"metadata.toml", *files}
    assert all((folder / name).read_bytes() == data for name, data in files.items())
    assert done.missing == ()
    wish = read_wish(folder / "metadata.toml")
    assert isinstance(wish, DocumentFile)
    bare = model(which, "bare.tflite")
    write(bare, wish.document({}), worker=worker)
    assert bare.read_bytes() == path.read_bytes()
    if os.name == "posix":
        mask = os.umask(0)
        os.umask(mask)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o777 & ~mask
    assert sorted(item.name for item in tmp_path.iterdir()) == sorted(
        ["a", "bare.tflite", path.name]
    )


@pytest.mark.parametrize("name", [name for name in UNSAFE if name not in {"", "a/", "x\0.txt"}])
def test_names_that_lead_elsewhere_are_refused_with_all_others(
    name: str, model: Model, worker: MetadataWorker, tmp_path: Path
) -> None:
    path = model()
    path.write_bytes(with_entry(tagged(path, worker), name))
    before = sorted(tmp_path.parent.rglob("*"))
    with pytest.raises(MetadataError, match="has a packed file|packed in") as caught:
        extract(path, tmp_path / "out", worker=worker)
    assert repr(name)[:60] in str(caught.value)
    assert sorted(tmp_path.parent.rglob("*")) == before


def test_a_name_with_a_zero_byte_or_none_is_refused(
    model: Model, worker: MetadataWorker, tmp_path: Path
) -> None:
    for old, new in ((b"labels.txt", b"label\0.txt"), (b"labels.txt", b"\0abels.txt")):
        path = model()
        content = tagged(path, worker)
        head, zipped = content[: content.index(b"PK\3\4")], content[content.index(b"PK\3\4") :]
        path.write_bytes(head + zipped.replace(old, new))
        with pytest.raises(MetadataError, match="NUL|not safe"):
            extract(path, tmp_path / "out", worker=worker)
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["LABELS.txt"], "one file on some systems"),
        (["labels.txt"], "packed twice"),
        (["Größe.txt", "GRÖSSE.txt"], "one file on some systems"),
        (["caf\u00e9", "cafe\u0301"], "one file on some systems"),
        (["labels.txt/x"], "one file on some systems"),
        (["a", "A/b"], "one file on some systems"),
        (["metadata.toml"], "the name that the description gets"),
        (["Metadata.TOML"], "the name that the description gets"),
    ],
)
def test_files_that_would_be_one_are_refused(
    names: list[str], says: str, model: Model, worker: MetadataWorker, tmp_path: Path
) -> None:
    path = model()
    content = tagged(path, worker)
    for name in names:
        content = with_entry(content, name)
    path.write_bytes(content)
    with pytest.raises(MetadataError, match=says):
        extract(path, tmp_path / "out", worker=worker)
    assert not (tmp_path / "out").exists()


@settings(max_examples=300)
@given(st.text(max_size=40))
@example("a/b.txt")
def test_a_name_that_is_safe_leads_below_the_folder(name: str) -> None:
    if why_unsafe(name) is None:
        folder = Path("/some/folder")
        inside = os.path.normpath(folder / name)
        assert inside.startswith("/some/folder/")
        assert inside == f"/some/folder/{name}"


@pytest.mark.parametrize("name", UNSAFE)
def test_unsafe_names_are_known(name: str) -> None:
    assert why_unsafe(name) is not None


def test_usual_names_are_safe() -> None:
    names = [
        "labels.txt",
        "labels_de.txt",
        "人.txt",
        "a/b/c.txt",
        "android-bench.json",
        "vocab 2.txt",
    ]
    assert [why_unsafe(name) for name in names] == [None] * 6
    assert collision(names) is None


def test_links_in_the_folder_are_not_followed(
    model: Model, worker: MetadataWorker, tmp_path: Path
) -> None:
    path = model()
    path.write_bytes(with_entry(tagged(path, worker), "sub/x.txt"))
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "labels.txt").write_text("mine")
    for link, target in (
        ("labels.txt", outside / "labels.txt"),
        ("sub", outside),
        ("metadata.toml", outside / "new"),
    ):
        folder = tmp_path / f"out_{link}"
        folder.mkdir()
        (folder / link).symlink_to(target)
        for overwrite in (False, True):
            with pytest.raises(MetadataError, match="is a link, which could lead anywhere"):
                extract(path, folder, overwrite=overwrite, worker=worker)
        assert [item.name for item in folder.iterdir()] == [link]
    assert [item.name for item in outside.iterdir()] == ["labels.txt"]
    assert (outside / "labels.txt").read_text() == "mine"
    (tmp_path / "linked").symlink_to(outside)  # the folder itself is the user's own choice
    extract(path, tmp_path / "linked", overwrite=True, worker=worker)
    assert (outside / "sub" / "x.txt").read_bytes() == b"evil"


def test_files_that_are_there_are_replaced_only_on_request(
    model: Model, worker: MetadataWorker, tmp_path: Path
) -> None:
    path = model()
    path.write_bytes(tagged(path, worker))
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "labels.txt").write_text("mine")
    (folder / "other.txt").write_text("mine")
    with pytest.raises(MetadataError, match=r"labels.txt is there already") as caught:
        extract(path, folder, worker=worker)
    assert "--overwrite" in str(caught.value.hint)
    assert sorted(item.name for item in folder.iterdir()) == ["labels.txt", "other.txt"]
    extract(path, folder, overwrite=True, worker=worker)
    assert (folder / "labels.txt").read_text() == "cat\ndog\nbird\nfish\n"
    assert (folder / "other.txt").read_text() == "mine"
    (folder / "labels.txt").unlink()
    (folder / "labels.txt").mkdir()
    with pytest.raises(MetadataError, match=r"labels.txt is a folder"):
        extract(path, folder, overwrite=True, worker=worker)
    with pytest.raises(MetadataError, match="cannot be written"):
        extract(path, path / "below", worker=worker)
    with pytest.raises(MetadataError, match="cannot be written"):
        extract(path, path, worker=worker)


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from optimizer.errors import MetadataError
from optimizer.metadata.extraction import extract
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
try:
    extract(Path(sys.argv[1]), Path(sys.argv[2]))
except MetadataError as error:
    print(error)
"""


@pytest.mark.parametrize("there", [True, False])
def test_a_full_disk_leaves_nothing(
    there: bool, model: Model, worker: MetadataWorker, tmp_path: Path
) -> None:
    path = model()
    path.write_bytes(with_entry(tagged(path, worker), "sub/large.bin", bytes(10_000)))
    folder = tmp_path / "out"
    if there:
        folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path), str(folder)],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
    )
    assert f"{folder} cannot be written: File too large." in done.stdout, done.stderr
    assert folder.exists() is there
    assert sorted(tmp_path.rglob("*")) == sorted([path, *[folder] * there])


def test_a_bomb_that_lies_about_its_size_is_not_unpacked(
    model: Model, worker: MetadataWorker, tmp_path: Path
) -> None:
    path = model()
    bomb = with_entry(tagged(path, worker), "z", bytes(200 << 20), method=zipfile.ZIP_DEFLATED)
    path.write_bytes(with_claim(bomb, 100))
    tracemalloc.start()
    with pytest.raises(MetadataError):
        extract(path, tmp_path / "out", worker=worker)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30 << 20
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_without_a_bound_are_refused(
    method: int, model: Model, worker: MetadataWorker, tmp_path: Path
) -> None:
    path = model()
    path.write_bytes(with_entry(tagged(path, worker), "z", bytes(1000), method=method))
    with pytest.raises(MetadataError, match="compressed in a way that no app can read"):
        extract(path, tmp_path / "out", worker=worker)


def test_a_hundred_thousand_files_are_refused(
    model: Model, worker: MetadataWorker, tmp_path: Path
) -> None:
    path = model()
    path.write_bytes(with_empty_entries(path.read_bytes(), 100_000))
    with pytest.raises(MetadataError, match="100,000 files are packed"):
        extract(path, tmp_path / "out", worker=worker)
    assert not (tmp_path / "out").exists()


def test_bad_input_is_named(model: Model, worker: MetadataWorker, tmp_path: Path) -> None:
    path = model()
    with pytest.raises(MetadataError, match="has no metadata"):
        extract(path, tmp_path / "out", worker=worker)
    content = tagged(path, worker)
    for bad in (b"", b"TFL3", content[:5] + b"X" + content[6:], content[:30]):
        path.write_bytes(bad)
        with pytest.raises(ModelError):
            extract(path, tmp_path / "out", worker=worker)
    for missing in (tmp_path, tmp_path / "none.tflite"):
        with pytest.raises(ModelError, match="cannot be read"):
            extract(missing, tmp_path / "out", worker=worker)
    assert not (tmp_path / "out").exists()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damage_is_an_expected_error_and_writes_nothing(
    data: st.DataObject, made_models: Path, worker: MetadataWorker, tmp_path: Path
) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes((made_models / "float32.tflite").read_bytes())
    content = bytearray(tagged(path, worker))
    for _ in range(data.draw(st.integers(0, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    folder = tmp_path / "out"
    with contextlib.suppress(OptimizerError):
        extract(path, folder, overwrite=True, worker=worker)
    assert {item.name for item in tmp_path.iterdir()} <= {"m.tflite", "out"}


def test_packed_files_without_metadata_and_names_without_files(
    model: Model, worker: MetadataWorker, tmp_path: Path
) -> None:
    path = model()
    path.write_bytes(with_entry(path.read_bytes(), "notes.txt", b"hi"))
    done = extract(path, tmp_path / "loose", worker=worker)
    assert list(done.sizes) == ["metadata.toml", "notes.txt"]
    content = tagged(path, worker)
    path.write_bytes(content[: content.index(b"PK\3\4")])
    assert read_document(path, worker=worker) is not None
    assert extract(path, tmp_path / "cut", worker=worker).missing == ("labels.txt",)


def test_the_command(model: Model, worker: MetadataWorker, tmp_path: Path) -> None:
    path = model()
    path.write_bytes(tagged(path, worker))
    run = CliRunner()
    args = ["metadata", "extract", str(path), "-o", str(tmp_path / "out")]
    done = run.invoke(command_line(), args)
    assert done.exit_code == 0, done.output
    assert [line.rpartition("/")[2].partition(":")[0] for line in done.stdout.splitlines()] == [
        "metadata.toml", "labels.txt",
    ]  # fmt: skip
    again = run.invoke(command_line(), args)
    assert again.exit_code == 1
    assert "is there already" in again.stderr
    told = json.loads(run.invoke(command_line(), [*args, "--overwrite", "--json"]).stdout)
    assert [entry["name"] for entry in told["files"]] == ["metadata.toml", "labels.txt"]
