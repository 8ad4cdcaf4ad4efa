"""Lines that tell of a failure, and what they mean to the person at the keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterable

from android_bench.benchmark_model.lines import Level, Line

# No pattern has an open repetition that another one can follow: a line of megabytes must cost no hours.
# Pattern, what it means, what to do. The first pattern that is found in any line wins, so causes
# stand before the consequences that are printed after them.
_CAUSES: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), meaning, advice)
    for pattern, meaning, advice in (
        (
            r"not executable: \S+ ELF|Exec format error|incompatible ELF|wrong ELF class|is for EM_",
            "The binary is built for another processor than the device's",
            "choose the build for the device's ABI (getprop ro.product.cpu.abilist)",
        ),
        (
            r"CANNOT LINK EXECUTABLE|error while loading shared libraries|library \S+ not found"
            r"|cannot locate symbol|version `\w+' not found",
            "The binary needs a library that is not there or is too old",
            "push the library beside the binary, or take a build for this system",
        ),
        (
            r"(?:benchmark_model\S{0,80}|ld-linux\S{0,80}|linker\w{0,80}): (?:No such file or directory"
            r"|not found|inaccessible or not found)|(?:can't execute|required file not found)",
            "The binary was not found, or it needs a dynamic linker that the device lacks",
            "push it again, and use a build for this operating system and ABI",
        ),
        (
            r"text file busy",
            "The binary is still being written",
            "wait for the push to end, then run again",
        ),
        (
            r"Permission denied",
            "The device denied permission",
            "keep binary and model under /data/local/tmp and make the binary executable (chmod 755)",
        ),
        (
            r"Select TensorFlow op\(s\)",
            "The model holds Select TensorFlow operators, which this binary cannot run",
            "use the benchmark_model_plus_flex build, or convert with TFLITE_BUILTINS only",
        ),
        (
            r"unresolved custom op|Unsupported custom op|custom op\S* not found",
            "The model holds a custom operator that this binary does not know",
            "replace the operator, or build benchmark_model with it registered",
        ),
        (
            r"Didn't find op for builtin opcode",
            "The model holds an operator in a version newer than the binary",
            "use a newer benchmark_model, or convert for an older runtime",
        ),
        (
            r"Signature not specified or incorrect|Failed to find the signature",
            "The model has several signatures, and none of them was chosen",
            "pass --signature_to_run_for=NAME as an extra flag",
        ),
        (
            r"Disallowed CPU fallback detected",
            "Full delegation was required, and a part of the model would run on the CPU",
            "drop --require_full_delegation, or convert the operators that the delegate refuses",
        ),
        (
            r"Failed to apply (?P<name>\w+) delegate",
            "The delegate refused the model",
            "read the lines before it in the log; try another delegate or a float model",
        ),
        (
            r"dlopen failed|Failed to (?:load|open) (?:the )?(?:external )?delegate"
            r"|cannot open shared object",
            "The external delegate's library could not be loaded",
            "check its path, its ABI, and the libraries that it needs in turn",
        ),
        (
            r"bytes\. It should be|Failed to read the input_layer_value_file"
            r"|Wrong input value file item|Inputs mismatch|should have \d+ dimensions"
            r"|Cannot find the corresponding input_layer|must match the number of items",
            "The inputs do not fit the model",
            "give every input of the model its shape and a file of exactly that size",
        ),
        (
            r"No space left on device",
            "The device's storage is full",
            "free space under /data/local/tmp (android-bench clean)",
        ),
        (
            r"Failed to (?:load|initialize) model|Failed to initialize model loader|Could not open '"
            r"|not a valid Flatbuffer|model allocation is null|Failed to mmap model"
            r"|Model provided has model identifier|mmap of size",
            "The model file could not be loaded",
            "check that it is a whole .tflite file and was pushed to that path",
        ),
        (
            r"Failed to parse flag|Required flag not provided|Output mode.{0,80}is not supported"
            r"|Please specify the name of your TF Lite input file|Unknown command line flag",
            "The tool did not accept a flag",
            "correct the extra flags",
        ),
        (
            r"Failed to compile model|Failed to create litert environment",
            "LiteRT could not compile the model for the chosen accelerator",
            "read the lines before it in the log; try the CPU first",
        ),
        (
            r"Failed to allocate tensors|failed to prepare",
            "The interpreter could not prepare the model's operators",
            "run the model on this computer first (android-bench bench --target host) to see which one",
        ),
        (
            r"Failed to initialize the interpreter",
            "The interpreter could not be built from the model",
            "look for an operator or a version that this benchmark_model does not know",
        ),
        (
            r"(?:Run|Invoke) failed|failed to invoke",
            "An inference failed",
            "check the inputs; int16x8 and sparse models can convert and then fail to run",
        ),
    )
)
# Characters of a line: what stands farther behind is no message of a tool.
_READ = 4000
_SIGNS = re.compile(
    r"Benchmarking failed|Segmentation fault|^Aborted|^Killed|^Bus error|Illegal instruction"
    r"|terminating with uncaught exception|Check failed",
    re.IGNORECASE,
)


def is_failure(line: Line) -> bool:
    """Whether a line tells of a failure: by its level, or because a known cause stands in it."""
    text = line.text[:_READ]
    if line.level is Level.ERROR or _SIGNS.search(text):
        return True
    # A warning says that the tool went on.
    return line.level is Level.NONE and any(cause.search(text) for cause, _, _ in _CAUSES)


def explain(errors: Iterable[str]) -> str | None:
    """The cause that these lines tell of and what to do, in a sentence; ``None`` if none is known."""
    lines = list(errors)
    for pattern, meaning, advice in _CAUSES:
        for line in lines:
            if pattern.search(line):
                return f"{meaning} ({short(line)}); {advice}."
    return None


def last_words(errors: Iterable[str]) -> str | None:
    """The first error line that says more than that it failed, for when no cause is known."""
    lines = [line for line in errors if not line.startswith("Benchmarking failed")]
    return short(lines[0]) if lines else None


def short(line: str) -> str:
    """The beginning of a line that is too long for a sentence."""
    return line if len(line) <= 120 else f"{line[:119]}…"
