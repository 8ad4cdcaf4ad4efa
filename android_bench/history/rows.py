"""A run as rows of the tables."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from android_bench import schema
from android_bench.errors import ResultError
from android_bench.history.measures import measured
from android_bench.results import BenchmarkRun, DeviceKind

Row = dict[str, Any]

# PostgreSQL keeps no NUL in a text, and no database keeps half of a surrogate pair.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_NETWORK_ADDRESS = re.compile(r":\d+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRows:
    """The rows that one run makes."""

    run: Row
    device: Row
    configuration: Row
    binary: Row
    measures: tuple[Row, ...]


def rows_of(run: BenchmarkRun, *, revision: str | None, branch: str | None) -> RunRows:
    """The rows of a run.

    Raises:
        ResultError: it does not say when it was made.
    """
    document = json.dumps(schema.run_to_json(run), separators=(",", ":")).encode()
    device = device_row(run)
    configuration = configuration_row(run)
    run_id = storable(run.run_id)
    return RunRows(
        run={
            "run_id": run_id,
            "session_id": storable(run.session_id),
            "started_at": sortable_time(run.started_at, where=f"run {run.run_id}"),
            "complete": run.complete,
            "invocations": len(run.invocations),
            "artifact_name": storable(run.artifact.name),
            "artifact_sha256": run.artifact.sha256,
            "recipe": storable(run.artifact.recipe_name),
            "device_key": device["key"],
            "configuration_key": configuration["key"],
            "binary_sha256": run.binary.sha256[:64],
            "comparability": comparability(run),
            "revision": storable(revision),
            "branch": storable(branch),
            "tool_version": storable(run.tool_version),
            "document_sha256": hashlib.sha256(document).hexdigest(),
            "document": zlib.compress(document),
        },
        device=device,
        configuration=configuration,
        binary={
            "sha256": run.binary.sha256[:64],
            "flavor": run.binary.flavor.value,
            "version": storable(run.binary.version),
        },
        measures=tuple(
            {
                "run_id": run_id,
                "measure": item.measure,
                "value": item.value,
                "low": item.low,
                "high": item.high,
                "samples": list(item.samples),
            }
            for item in measured(run)
        ),
    )


def run_of(document: bytes, *, where: str) -> BenchmarkRun:
    """The run that a row holds, taken forward from any older version.

    Raises:
        ResultError: it is damaged, or of a newer version.
    """
    try:
        text = zlib.decompress(document)
    except zlib.error as error:
        raise ResultError(f"{where} is damaged ({error}).", hint="Add it again.") from error
    return schema.loads(text, where=where)


def device_row(run: BenchmarkRun) -> Row:
    """The device as it identifies itself."""
    device = run.device
    row: Row = {
        "serial": storable(device.serial),
        "label": storable(device.label),
        "kind": device.kind.value,
        "fingerprint": storable(device.fingerprint),
    }
    return {"key": _digest(row), **row}


def configuration_row(run: BenchmarkRun) -> Row:
    """What of a configuration latencies depend on; how many invocations there were is not of it."""
    document = {
        field: value
        for field, value in run.comparability_key.items()
        if field.startswith("config.")
    }
    return {
        "key": _digest(document),
        "label": storable(run.config.label),
        "document": json.dumps(document, sort_keys=True),
    }


def comparability(run: BenchmarkRun) -> str:
    """A digest that is equal for runs whose latencies are comparable."""
    return _digest(run.comparability_key)


def phone_serial(kind: DeviceKind, serial: str) -> str:
    """The serial number where it names one phone for good, else nothing.

    An address in a network says nothing of who answers there, nor does an emulator's port.
    """
    return "" if kind is not DeviceKind.PHONE or _NETWORK_ADDRESS.search(serial) else serial


def storable(text: Any) -> Any:
    """A text that every database keeps; what none keeps becomes the replacement character."""
    return _UNSTORABLE.sub("\ufffd", text) if isinstance(text, str) else text


def sortable_time(text: str, *, where: str) -> str:
    """An ISO 8601 time in UTC to the millisecond, always of the same length.

    Raises:
        ResultError: it is no such time.
    """
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise ResultError(
            f"{where} was started at {text!r}, which is no time: a history is in the order of time."
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    moment = moment.astimezone(timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _digest(document: dict[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
