"""What is known of the Java that tflite-support's generator writes: its names, and a fault of it."""

from __future__ import annotations

import re

_KEYWORDS = frozenset(
    """
    abstract assert boolean break byte case catch char class const continue default do double else enum
    extends false final finally float for goto if implements import instanceof int interface long native
    new null package private protected public return short static strictfp super switch synchronized this
    throw throws transient true try void volatile while _
    """.split()  # noqa: SIM905
)
# What the generated class calls its own variables: a tensor of such a name does not compile.
_TAKEN = frozenset({"metadata", "model", "outputs", "inputBuffers"})
_TYPES = frozenset({"Metadata", "Outputs", "String", "Integer", "Object"})
_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_IMPORT = re.compile(r"^import (?:\w+\.)+(\w+);$", re.MULTILINE)
_TENSOR = re.compile(r"^ +Tensor (\w+)Tensor = model\.get(Input|Output)Tensor\(", re.MULTILINE)
_INPUT_TYPE = re.compile(r"^  private (Image|Tensor)Processor (\w+)Preprocessor;$", re.MULTILINE)
_OUTPUT_TYPE = re.compile(r"^  private (Image|Tensor)Processor (\w+Postprocessor);$", re.MULTILINE)
_FIELD = re.compile(r"^    private final \S+ (\w+);$", re.MULTILINE)


def is_identifier(name: str) -> bool:
    """Whether a name can be one of Java's, in ASCII as file names and tools want it."""
    return _IDENTIFIER.fullmatch(name) is not None and name not in _KEYWORDS


def class_problem(code: str, class_name: str) -> str | None:
    """Why the class cannot have its name, as the end of a sentence; ``None`` if it can."""
    if class_name in _TYPES or class_name in _IMPORT.findall(code):
        return "is a class that the generated code uses itself"
    return None


def tensor_problem(code: str) -> str | None:
    """Which tensor's name makes code that does not compile; ``None`` if none does."""
    names = [name for name, _ in _TENSOR.findall(code)]
    for name in names:
        if not is_identifier(name) or name in _TAKEN:
            return f"a tensor is called {name!r}, which is no name that Java code can use here"
        if names.count(name) > 1:
            return f"two tensors are called {name!r}"
    for inner in code.split("public static class")[1:]:
        fields = _FIELD.findall(inner)
        twice = next((name for name in fields if fields.count(name) > 1), None)
        if twice is not None:  # the labels of "a", and a tensor "a labels"
            return f"a tensor is called as what the code makes of another one, {twice!r}"
    return None


def with_commas(text: str, code: str) -> str:
    """A generated file with its lists of several items as Java has them.

    Of more than one, tflite-support 0.4.4 writes a comma before the first and none before the last:
    ``process(, TensorBuffer ids, TensorBuffer maskTensorBuffer segmentIds)``. ``code`` is the class, which
    tells what stands in the lists.
    """
    sides: dict[str, list[str]] = {"Input": [], "Output": []}
    for name, side in _TENSOR.findall(code):
        sides[side].append(name)
    types = {
        name: f"Tensor{'Image' if kind == 'Image' else 'Buffer'}"
        for kind, name in _INPUT_TYPE.findall(code)
    }
    inputs = [(types.get(name, "TensorBuffer"), name) for name in sides["Input"]]
    processors = {name: f"{kind}Processor" for kind, name in _OUTPUT_TYPE.findall(code)}
    after = [f"{name}Postprocessor" for name in sides["Output"]]
    outputs = [(processors.get(name, "TensorProcessor"), name) for name in after]
    for side in (inputs, outputs):
        for items in ([f"{kind} {name}" for kind, name in side], [name for _, name in side]):
            if len(items) > 1:
                right = ", ".join(items)
                wrong = ", " + ", ".join(items[:-1]) + items[-1]
                text = text.replace(f"(metadata, {wrong})", f"(metadata, {right})")
                text = text.replace(
                    f"(Metadata metadata, {wrong})", f"(Metadata metadata, {right})"
                )
                text = text.replace(f"({wrong})", f"({right})")
    return text
