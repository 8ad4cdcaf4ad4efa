"""Text is readable in light, dark and print: a contrast of at least 4.5 : 1 (WCAG 2, level AA)."""

from __future__ import annotations

import re

import pytest

from android_bench.report.page import template_folder

TEXT = ("ink", "muted", "accent", "bad", "good", "care", "odd")
GROUNDS = ("paper", "panel")
# Marks need 3 : 1 against the ground to be told from it.
MARKS = ("bar-strong", "dot", *(f"type{number}" for number in range(1, 8)))


def palettes() -> dict[str, dict[str, str]]:
    style = (template_folder() / "report.css").read_text()
    blocks = re.findall(r":root[^{]*\{([^}]*--paper[^}]*)\}", style)
    found = [dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{3,6})", block)) for block in blocks]
    return dict(zip(("light", "dark", "chosen dark", "print"), found, strict=True))


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    shares = [int(digits[index : index + 2], 16) / 255 for index in (0, 2, 4)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_contrast(scheme: str) -> None:
    palette = palettes()[scheme]
    for ground in GROUNDS:
        for name in TEXT:
            assert contrast(palette[name], palette[ground]) >= 4.5, (name, ground)
    for name in MARKS:
        assert contrast(palette[name], palette["paper"]) >= 3, name


def test_the_schemes_define_the_same_colours() -> None:
    light, dark, chosen, printed = palettes().values()
    assert light.keys() == dark.keys() == printed.keys()
    assert chosen == dark
