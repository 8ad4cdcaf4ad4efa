"""Ways to damage a text: each takes it, another output to mix in, and chance."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

NOISE = (
    "WARN: Duplicate flags: num_threads", "Error in cpuinfo: processor architecture is not supported",
    "INFO: Created TensorFlow Lite delegate for nothing.", "Memory (bytes): count=0", "", "\x00\x00", "\ufffd",
    "Timings (microseconds): count=1 curr=147", "08-12 10:11:12.123  1234  1234 I tflite  : a word",
    "count", "count=", "count=1x", "x" * 3000, "nan inf -1 1e999", "count=5 first=1", "=" * 200, "[a]:0",
)  # fmt: skip


NUMBERS = (
    "0", "-1", "nan", "-nan", "inf", "1e308", "1e999", "-0", "1.5.2", "9" * 25, "9" * 400, "1e-400", "+7",
    "0x10", "1,5", "١٢", "1e", ".5", "5.", "00012",
)  # fmt: skip


Damage = Callable[[str, str, random.Random], str]


def _cut(text: str, other: str, random_: random.Random) -> str:
    return text[: random_.randint(0, len(text))]


def _head_off(text: str, other: str, random_: random.Random) -> str:
    return text[random_.randint(0, len(text)) :]


def _splice(text: str, other: str, random_: random.Random) -> str:
    return text[: random_.randint(0, len(text))] + other[random_.randint(0, len(other)) :]


def _interleave(text: str, other: str, random_: random.Random) -> str:
    return interleaved(text.splitlines(True), other.splitlines(True), random_)


def _broken_into(text: str, other: str, random_: random.Random) -> str:
    place = random_.randint(0, len(text))
    start = random_.randint(0, len(other))
    return text[:place] + other[start : start + random_.randint(1, 300)] + text[place:]


def _double(text: str, other: str, random_: random.Random) -> str:
    return "".join(line * random_.choice((1, 1, 1, 2, 3)) for line in text.splitlines(True))


def _drop(text: str, other: str, random_: random.Random) -> str:
    return "".join(line for line in text.splitlines(True) if random_.random() > 0.1)


def _shuffle(text: str, other: str, random_: random.Random) -> str:
    lines = text.splitlines(True)
    random_.shuffle(lines)
    return "".join(lines)


def _numbers(text: str, other: str, random_: random.Random) -> str:
    return re.sub(
        r"\d+(?:\.\d+)?",
        lambda found: random_.choice(NUMBERS) if random_.random() < 0.1 else found[0],
        text,
    )


def _encode(text: str, other: str, random_: random.Random) -> str:
    encoding, decoding = random_.choice(
        [("utf-16", "utf-8"), ("utf-8", "latin-1"), ("utf-8", "utf-16"), ("utf-8", "ascii")]
    )
    return text.encode(encoding, "replace").decode(decoding, "replace")


def _characters(text: str, other: str, random_: random.Random) -> str:
    letters = list(text)
    for _ in range(random_.randint(1, 20)):
        if letters:
            place = random_.randrange(len(letters))
            letters[place] = random_.choice("\x00\r\n\t =,:%[]()-e.9\ud800\u2028é")
    return "".join(letters)


def _long_line(text: str, other: str, random_: random.Random) -> str:
    lines = text.split("\n")
    place = random_.randrange(len(lines))
    lines[place] += random_.choice((" ", "9", "=", ", 1", "a", "[", "1 ")) * random_.randint(
        1, 5000
    )
    return "\n".join(lines)


def _one_line(text: str, other: str, random_: random.Random) -> str:
    return text.replace("\n", random_.choice((" ", "\r", "\x85", "\x0b")))


DAMAGES: tuple[Damage, ...] = (
    _cut, _head_off, _splice, _interleave, _broken_into, _double, _drop, _shuffle, _numbers, _encode,
    _characters, _long_line, _one_line,
)  # fmt: skip


def interleaved(one: list[str], two: list[str], random_: random.Random) -> str:
    """Two lists of lines as one text, each in its order."""
    one, two, lines = list(one), list(two), []
    while one or two:
        source = random_.choices((one, two), (len(one), len(two)))[0]
        lines.append(source.pop(0))
    return "".join(lines)
