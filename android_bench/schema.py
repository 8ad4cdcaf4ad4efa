"""Runs as versioned JSON: written by this version, read from this version and every older one.

A migration takes the dictionary of one version to the next; migrations are only ever appended, and one
file of each version is kept in tests/fixtures/schema.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter, ValidationError

from android_bench.errors import ResultError
from android_bench.results import SCHEMA_VERSION, BenchmarkRun, Invocation

FORMAT = "android-bench/run"

_Json = dict[str, Any]

_RUN = TypeAdapter(BenchmarkRun)
_INVOCATION = TypeAdapter(Invocation)


def _count_kinds(run: _Json) -> _Json:
    """From 1 to 2: the configuration tells how many memory invocations there were to be."""
    config = run.get("config")
    if not isinstance(config, dict):
        return run
    planned, timing = run.get("planned"), config.get("invocations")
    memory = planned - timing if isinstance(planned, int) and isinstance(timing, int) else 0
    return {**run, "config": {**config, "memory_invocations": max(memory, 0)}}


# From version to the function that makes the next one of it.
MIGRATIONS: dict[int, Callable[[_Json], _Json]] = {1: _count_kinds}


def run_to_json(run: BenchmarkRun) -> _Json:
    """Return the run as a JSON-able dictionary that says what it is."""
    return {"format": FORMAT, **_RUN.dump_python(run, mode="json")}


def dumps(run: BenchmarkRun) -> str:
    """Return the run as the text of a ``run.json``."""
    return json.dumps(run_to_json(run), indent=2, ensure_ascii=False) + "\n"


def loads(text: str | bytes, *, where: str) -> BenchmarkRun:
    """Read a run from the text of a ``run.json``; ``where`` names the file in errors.

    Raises:
        ResultError: the text is no JSON, not a run, damaged, or of a newer version.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ResultError(
            f"{where} is not JSON ({error}).", hint="The file may be cut short: measure again."
        ) from error
    return run_from_json(data, where=where)


def run_from_json(data: object, *, where: str) -> BenchmarkRun:
    """Read a run from a dictionary, taking older versions forward first."""
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ResultError(
            f"{where} is not a run of android-bench.", hint="Give a results folder or its run.json."
        )
    version = data.get("schema_version")
    if not isinstance(version, int) or version < 1:
        raise ResultError(f"{where}: schema_version is {version!r}, not a version number.")
    if version > SCHEMA_VERSION:
        raise ResultError(
            f"{where} has schema version {version}; this android-bench reads up to {SCHEMA_VERSION}.",
            hint="pip install --upgrade android-bench",
        )
    for step in range(version, SCHEMA_VERSION):
        data = MIGRATIONS[step](data)
    fields = {key: value for key, value in data.items() if key != "format"}
    try:
        return _RUN.validate_python({**fields, "schema_version": SCHEMA_VERSION})
    except ValidationError as error:
        raise ResultError(f"{where} is damaged: {_first_problem(error)}.") from error


def invocation_to_line(invocation: Invocation) -> str:
    """Return one record of the stream that is written while a run goes on."""
    return json.dumps(_INVOCATION.dump_python(invocation, mode="json"), ensure_ascii=False) + "\n"


def invocation_from_line(line: str, *, where: str) -> Invocation:
    """Read one record of the stream.

    Raises:
        ResultError: the line is damaged.
    """
    try:
        return _INVOCATION.validate_json(line)
    except ValidationError as error:
        raise ResultError(f"{where} is damaged: {_first_problem(error)}.") from error


def _first_problem(error: ValidationError) -> str:
    """The first of pydantic's complaints, with the key it is about."""
    problem = error.errors()[0]
    key = ".".join(str(part) for part in problem["loc"]) or "the whole"
    return f"{key}: {problem['msg']}"
