"""What tflite-support's generator writes wrong, put right, and which names Java can carry.

With several inputs or outputs its lists lack a comma or have one too many, so that nothing compiles:
``process(, TensorBuffer ids, TensorBuffer segmentIdsTensorBuffer mask)``.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
KEYWORDS = frozenset(
    "abstract assert boolean break byte case catch char class const continue default do double else enum "
    "extends final finally float for goto if implements import instanceof int interface long native new "
    "package private protected public return short static strictfp super switch synchronized this throw "
    "throws transient try void volatile while true false null _".split()
)
# Names that the generated code uses itself.
_TAKEN = frozenset(
    "metadata model outputs processor instance context modelPath runningOptions builder extractor buffer "
    "tensorBuffer inputBuffers".split()
)
_CLASSES = frozenset(
    "Outputs Metadata String Object Integer Arrays HashMap List Map Context IOException ByteBuffer "
    "FloatBuffer DataType Tensor QuantizationParams FileUtil TensorProcessor CastOp DequantizeOp NormalizeOp "
    "QuantizeOp ImageProcessor TensorImage ResizeOp ResizeMethod Category TensorLabel MetadataExtractor "
    "NormalizationOptions Model TensorBuffer".split()
)
_KINDS = {"ImageProcessor": "TensorImage", "TensorProcessor": "TensorBuffer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """An input or output of the generated class."""

    name: str
    kind: str


def package_problem(package: str) -> str | None:
    """Why a text is no Java package, ``None`` if it is one."""
    for part in package.split("."):
        if not _NAME.fullmatch(part):
            return f"{part!r} is no Java name" if part else "a part of it is empty"
        if part in KEYWORDS:
            return f"{part!r} is a word of Java's own"
    return None


def class_problem(name: str) -> str | None:
    """Why a text is no name for the class, ``None`` if it is one."""
    if not _NAME.fullmatch(name):
        return "it is no Java name"
    if name in KEYWORDS:
        return "it is a word of Java's own"
    return "the generated code uses a class of this name" if name in _CLASSES else None


def inputs_of(java: str) -> list[Parameter]:
    """What ``process`` takes, in the model's order."""
    found = re.findall(r"^  private (\w+Processor) (\w+)Preprocessor;", java, flags=re.MULTILINE)
    return [Parameter(name=name, kind=_KINDS[kind]) for kind, name in found]


def outputs_of(java: str) -> list[Parameter]:
    """What comes out, in the model's order."""
    found = re.findall(r"^    private final (\w+Processor) (\w+)Postprocessor;", java, re.MULTILINE)
    return [Parameter(name=name, kind=_KINDS[kind]) for kind, name in found]


def unusable(names: list[str]) -> list[int]:
    """The places of names that would not compile: words of Java's, names in use, names that stand twice."""
    count = Counter(names)
    return [
        place
        for place, name in enumerate(names)
        if name in KEYWORDS | _TAKEN or count[name] > 1 or not _NAME.fullmatch(name)
    ]


def repaired(java: str) -> str:
    """The class with every list of parameters as it must be; the same where it was."""
    inputs, outputs = inputs_of(java), outputs_of(java)
    processors = {kind: processor for processor, kind in _KINDS.items()}
    given = ", ".join(item.name for item in inputs)
    taken = ", ".join(f"{item.kind} {item.name}" for item in inputs)
    after = [f"{item.name}Postprocessor" for item in outputs]
    declared = [
        f"{processors[item.kind]} {name}" for item, name in zip(outputs, after, strict=True)
    ]
    for pattern, right in (
        (r"(    Outputs\()Metadata metadata.*(\) \{)", ["Metadata metadata", *declared]),
        (r"(= new Outputs\()metadata.*(\);)", ["metadata", *after]),
        (r"(  public Outputs process\().*(\) \{)", [taken]),
        (r"(= preprocessInputs\().*(\);)", [given]),
        (r"(Object\[\] preprocessInputs\().*(\) \{)", [taken]),
    ):
        text = ", ".join(right)
        java = re.sub(pattern, lambda found, text=text: f"{found[1]}{text}{found[2]}", java)
    return java


def repaired_usage(usage: str, java: str) -> str:
    """The note with the call of ``process`` as it must be."""
    given = ", ".join(item.name for item in inputs_of(java))
    return re.sub(r"(model\.process\().*(\);)", lambda found: f"{found[1]}{given}{found[2]}", usage)
