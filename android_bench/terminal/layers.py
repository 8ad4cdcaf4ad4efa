"""Quantization errors layer by layer: on the terminal, as a picture, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.markup import escape

from android_bench import formatting
from android_bench.terminal import console
from optimizer.files import write_atomic
from optimizer.layer_errors import LayerError, responsible_layers

_WIDTH, _LEFT, _RIGHT = 880, 300, 70
_TOP, _ROW = 84, 20
_LONGEST_LABEL = 44
_TICKS = 4


def print_layer_errors(errors: Sequence[LayerError], samples: int) -> None:
    """Print a line for each operator, those named in which most of the error arises."""
    worst = {id(item) for item in responsible_layers(errors)}
    rows = []
    for item in errors:
        name = escape(_short_label(item))
        rows.append(
            (
                f"[bold red]{name}[/]" if id(item) in worst else name,
                item.operator,
                formatting.percent(item.relative_error, digits=2),
                formatting.percent(item.arisen, digits=2),
                "exact" if item.sqnr_db is None else f"{item.sqnr_db:.1f} dB",
                "–" if item.clipped_pct is None else f"{item.clipped_pct:.1f} %",
            )
        )
    columns = ("layer", "operator", "error", "arises", "SQNR", "clipped")
    console.table(f"Float against quantized, on {samples} samples", columns, rows)
    told = ", ".join(layer_label(item) for item in responsible_layers(errors))
    console.say(f"Most of the error arises in {told}." if told else "Nothing differs.")


def layer_errors_to_json(errors: Sequence[LayerError]) -> list[dict[str, Any]]:
    """The errors as JSON-able dictionaries."""
    return [asdict(item) for item in errors]


def write_plot(errors: Sequence[LayerError], path: Path, *, title: str, samples: int) -> None:
    """Write the errors as an SVG picture: a bar for each operator, in execution order."""
    from android_bench.report.page import environment

    most = max((item.relative_error for item in errors), default=0.0) or 1.0
    scale = (_WIDTH - _LEFT - _RIGHT) / most
    bars = [
        {
            "y": _TOP + position * _ROW,
            "label": _shortened(layer_label(item)),
            "full": f"{item.layer}: {item.operator}, {item.dtype}",
            "handed": round((item.relative_error - item.arisen) * scale, 1),
            "arisen": round(item.arisen * scale, 1),
            "text": formatting.percent(item.relative_error, digits=2),
        }
        for position, item in enumerate(errors)
    ]
    ticks = [
        {
            "x": round(_LEFT + most * scale * part / _TICKS, 1),
            "text": formatting.percent(most * part / _TICKS, digits=1),
        }
        for part in range(_TICKS + 1)
    ]
    picture = (
        environment()
        .get_template("layer_errors.svg.j2")
        .render(
            width=_WIDTH,
            height=_TOP + len(errors) * _ROW + 16,
            left=_LEFT,
            title=title,
            samples=samples,
            bars=bars,
            ticks=ticks,
        )
    )
    write_atomic(path, picture.encode())


def layer_label(item: LayerError) -> str:
    """The layers of the source that an operator computes, in the order they do."""
    return " + ".join(reversed(item.layers)) or item.layer


def _short_label(item: LayerError) -> str:
    """The layer whose kernel an operator has, and how many others were fused into it."""
    names = tuple(reversed(item.layers)) or (item.layer,)
    return names[0] if len(names) == 1 else f"{names[0]} (+{len(names) - 1})"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 1]}…"
