"""Where a model comes from goes along inside it, and is read back."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from optimizer.artifact import Artifact, Fidelity, file_sha256, gzip_size, write_manifest
from optimizer.metadata import Document, Existing, MetadataWorker, read_document, write
from optimizer.metadata.provenance import with_provenance
from optimizer.tflite_file import PROVENANCE, inspect, provenance_of
from tests.metadata.examples import EXAMPLES

Model = Callable[..., Path]
KNOWN = {
    "name": "pets",
    "source": "pets.keras",
    "source_sha256": "ab" * 32,
    "recipe_name": "int8",
    "recipe": {"quantization": {"scheme": "int8"}},
    "toolchain": {"tensorflow": "2.19.0"},
    "fidelity": Fidelity(samples=10, max_abs_error=0.1, cosine=0.99, accuracy=0.9),
}


def artifact_of(path: Path, **known: object) -> Artifact:
    return Artifact(
        path=path,
        sha256=file_sha256(path),
        size_bytes=path.stat().st_size,
        gzip_bytes=gzip_size(path),
        **{**KNOWN, **known},  # type: ignore[arg-type]
    )


def test_what_the_manifest_knows_is_read_back_from_the_file(
    model: Model, worker: MetadataWorker
) -> None:
    path = model("float32")
    write_manifest(artifact_of(path))
    write(path, EXAMPLES["float32"], worker=worker)
    told = inspect(path).provenance
    assert told is not None
    assert told["source"] == "pets.keras"
    assert told["source_sha256"] == "ab" * 32
    assert told["recipe"] == "int8"
    assert told["techniques"] == {"quantization": {"scheme": "int8"}}
    assert told["toolchain"] == {"tensorflow": "2.19.0"}
    assert told["fidelity"] == {
        "samples": 10, "max_abs_error": 0.1, "cosine": 0.99, "accuracy": 0.9,
    }  # fmt: skip
    found = read_document(path, worker=worker)
    assert found is not None
    assert found.fields["min_parser_version"] == "1.0.0"
    assert [entry["name"] for entry in found.fields["associated_files"]] == [PROVENANCE]


def test_it_follows_the_manifest_when_written_again(model: Model, worker: MetadataWorker) -> None:
    path = model("float32")
    write_manifest(artifact_of(path))
    write(path, EXAMPLES["float32"], worker=worker)
    for existing in (Existing.MERGE, Existing.REPLACE):
        write_manifest(artifact_of(path, recipe_name="int4"))
        write(path, EXAMPLES["float32"], existing=existing, worker=worker)
        told = provenance_of(path.read_bytes())
        assert told is not None
        assert told["recipe"] == "int4"
        found = read_document(path, worker=worker)
        assert found is not None
        assert len(found.fields["associated_files"]) == 1


def test_the_manifest_gone_what_the_file_says_stays_when_merged(
    model: Model, worker: MetadataWorker
) -> None:
    path = model("float32")
    manifest = write_manifest(artifact_of(path))
    write(path, EXAMPLES["float32"], worker=worker)
    manifest.unlink()
    merged = Document(fields={"name": "Other"})
    write(path, merged, existing=Existing.MERGE, worker=worker)
    told = provenance_of(path.read_bytes())
    assert told is not None
    assert told["recipe"] == "int8"


def test_a_file_of_unknown_origin_says_nothing(model: Model, worker: MetadataWorker) -> None:
    path = model("float32")
    document = Document(fields={"name": "x"})
    assert with_provenance(document, None) is document
    unknown = replace(artifact_of(path), recipe_name=None)
    assert with_provenance(document, unknown) is document
    write(path, EXAMPLES["float32"], worker=worker)
    assert inspect(path).provenance is None


@pytest.mark.parametrize("content", [b"", b"no JSON", b"[1]", b"\xff", b"{" * 5000])
def test_what_cannot_be_read_is_nothing(
    content: bytes, model: Model, worker: MetadataWorker
) -> None:
    path = model("float32")
    fields = {"associated_files": [{"name": PROVENANCE}]}
    write(path, Document(fields=fields, files={PROVENANCE: content}), worker=worker)
    assert inspect(path).provenance is None
