"""How tflite-support is imported, in one place.

The parts are imported by their own names, not through ``tflite_support``: that package loads every
task with it (0.1 s against 0.5 s). What is compiled links libusb, which a fresh machine lacks;
``libusb-package`` ships it, and a copy that is loaded for all to see satisfies the linker.
"""

from __future__ import annotations

import ctypes
import importlib
import sys
from functools import cache
from typing import Any

_METADATA = "tensorflow_lite_support.metadata"


def block_tensorflow() -> None:
    """Make ``import tensorflow`` fail in this process, as if it were not installed."""
    sys.modules["tensorflow"] = None  # type: ignore[assignment]


@cache
def load_libusb() -> None:
    """Load the libusb that libusb-package ships, for what is linked against it."""
    libusb = importlib.import_module("libusb_package")
    ctypes.CDLL(str(libusb.get_library_path()), mode=ctypes.RTLD_GLOBAL)


@cache
def metadata_schema() -> Any:
    """Return the generated classes of the metadata's flatbuffer schema."""
    return importlib.import_module(f"{_METADATA}.metadata_schema_py_generated")


def parser_version(metadata: bytes) -> str:
    """Return the oldest version of a parser that reads all of a metadata buffer."""
    load_libusb()
    version = importlib.import_module(f"{_METADATA}.cc.python._pywrap_metadata_version")
    return str(version.GetMinimumMetadataParserVersion(metadata))


@cache
def vision() -> Any:
    """Return the Task Library's vision tasks."""
    load_libusb()
    return importlib.import_module("tflite_support.task.vision")


@cache
def text() -> Any:
    """Return the Task Library's text tasks."""
    load_libusb()
    return importlib.import_module("tflite_support.task.text")


@cache
def audio() -> Any:
    """Return the Task Library's audio tasks."""
    load_libusb()
    return importlib.import_module("tflite_support.task.audio")


@cache
def processor() -> Any:
    """Return the Task Library's options of how results are treated."""
    load_libusb()
    return importlib.import_module("tflite_support.task.processor")


def base_options(model: bytes) -> Any:
    """Return the options that all tasks share, single-threaded."""
    load_libusb()
    core = importlib.import_module("tflite_support.task.core")
    return core.BaseOptions(file_content=model, num_threads=1)


@cache
def code_generator() -> Any:
    """Return the generator of Android wrappers; it needs neither libusb nor TensorFlow."""
    return importlib.import_module("tensorflow_lite_support.codegen.python._pywrap_codegen")


def interpreter(model: bytes, *, delegates: bool = True) -> Any:
    """Return a plain LiteRT interpreter for the model, single-threaded; with XNNPACK, as on Android."""
    litert = importlib.import_module("ai_edge_litert.interpreter")
    kinds = litert.OpResolverType
    kind = kinds.BUILTIN if delegates else kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    return litert.Interpreter(
        model_content=model, num_threads=1, experimental_op_resolver_type=kind
    )
