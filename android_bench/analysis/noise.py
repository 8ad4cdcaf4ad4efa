"""The noise floor of a device: how far two measurements of the same thing lie apart.

Measuring the same model again (an A/A run) shows differences that no change explains. Within a session
they are what interleaving leaves; between sessions the phone has been cold, warm, charged and restarted.
A comparison must not call anything a change that is smaller.
"""

from __future__ import annotations

import itertools
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from android_bench.analysis.metrics import Metric
from android_bench.analysis.run_ratio import ratio_of_runs, samples_of
from android_bench.analysis.stats import CONFIDENCE, student_quantile
from android_bench.errors import ResultError
from android_bench.results import BenchmarkRun

FORMAT = "android-bench/noise-floor"
VERSION = 1
# Student's factor is then 2.8, and more runs hardly lower it: below, it is ignorance more than noise.
ENOUGH_DEGREES = 4

RECIPE = (
    "Measure one model several times: android-bench run MODEL.tflite -o again/, five times for a floor "
    "between sessions; copy it under other names into one call for a floor within a session."
)


class Scope(str, Enum):
    """Whether the runs were interleaved in one session or lie in different ones."""

    WITHIN_SESSION = "within-session"
    BETWEEN_SESSIONS = "between-sessions"

    @property
    def words(self) -> str:
        """The scope in a sentence."""
        return "within a session" if self is Scope.WITHIN_SESSION else "between sessions"

    @classmethod
    def of(cls, first: BenchmarkRun, second: BenchmarkRun) -> Scope:
        """The scope of a pair of runs."""
        same = first.session_id == second.session_id
        return cls.WITHIN_SESSION if same else cls.BETWEEN_SESSIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseFloor:
    """What unchanged models differ by on a device, as fractions (0.01 is 1 %).

    With the probability ``confidence`` two further measurements of one thing differ by less than
    ``floor``. ``typical`` is the root mean square of the differences seen and ``largest`` the largest one;
    ``runs``, ``pairs`` and ``degrees`` (of freedom) say from how much this is known.
    """

    device: str
    scope: Scope
    floor: float
    typical: float
    largest: float
    runs: int
    pairs: int
    degrees: int
    confidence: float = CONFIDENCE


def noise_floors(
    runs: Iterable[BenchmarkRun], *, confidence: float = CONFIDENCE
) -> tuple[NoiseFloor, ...]:
    """The noise floors that runs of the same artifact, device and configuration tell.

    The latencies of k measurements of one thing give k - 1 independent differences. Taken as normal, a
    further difference stays below their root mean square times the quantile of Student's t with as many
    degrees of freedom (a prediction interval): with two measurements that factor is 12.7, with five 2.8,
    which is why one pair tells little. All things measured on a device are pooled. Where nothing was
    measured twice there is no floor.
    """
    evidence: dict[tuple[str, Scope], list[_Group]] = defaultdict(list)
    for group in _same(runs).values():
        device = group[0].device.label
        sessions: dict[str, list[BenchmarkRun]] = defaultdict(list)
        for run in group:
            sessions[run.session_id].append(run)
        for one in sessions.values():
            evidence[device, Scope.WITHIN_SESSION].append(
                _Group(runs=one, pairs=list(itertools.combinations(one, 2)), degrees=len(one) - 1)
            )
        apart = [
            pair
            for pair in itertools.combinations(group, 2)
            if pair[0].session_id != pair[1].session_id
        ]
        evidence[device, Scope.BETWEEN_SESSIONS].append(
            _Group(runs=group, pairs=apart, degrees=len(sessions) - 1)
        )
    floors = (
        _floor(device, scope, [group for group in groups if group.pairs], confidence)
        for (device, scope), groups in sorted(evidence.items())
    )
    return tuple(floor for floor in floors if floor is not None)


def floor_for(floors: Iterable[NoiseFloor], *, device: str, scope: Scope) -> NoiseFloor | None:
    """The floor that counts for a comparison on this device."""
    fitting = (floor for floor in floors if (floor.device, floor.scope) == (device, scope))
    return next(fitting, None)


def dumps(floors: Sequence[NoiseFloor]) -> str:
    """Return floors as the text of a file."""
    return json.dumps(floors_to_json(floors), indent=2, ensure_ascii=False) + "\n"


def floors_to_json(floors: Sequence[NoiseFloor]) -> dict[str, Any]:
    """Return floors as a JSON-able dictionary that says what it is."""
    return {"format": FORMAT, "version": VERSION, "floors": [asdict(floor) for floor in floors]}


def load_floors(path: Path) -> tuple[NoiseFloor, ...]:
    """Read a file that ``android-bench noise`` wrote, or find the floors in a folder of results.

    Raises:
        ResultError: the path is missing, neither of both, or holds nothing that was measured twice.
    """
    from android_bench.store import load_runs

    if not path.is_file():
        return required_floors(load_runs([path]), where=str(path))
    try:
        data = json.loads(path.read_bytes())
    except ValueError as error:
        raise ResultError(f"{path} is not JSON ({error}).", hint=RECIPE) from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        return required_floors(load_runs([path]), where=str(path))
    if data.get("version") != VERSION:
        raise ResultError(
            f"{path} has version {data.get('version')!r} of a noise floor; this android-bench reads "
            f"{VERSION}.",
            hint="pip install --upgrade android-bench",
        )
    try:
        return _FLOORS.validate_python(data.get("floors"))
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(str(part) for part in problem["loc"]) or "floors"
        raise ResultError(f"{path} is damaged: {key}: {problem['msg']}.") from error


def required_floors(runs: Iterable[BenchmarkRun], *, where: str) -> tuple[NoiseFloor, ...]:
    """The noise floors of runs.

    Raises:
        ResultError: nothing was measured twice.
    """
    floors = noise_floors(runs)
    if not floors:
        raise ResultError(
            f"{where} holds no two runs of one model on one device with one configuration.",
            hint=RECIPE,
        )
    return floors


_FLOORS = TypeAdapter(tuple[NoiseFloor, ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Runs of one thing, their pairs of the scope, and how many differences are independent."""

    runs: Sequence[BenchmarkRun]
    pairs: Sequence[tuple[BenchmarkRun, BenchmarkRun]]
    degrees: int


def _same(runs: Iterable[BenchmarkRun]) -> dict[str, list[BenchmarkRun]]:
    """Runs by what was measured; those without a latency tell nothing."""
    groups: dict[str, list[BenchmarkRun]] = defaultdict(list)
    for run in runs:
        if samples_of(run, Metric.LATENCY):
            groups[repr((run.artifact.sha256, run.comparability_key))].append(run)
    return groups


def _floor(
    device: str, scope: Scope, groups: Sequence[_Group], confidence: float
) -> NoiseFloor | None:
    squares, degrees, largest = 0.0, 0, 0.0
    for group in groups:
        found = [ratio_of_runs(first, second) for first, second in group.pairs]
        shifts = [math.log(item.ratio.estimate) for item in found if item is not None]
        squares += group.degrees * math.fsum(shift**2 for shift in shifts) / len(shifts)
        degrees += group.degrees
        largest = max(largest, *map(abs, shifts))
    if not degrees:
        return None
    typical = math.sqrt(squares / degrees)
    factor = student_quantile(degrees, (1 + confidence) / 2)
    return NoiseFloor(
        device=device,
        scope=scope,
        floor=math.expm1(factor * typical),
        typical=math.expm1(typical),
        largest=math.expm1(largest),
        runs=sum(len(group.runs) for group in groups),
        pairs=sum(len(group.pairs) for group in groups),
        degrees=degrees,
        confidence=confidence,
    )
