"""Kinds of noise: synthetic ones, and recorded ones resampled in blocks.

Each makes series of standardised noise (mean 0, standard deviation 1) in the order of measurement, as an
array of trials by invocations. A latency is then ``median × exp(cv × noise)``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"
Rng: TypeAlias = np.random.Generator

RECORDINGS = Path(__file__).parents[2] / "fixtures" / "noise"
# Invocations that stay together when a recording is resampled: what lasts longer than a few seconds is kept.
BLOCK = 10
SPIKES = 0.1  # the share of invocations that something hits
CORRELATION = 0.5  # of neighbours, in the autoregressive noise
INNER = 0.25  # the spread within a mode against that of the whole
STAYING = 0.8  # the probability to stay in a mode for one more invocation


@dataclass(frozen=True)
class Kind:
    """A kind of noise. ``promised`` says whether the figures must hold, paired and independent."""

    name: str
    make: Callable[[Rng, int, int], Array]
    promised: tuple[bool, bool] = (True, True)
    # What the candidate's session is made of when it differs from the baseline's.
    candidate: Callable[[Rng, int, int], Array] | None = None


def normal(rng: Rng, trials: int, length: int) -> Array:
    return rng.standard_normal((trials, length))


def heavy_tails(rng: Rng, trials: int, length: int) -> Array:
    """Student's t with three degrees of freedom, whose variance is 3."""
    return rng.standard_t(3, (trials, length)) / np.sqrt(3)


def modes(share: float) -> Callable[[Rng, int, int], Array]:
    """Two modes, each invocation in the slow one with this probability."""

    def make(rng: Rng, trials: int, length: int) -> Array:
        slow = (rng.random((trials, length)) < share) - share
        return _spread(slow / np.sqrt(share * (1 - share)), rng)

    return make


def lasting_modes(rng: Rng, trials: int, length: int) -> Array:
    """Two modes that the device stays in for five invocations on average."""
    changes = rng.random((trials, length)) > STAYING
    changes[:, 0] = rng.random(trials) < 0.5
    return _spread(np.where(changes.cumsum(axis=1) % 2, 1.0, -1.0), rng)


def _spread(centres: Array, rng: Rng) -> Array:
    return centres * np.sqrt(1 - INNER**2) + INNER * rng.standard_normal(centres.shape)


def spikes(rng: Rng, trials: int, length: int) -> Array:
    """A quiet machine on which every tenth invocation is hit by something log-normal."""
    raw = _spikes(rng, (trials, length))
    mean, deviation = _moments()
    return (raw - mean) / deviation


def _spikes(rng: Rng, shape: tuple[int, ...]) -> Array:
    hit = rng.random(shape) < SPIKES
    return 0.3 * rng.standard_normal(shape) + hit * rng.lognormal(0, 1, shape)


@cache
def _moments() -> tuple[float, float]:
    many = _spikes(np.random.default_rng(0), (1_000_000,))
    return float(many.mean()), float(many.std())


def autoregressive(rng: Rng, trials: int, length: int) -> Array:
    """Noise that remembers: each invocation is like the one before it."""
    noise = rng.standard_normal((trials, length))
    for step in range(1, length):
        noise[:, step] *= np.sqrt(1 - CORRELATION**2)
        noise[:, step] += CORRELATION * noise[:, step - 1]
    return noise


def warming(rng: Rng, trials: int, length: int) -> Array:
    """Half of the variance is a straight drift over the session, half is noise."""
    ramp = np.linspace(-1, 1, length) * np.sqrt(3)
    return np.sqrt(0.5) * (ramp + rng.standard_normal((trials, length)))


def from_cold(sign: float) -> Callable[[Rng, int, int], Array]:
    """The same drift from a common beginning, up or down: a phone that warms, or cools."""

    def make(rng: Rng, trials: int, length: int) -> Array:
        ramp = sign * np.linspace(0, 2, length) * np.sqrt(3)
        return np.sqrt(0.5) * (ramp + rng.standard_normal((trials, length)))

    return make


def recorded(name: str) -> Callable[[Rng, int, int], Array]:
    """Blocks of neighbours out of a recording, one after the other."""

    def make(rng: Rng, trials: int, length: int) -> Array:
        noise = _recording(name)
        blocks = -(-length // BLOCK)
        starts = rng.integers(0, len(noise) - BLOCK + 1, (trials, blocks))
        places = starts[:, :, None] + np.arange(BLOCK)
        return noise[places.reshape(trials, -1)[:, :length]]

    return make


@cache
def _recording(name: str) -> Array:
    means = np.array(json.loads((RECORDINGS / f"{name}.json").read_text())["mean_us"])
    return (means - means.mean()) / means.std()


KINDS = (
    Kind("normal", normal),
    Kind("heavy tails (t, 3 degrees)", heavy_tails),
    Kind("two modes, even", modes(0.5)),
    Kind("two modes, 80 to 20", modes(0.2)),
    Kind("spikes (log-normal)", spikes),
    Kind("autoregressive (0.5)", autoregressive),
    Kind("drift, alike in both", warming),
    Kind("recorded: lab device", recorded("lab")),
    # Between sessions nothing tells the following from a change: what moves the device lasts as long as a
    # session. Both recordings are of machines whose two cores other work wanted as well, which came and went:
    # their own noise was 31 % and 48 %, and high-spread would have been found.
    Kind("recorded: busy host", recorded("busy-host"), promised=(True, False)),
    Kind("recorded: busy lab device", recorded("busy-lab"), promised=(True, False)),
    Kind("two modes that last", lasting_modes, promised=(True, False)),
    Kind("drift, opposite ways", from_cold(-1), promised=(True, False), candidate=from_cold(1)),
)
