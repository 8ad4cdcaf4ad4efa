"""Artifacts and model files on the terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.markup import escape

from android_bench import formatting
from android_bench.terminal import console
from optimizer.artifact import Artifact, TensorSpec
from optimizer.tflite_file import TFLiteFile


def to_json(value: Artifact | TFLiteFile) -> dict[str, Any]:
    """An artifact or what a file holds, as a JSON-able dictionary."""
    from pydantic import TypeAdapter

    plain: dict[str, Any] = TypeAdapter(type(value)).dump_python(value, mode="json")
    if isinstance(value, TFLiteFile):
        plain["needs_flex"] = value.needs_flex
    return plain


def print_artifacts(artifacts: Sequence[Artifact]) -> None:
    """Print a line for each artifact, size and closeness to its source; then their paths, unbroken."""
    rows = []
    for artifact in artifacts:
        fidelity = artifact.fidelity
        rows.append(
            (
                escape(artifact.name),
                formatting.file_size(artifact.size_bytes),
                formatting.file_size(artifact.gzip_bytes),
                formatting.percent(fidelity.accuracy if fidelity else None),
                formatting.percent(fidelity.top1_agreement if fidelity else None),
                formatting.number(fidelity.max_abs_error if fidelity else None, digits=2),
            )
        )
    console.table(None, ("artifact", "file", "gzip", "accuracy", "same class", "error"), rows)
    for artifact in artifacts:
        console.out.print(str(artifact.path), markup=False, soft_wrap=True)
    for told, names in shared_metadata(artifacts).items():
        console.say(f"{', '.join(names)}: {told}")
    for warning, names in shared_warnings(artifacts).items():
        about = ", ".join(names)
        if warning.startswith("Collapsed"):
            console.err.print(
                f"[bold red]COLLAPSED[/] {escape(about)}: {escape(warning)}", soft_wrap=True
            )
        else:
            console.say(f"{about}: {warning}")


def shared_metadata(artifacts: Sequence[Artifact]) -> dict[str, list[str]]:
    """What is to be known of artifacts' metadata, each sentence once, with the names that it is about."""
    found: dict[str, list[str]] = {}
    for artifact in artifacts:
        metadata = artifact.metadata
        if metadata is None:
            continue
        for note in metadata.notes:
            found.setdefault(f"metadata, worked out: {note}", []).append(artifact.name)
        if metadata.failure is not None:
            found.setdefault(f"metadata NOT proven: {metadata.failure}", []).append(artifact.name)
    return found


def shared_warnings(artifacts: Sequence[Artifact]) -> dict[str, list[str]]:
    """The warnings of artifacts, each once, with the names of those that it is about."""
    found: dict[str, list[str]] = {}
    for artifact in artifacts:
        for warning in artifact.warnings:
            found.setdefault(warning, []).append(artifact.name)
    return found


def print_common_warnings(artifacts: Sequence[Artifact]) -> None:
    """Print what is to be known of all the artifacts: what is wrong with the data they were compared on.

    What is to be known of their metadata is printed of each.
    """
    for told, names in shared_metadata(artifacts).items():
        console.say(f"{', '.join(names)}: {told}")
    for warning, names in shared_warnings(artifacts).items():
        if len(names) == len(artifacts):
            console.say(f"All variants: {warning}")


def print_inspection(found: TFLiteFile, artifact: Artifact | None) -> None:
    """Print what a file holds, and what its manifest says of where it came from."""
    sizes = (
        f"{formatting.file_size(found.size_bytes)} (gzip {formatting.file_size(found.gzip_bytes)})"
    )
    rows = [
        ("file", f"{found.path}, {sizes}"),
        ("SHA-256", found.sha256),
        *(("input", _tensor(item)) for item in found.inputs),
        *(("output", _tensor(item)) for item in found.outputs),
        ("operators", ", ".join(f"{name} ×{count}" for name, count in found.operators.items())),
        (
            "weights",
            ", ".join(
                f"{dtype} {formatting.file_size(count)}"
                for dtype, count in found.weights_bytes.items()
            )
            + f"; {formatting.percent(found.sparsity)} of kernel values are zero",
        ),
        ("signatures", ", ".join(found.signatures) or "none"),
        *(("fused", f"{kind} of {', '.join(layers)}") for kind, layers in found.fused),
        ("metadata", _metadata(found, artifact)),
    ]
    if found.custom_operators:
        needs = " (needs a benchmark_model with Flex)" if found.needs_flex else ""
        rows.append(("custom", ", ".join(found.custom_operators) + needs))
    if artifact is not None:
        rows += _provenance(artifact)
    elif found.provenance is not None:
        rows += _told_by_file(found.provenance)
    console.listing(("", escape(found.path.name)), [(name, escape(value)) for name, value in rows])


def _tensor(spec: TensorSpec) -> str:
    shape = "×".join("?" if size < 0 else str(size) for size in spec.shape)
    quantized = f", scale {spec.scale:.6g}, zero point {spec.zero_point}" if spec.scale else ""
    return f"{spec.name}: {spec.dtype} {shape}{quantized}"


def _metadata(found: TFLiteFile, artifact: Artifact | None) -> str:
    if not found.has_metadata:
        return "none: android-bench metadata write adds it"
    told = artifact and artifact.metadata
    packed = f", packed: {', '.join(found.packed_files)}" if found.packed_files else ""
    if not told:
        return f"present{packed}"
    return f"{told.task}, {'proven' if told.verified else 'not proven'}{packed}"


def _told_by_file(told: dict[str, Any]) -> list[tuple[str, str]]:
    """What a file without a manifest says of itself."""
    rows = [("origin", "as the file itself says, without a manifest beside it")]
    rows += [(key, str(told[key])) for key in ("recipe", "source") if key in told]
    fidelity = told.get("fidelity")
    if isinstance(fidelity, dict) and isinstance(fidelity.get("accuracy"), float):
        rows.append(("accuracy", formatting.percent(fidelity["accuracy"])))
    tools = told.get("toolchain")
    if isinstance(tools, dict):
        rows.append(("tools", ", ".join(f"{name} {version}" for name, version in tools.items())))
    return rows


def _provenance(artifact: Artifact) -> list[tuple[str, str]]:
    rows = [("recipe", artifact.recipe_name or formatting.UNKNOWN)]
    if artifact.source:
        rows.append(("source", f"{artifact.source}, SHA-256 {(artifact.source_sha256 or '')[:12]}"))
    if artifact.calibration:
        rows.append(("calibration", artifact.calibration))
    if artifact.training:
        rows.append(("training", artifact.training))
    for stage in artifact.stages:
        reached = "" if stage.score is None else f", score {stage.score:.4g}"
        rows.append(("stage", f"{stage.technique}: {stage.epochs} epochs{reached}"))
    if artifact.float_layers:
        rows.append(("in float", ", ".join(artifact.float_layers)))
    fidelity = artifact.fidelity
    if fidelity is not None:
        text = f"largest error {fidelity.max_abs_error:.2g}, cosine {fidelity.cosine:.6f}"
        if fidelity.top1_agreement is not None:
            text += f", same class {formatting.percent(fidelity.top1_agreement)}"
        if fidelity.accuracy is not None:
            text += f", accuracy {formatting.percent(fidelity.accuracy)}"
            text += f" (source {formatting.percent(fidelity.source_accuracy)})"
        rows.append(("fidelity", f"{text} on {fidelity.samples} samples"))
    return rows
