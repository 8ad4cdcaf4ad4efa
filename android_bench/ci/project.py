"""The project file ``android-bench.toml``: models, what is measured, gates, what is compared with what.

The classes are the file's tables: pydantic reads them, and makes the JSON schema for editors of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from android_bench.ci.outcome import GateAction, GateName
from android_bench.measuring.matrix import Wishes
from android_bench.measuring.matrix_file import MatrixKeys
from android_bench.strict_file import Strict

PROJECT_FILE = "android-bench.toml"
# A paired comparison needs six rounds for an interval, and memory is measured once a run by default.
_MEMORY_INVOCATIONS = 6
_PERCENT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*")


def _percent(text: str) -> str:
    if _PERCENT.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a percentage, such as '1%'")
    return text


Percent = Annotated[str, AfterValidator(_percent)]
Points = Annotated[float, Field(ge=0, le=100)]
Error = Annotated[float, Field(ge=0)]


def fraction(text: str) -> float:
    """``1%`` as 0.01."""
    found = _PERCENT.fullmatch(text)
    return float(found[1]) / 100 if found else 0.0


class Gate(Strict):
    """What every gate has: what it does when it is not passed."""

    action: GateAction = Field(
        default=GateAction.FAIL, strict=False, description="fail the build, or warn only"
    )


class GrowthGate(Gate):
    """A gate on how much more of something a candidate may take than its baseline."""

    max: Percent = Field(description="how much more is still accepted: '1%'")


class AccuracyGate(Gate):
    """A gate on accuracy, in percentage points of the baseline's."""

    max_drop: Points = Field(description="how many points less are still accepted")


class NumericsGate(Gate):
    """A gate on the device's outputs against LiteRT's on this computer, whatever the baseline's are."""

    max_error: Error | None = Field(default=None, description="largest absolute error")
    min_top1: Percent | None = Field(default=None, description="least share of equal classes")

    @model_validator(mode="after")
    def _says_something(self) -> NumericsGate:
        if self.max_error is None and self.min_top1 is None:
            raise ValueError("give max_error, min_top1 or both")
        return self


class NodesGate(Gate):
    """A gate on how many nodes the delegate executes."""

    max_fewer: int = Field(default=0, ge=0, description="how many fewer are still accepted")


class Gates(Strict):
    """The gates; one that is not there judges nothing. ``latency = "1%"`` is short for ``{max = "1%"}``."""

    latency: Percent | GrowthGate | None = None
    startup: Percent | GrowthGate | None = None
    memory: Percent | GrowthGate | None = None
    file_size: Percent | GrowthGate | None = None
    accuracy: Points | AccuracyGate | None = None
    numerics: Error | NumericsGate | None = None
    delegated_nodes: bool | NodesGate | None = None

    def wanted(self) -> dict[GateName, Gate]:
        """The gates that are there, in their long form."""
        found: dict[GateName, Gate] = {}
        for name in GateName:
            value = getattr(self, name.value)
            if value is None or value is False:
                continue
            found[name] = value if isinstance(value, Gate) else _long(name, value)
        return found


def _long(name: GateName, value: Any) -> Gate:
    if name is GateName.ACCURACY:
        return AccuracyGate(max_drop=value)
    if name is GateName.NUMERICS:
        return NumericsGate(max_error=value)
    if name is GateName.DELEGATED_NODES:
        return NodesGate()
    return GrowthGate(max=value)


class Model(Strict):
    """One model: a source with recipes, or a ``.tflite`` as it is."""

    source: str = Field(description="a .keras, .h5, SavedModel folder or .tflite, beside this file")
    recipes: list[str] = Field(default=[], description="recipes; none for a .tflite as it is")
    metadata: str | None = Field(default=None, description="a TOML file of metadata")
    training: str | None = None
    calibration: str | None = None
    evaluation: str | None = None
    mean: list[float] | None = Field(default=None, description="pixels become (pixel - mean) / std")
    std: list[float] | None = None
    image_shape: list[int] | None = Field(default=None, description="height, width, channels")
    allow_unsafe: bool = False


class Baseline(Strict):
    """What candidates are compared with: ``KIND:WHAT``."""

    source: str = Field(
        default="git:main",
        alias="from",
        description="git:REVISION, tag:NAME, history:BRANCH or results:FOLDER",
    )
    last: int = Field(default=5, ge=1, description="how many runs of a history's branch")
    noise_floor: str | None = Field(default=None, description="a file of android-bench noise")

    @property
    def kind(self) -> str:
        """The word before the colon."""
        return self.source.partition(":")[0]

    @property
    def what(self) -> str:
        """What comes after it."""
        return self.source.partition(":")[2]

    @model_validator(mode="after")
    def _is_known(self) -> Baseline:
        if self.kind not in {"git", "tag", "history", "results"} or not self.what:
            raise ValueError(
                f"{self.source!r} is none of git:REVISION, tag:NAME, history:BRANCH, results:FOLDER"
            )
        return self


class HistoryKeys(Strict):
    """Whether and where runs are kept."""

    record: bool = Field(default=False, description="add the candidate's runs to the history")
    database: str | None = Field(
        default=None, description="an SQLAlchemy address; ANDROID_BENCH_DB goes before it"
    )


class MeasureKeys(MatrixKeys):
    """The keys of a matrix file, but for models, which have tables of their own."""

    models: None = Field(default=None, exclude=True)


class ProjectKeys(Strict):
    """The whole file."""

    name: str | None = Field(default=None, description="a heading; the folder's name by default")
    output: str = Field(default=".android-bench", description="the folder for everything")
    models: dict[str, Model] = Field(min_length=1)
    measure: MeasureKeys = MeasureKeys()
    gates: Gates = Gates()
    baseline: Baseline = Baseline()
    history: HistoryKeys = HistoryKeys()


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project file that was read: its keys, its place, and what it asks to be measured.

    ``elsewhere`` is a second folder for data that are not beside it: those of a baseline from git that git
    does not know.
    """

    path: Path
    keys: ProjectKeys
    wishes: Wishes
    elsewhere: Path | None = None

    @property
    def folder(self) -> Path:
        """What its paths are relative to."""
        return self.path.parent

    @property
    def name(self) -> str:
        """The heading of its reports."""
        return self.keys.name or self.folder.resolve().name

    @property
    def output(self) -> Path:
        """The folder for everything."""
        return self.folder / self.keys.output


def needed(project: Project, wishes: Wishes) -> Wishes:
    """The wishes with what the gates cannot do without, where the file does not say otherwise."""
    gates = project.keys.gates.wanted()
    both = wishes.over(project.wishes)
    if GateName.MEMORY in gates and both.memory is None:
        both = replace(both, memory=_MEMORY_INVOCATIONS)
    if GateName.NUMERICS in gates and both.numerics is None:
        both = replace(both, numerics="random")
    return both


def json_schema() -> dict[str, Any]:
    """The JSON schema of the file, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": PROJECT_FILE,
        **ProjectKeys.model_json_schema(by_alias=True),
    }
