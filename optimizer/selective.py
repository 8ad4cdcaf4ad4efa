"""Which layers to leave in float so that accuracy stays within a bound, found by measuring, not by hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from optimizer.layer_errors import LayerError, compare_layers
from optimizer.quantize_tflite import TFLiteScheme, calibrate, quantize


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectiveResult:
    """The quantized model, the layers left in float by the names of their outputs, and what it scores.

    ``tried`` is the number of models that were scored; ``errors`` are those of full quantization.
    """

    content: bytes
    float_layers: tuple[str, ...]
    score: float
    float_score: float
    tried: int
    errors: tuple[LayerError, ...] = ()


def search_float_layers(
    float_model: bytes,
    *,
    scheme: TFLiteScheme,
    calibration: dict[str, Any] | None,
    inputs: dict[str, Any],
    score: Callable[[bytes], float],
    float_score: float,
    max_drop: float,
    where: str,
    max_evaluations: int = 16,
    step: Callable[[str], None] = lambda _: None,
) -> SelectiveResult:
    """Quantize everything; if it scores too low, leave those layers in float in which the error arises.

    Layers are ranked by the error that arises in them on ``inputs``. The shortest prefix of that ranking
    within the bound is found by bisection; then each layer of it is tried without, the last ranked first,
    while evaluations remain. When no prefix keeps the bound, the best that was seen is returned.

    Raises:
        ConversionError: the quantizer refuses the model, or a model does not run.
    """
    ranges = (
        calibrate(float_model, scheme=scheme, where=where, calibration=calibration)
        if scheme.needs_calibration
        else None
    )
    search = _Search(
        make=lambda layers: quantize(
            float_model,
            scheme=scheme,
            where=where,
            ranges=ranges,
            float_layers=[f"^{re.escape(name)};" for name in layers],
        ),
        score=score,
        bound=float_score - max_drop,
        left=max_evaluations,
        step=step,
    )
    found = search.try_out(())
    if found is None or search.keeps(found):
        return search.result(found, float_score, ())
    errors = compare_layers(float_model, search.made[()], inputs, where=where)
    ranked = [
        item.layer
        for item in sorted(errors, key=lambda item: item.arisen, reverse=True)
        if item.arisen > 0 and item.quantized
    ]
    shortest = search.shortest_prefix(ranked)
    if shortest is not None:
        search.put_back(shortest)
    return search.result(search.best(), float_score, errors)


class _Search:
    """What was tried: choices of float layers with their models and scores."""

    def __init__(
        self,
        *,
        make: Callable[[Sequence[str]], bytes],
        score: Callable[[bytes], float],
        bound: float,
        left: int,
        step: Callable[[str], None],
    ) -> None:
        self._make, self._score, self._bound, self._step = make, score, bound, step
        self._left = left
        self.made: dict[tuple[str, ...], bytes] = {}
        self.scores: dict[tuple[str, ...], float] = {}

    def try_out(self, layers: Sequence[str]) -> tuple[str, ...] | None:
        """Make and score a choice, ``None`` when no evaluations remain."""
        choice = tuple(layers)
        if choice not in self.scores:
            if self._left <= 0:
                return None
            self._left -= 1
            self.made[choice] = self._make(choice)
            self.scores[choice] = self._score(self.made[choice])
            self._step(f"{len(choice)} layers in float, score {self.scores[choice]:.4f}")
        return choice

    def keeps(self, choice: tuple[str, ...]) -> bool:
        """Whether a choice is within the bound."""
        return self.scores[choice] >= self._bound - 1e-12

    def shortest_prefix(self, ranked: Sequence[str]) -> tuple[str, ...] | None:
        """The shortest prefix within the bound, by doubling and then bisection."""
        length = 1
        low = 0
        while True:
            length = min(length, len(ranked))
            tried = self.try_out(ranked[:length])
            if tried is None:
                return None
            if self.keeps(tried):
                break
            if length == len(ranked):
                return None
            low, length = length, length * 2
        high = length
        while high - low > 1:
            middle = (low + high) // 2
            tried = self.try_out(ranked[:middle])
            if tried is None:
                break
            low, high = (low, middle) if self.keeps(tried) else (middle, high)
        return tuple(ranked[:high])

    def put_back(self, chosen: tuple[str, ...]) -> None:
        """Try to quantize each of the chosen layers after all, the last ranked first."""
        for name in reversed(chosen):
            without = tuple(layer for layer in chosen if layer != name)
            tried = self.try_out(without)
            if tried is None:
                return
            if self.keeps(tried):
                chosen = without

    def best(self) -> tuple[str, ...]:
        """The choice with the fewest float layers within the bound, else the one that scores best."""
        within = [choice for choice in self.scores if self.keeps(choice)]
        if within:
            return min(within, key=lambda choice: (len(choice), -self.scores[choice]))
        return max(self.scores, key=lambda choice: (self.scores[choice], -len(choice)))

    def result(
        self, choice: tuple[str, ...] | None, float_score: float, errors: tuple[LayerError, ...]
    ) -> SelectiveResult:
        """A choice as what the search gives."""
        chosen = choice if choice is not None else self.best()
        return SelectiveResult(
            content=self.made[chosen],
            float_layers=chosen,
            score=self.scores[chosen],
            float_score=float_score,
            tried=len(self.scores),
            errors=errors,
        )
