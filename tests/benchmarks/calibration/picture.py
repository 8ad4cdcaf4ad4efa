"""The power curve as an SVG picture: how likely *regressed* is, against the true change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment

WIDTH, HEIGHT, LEFT, TOP, GAP = 320, 220, 46, 44, 34
_COLOURS = ("#3b6fd4", "#d1495b", "#2f9e6e", "#b06fd1", "#c98a1b", "#4aa3b5")
_DASHES = ("", "6 3", "2 3")


@dataclass(frozen=True)
class Line:
    """A curve: the name and the share of *regressed* at each change."""

    name: str
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Panel:
    """Curves over one axis of true changes (fractions). ``gate`` is where the tool draws the line."""

    title: str
    changes: tuple[float, ...]
    lines: tuple[Line, ...]
    gate: float


_TEMPLATE = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{ width }} {{ height }}" font-family="system-ui, sans-serif" font-size="11" role="img" aria-labelledby="power-title">
<title id="power-title">{{ title }}</title>
<style>
  .paper { fill: #ffffff } .ink { fill: #1d2330 } .faint { fill: #5b6474 }
  .axis, .grid, .gate { stroke: #5b6474; fill: none } .grid { stroke-opacity: .22 } .gate { stroke-dasharray: 3 3 }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #14181f } .ink { fill: #e8ebf0 } .faint { fill: #a3adbd }
    .axis, .grid, .gate { stroke: #a3adbd }
  }
</style>
<rect class="paper" width="{{ width }}" height="{{ height }}"/>
<text class="ink" x="{{ left }}" y="20" font-size="13" font-weight="600">{{ title }}</text>
{% for panel in panels %}
<g transform="translate({{ panel.x }} {{ top }})">
<text class="ink" y="-8">{{ panel.title }}</text>
{% for tick in panel.down %}<path class="grid" d="M0 {{ tick.at }}H{{ inner }}"/><text class="faint" x="-6" y="{{ tick.at + 4 }}" text-anchor="end">{{ tick.label }}</text>
{% endfor %}
{% for tick in panel.across %}<path class="grid" d="M{{ tick.at }} 0V{{ deep }}"/><text class="faint" x="{{ tick.at }}" y="{{ deep + 15 }}" text-anchor="middle">{{ tick.label }}</text>
{% endfor %}
<path class="gate" d="M{{ panel.gate }} 0V{{ deep }}"/>
<path class="axis" d="M0 0V{{ deep }}H{{ inner }}"/>
{% for line in panel.lines %}<path d="{{ line.path }}" fill="none" stroke="{{ line.colour }}" stroke-width="1.6" stroke-dasharray="{{ line.dash }}"/>
{% endfor %}
<text class="faint" x="{{ inner / 2 }}" y="{{ deep + 31 }}" text-anchor="middle">true change of latency</text>
{% for line in panel.lines %}<g transform="translate(0 {{ deep + 50 + 15 * loop.index0 }})"><path d="M0 -4H22" stroke="{{ line.colour }}" stroke-width="1.6" stroke-dasharray="{{ line.dash }}"/><text class="ink" x="28">{{ line.name }}</text></g>
{% endfor %}
</g>
{% endfor %}
</svg>
"""


def draw(panels: Sequence[Panel], *, title: str) -> str:
    """Return the picture as a text."""
    inner, deep = WIDTH - LEFT - 10, HEIGHT - TOP
    legend = max(len(panel.lines) for panel in panels)
    environment = Environment(autoescape=True, trim_blocks=True, keep_trailing_newline=True)
    return environment.from_string(_TEMPLATE).render(
        title=title,
        width=len(panels) * WIDTH + GAP,
        height=TOP + deep + 56 + 15 * legend,
        left=LEFT,
        top=TOP,
        inner=inner,
        deep=deep,
        panels=[
            _placed(panel, LEFT + number * WIDTH, inner, deep)
            for number, panel in enumerate(panels)
        ],
    )


def _placed(panel: Panel, x: float, inner: float, deep: float) -> dict[str, object]:
    first, last = panel.changes[0], panel.changes[-1]

    def across(change: float) -> float:
        return round((change - first) / (last - first) * inner, 1)

    def down(share: float) -> float:
        return round((1 - share) * deep, 1)

    whole = range(round(first * 100), round(last * 100) + 1)
    return {
        "x": x,
        "title": panel.title,
        "gate": across(panel.gate),
        "across": [
            {"at": across(pct / 100), "label": f"{pct:+d} %" if pct else "0 %"} for pct in whole
        ],
        "down": [
            {"at": down(share), "label": f"{share:.0%}"} for share in (0, 0.25, 0.5, 0.75, 0.95)
        ],
        "lines": [
            {
                "name": line.name,
                "colour": _COLOURS[number % len(_COLOURS)],
                "dash": _DASHES[number // len(_COLOURS)],
                "path": "M"
                + "L".join(
                    f"{across(change)} {down(share)}"
                    for change, share in zip(panel.changes, line.shares, strict=True)
                ),
            }
            for number, line in enumerate(panel.lines)
        ],
    }
