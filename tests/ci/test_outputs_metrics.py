"""OpenMetrics: by the rules of the format, and as GitLab reads it."""

from __future__ import annotations

import re
import shlex

from hypothesis import given, settings

from android_bench.ci.outcome import CiOutcome
from android_bench.ci.outputs import metrics
from android_bench.results import DeviceKind
from tests.ci.outcomes import hostile, outcome, regressed
from tests.exports.made import NAMES

_LABELS = r'\{[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"(?:,[a-z_]+="(?:[^"\\\n]|\\[\\"n])*")*\}'
_SAMPLE = re.compile(rf"([a-z_]+)({_LABELS}) (-?\d+(?:\.\d+)?)")


def samples(found: CiOutcome) -> dict[str, float]:
    """The samples by name and labels, after a look at everything the format asks for."""
    text = metrics(found)
    assert text.endswith("# EOF\n")
    read: dict[str, float] = {}
    family = ""
    families: list[str] = []
    for line in text.split("\n")[:-2]:
        if line.startswith("# TYPE "):
            family = line.split(" ")[2]
            families.append(family)
        elif line.startswith("# UNIT "):
            assert line.split(" ")[2] == family
            assert family.endswith(f"_{line.split(' ')[3]}")
        elif not line.startswith("# HELP "):
            matched = _SAMPLE.fullmatch(line)
            assert matched is not None, line
            assert matched[1] == family
            assert matched[1] + matched[2] not in read
            read[matched[1] + matched[2]] = float(matched[3])
    assert len(families) == len(set(families))
    return read


def as_gitlab_reads(text: str) -> dict[str, str]:
    """``Gitlab::Ci::Parsers::Metrics::Generic``: cut at a number sign, split as a shell does."""
    found = {}
    for line in text.splitlines():
        words = shlex.split(re.sub("#.*$", "", line))
        if len(words) > 1:
            found[words[0]] = words[1]
    return found


def test_what_was_measured_of_the_candidate() -> None:
    found = samples(regressed())
    labels = '{variant="digits.int8",device="Acme One",device_kind="phone",config="cpu, 1 thread"}'
    assert found[f"android_bench_latency_us{labels}"] == 3505
    assert found[f"android_bench_file_size_bytes{labels}"] == 254_904
    # Accuracy is not known of it.
    assert not any("accuracy" in name for name in found)
    assert found['android_bench_gates{state="failed"}'] == 2
    ratio = next(value for name, value in found.items() if 'metric="latency"' in name)
    assert ratio == 1.198


def test_the_kind_of_device_is_a_label() -> None:
    for kind in (DeviceKind.HOST, DeviceKind.EMULATOR):
        names = [name for name in samples(regressed(kind)) if "latency_us" in name]
        assert all(f'device_kind="{kind.value}"' in name for name in names)
        assert names


def test_an_outcome_without_runs_has_gates_only() -> None:
    assert {name.partition("{")[0] for name in samples(outcome())} == {"android_bench_gates"}


def test_gitlab_finds_every_sample() -> None:
    found = as_gitlab_reads(metrics(regressed()))
    assert len(found) == len(samples(regressed()))
    assert all(re.fullmatch(r"-?\d+(\.\d+)?", value) for value in found.values())


@settings(deadline=None, max_examples=60)
@given(NAMES)
def test_hostile_names_stay_labels(name: str) -> None:
    found = samples(hostile(name))
    assert len(as_gitlab_reads(metrics(hostile(name)))) == len(found)
