"""``MetadataWorker``: the process with tflite-support, seen as typed calls.

One worker answers many requests (importing tflite-support costs more than a request). When it
dies, which native code does on some damaged files, that request fails with what the process last
said, and the next request starts a new one.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from optimizer.errors import MetadataError, MissingExtraError

_PACKAGES = {
    "tensorflow_lite_support": "tflite-support",
    "tflite_support": "tflite-support",
    "libusb_package": "libusb-package",
}
_LAST_WORDS = 5


class _WorkerDiedError(MetadataError):
    """The process ended without an answer."""


class MetadataWorker:
    """A worker process, started at the first call and ended by ``close`` or the ``with`` block.

    ``timeout_s`` is the longest that one request may take; the process is killed after it. One
    worker is one conversation: a worker per thread.
    """

    def __init__(self, *, timeout_s: float = 60.0, python: str | None = None) -> None:
        self._timeout_s = timeout_s
        self._python = python or sys.executable
        self._process: subprocess.Popen[str] | None = None
        self._responses: queue.Queue[str | None] = queue.Queue()
        self._last_words: deque[str] = deque(maxlen=_LAST_WORDS)
        self._readers: list[threading.Thread] = []
        self._number = 0

    def __enter__(self) -> MetadataWorker:  # noqa: PYI034 - Self is of Python 3.11
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def python(self) -> str:
        """The Python that the process runs in."""
        return self._python

    @property
    def pid(self) -> int | None:
        """The process's id while one is running."""
        return self._process.pid if self._process is not None else None

    def decode(self, metadata: bytes, *, origin: Path) -> dict[str, Any]:
        """Return a metadata buffer as a dictionary with the names of the metadata schema.

        Raises:
            MetadataError: the buffer is damaged.
        """
        encoded = base64.b64encode(metadata).decode()
        decoded: dict[str, Any] = self._call("decode", origin, metadata=encoded)
        return decoded

    def encode(self, fields: dict[str, Any], *, origin: Path) -> bytes:
        """Return the metadata buffer of fields that fit the schema, with its parser version.

        Raises:
            MetadataError: tflite-support cannot make it.
        """
        encoded: str = self._call("encode", origin, fields=fields)
        return base64.b64decode(encoded)

    def prove(self, task: str, model: Path, **request: object) -> dict[str, Any]:
        """Run one input through the Task Library and plain LiteRT; see the worker's ``proofs``.

        Raises:
            MetadataError: the process died or took too long.
        """
        answer: dict[str, Any] = self._call(
            "prove", model, task=task, path=_absolute(model), **request
        )
        return answer

    def bind(self, model: Path) -> dict[str, Any]:
        """Try the code generator on a whole model; see the worker's ``binds``.

        Raises:
            MetadataError: the process died or took too long.
        """
        answer: dict[str, Any] = self._call("bind", model, path=_absolute(model))
        return answer

    def generate_code(
        self, model: Path, *, package: str, class_name: str, asset: str
    ) -> dict[str, Any]:
        """Generate a Java class of a tagged model; see the worker's ``generate``.

        Raises:
            MetadataError: the process died or took too long.
        """
        answer: dict[str, Any] = self._call(
            "generate",
            model,
            path=_absolute(model),
            package=package,
            class_name=class_name,
            asset=asset,
        )
        return answer

    def close(self) -> None:
        """End the process and wait for it; calling it again does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(OSError):
            _pipe(process.stdin).close()  # the worker's loop ends with its input
        try:
            process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for reader in self._readers:
            reader.join(timeout=5.0)
        for stream in (process.stdout, process.stderr):
            _pipe(stream).close()

    def _call(self, operation: str, subject: Path, **values: object) -> Any:
        if self._process is not None and self._process.poll() is not None:
            self.close()  # it was ended from outside, and not by this request
        experienced = self._process is not None
        try:
            return self._ask(operation, subject, values)
        except _WorkerDiedError as error:
            if not experienced:
                raise
            # Native code may have been left damaged by an earlier file: this one gets a fair try.
            try:
                return self._ask(operation, subject, values)
            except _WorkerDiedError as second:
                raise second from error

    def _ask(self, operation: str, subject: Path, values: dict[str, object]) -> Any:
        process = self._process or self._start()
        self._last_words.clear()  # what was said about an earlier file
        self._number += 1
        request = json.dumps({"id": self._number, "operation": operation, **values})
        try:
            _pipe(process.stdin).write(request + "\n")
            _pipe(process.stdin).flush()
            response = self._responses.get(timeout=self._timeout_s)
        except BrokenPipeError:
            response = None
        except queue.Empty:
            process.kill()
            self.close()
            raise MetadataError(
                f"Reading {subject.name!r} took longer than {self._timeout_s:g} s; "
                "the metadata worker was ended.",
                hint="check the file: android-bench inspect FILE",
            ) from None
        except BaseException:
            # Ctrl-C: an answer that comes later must not be taken for the next request's.
            process.kill()
            self.close()
            raise
        if response is None:
            raise self._death(subject)
        return self._result(json.loads(response), subject)

    def _result(self, answer: dict[str, Any], subject: Path) -> Any:
        error = answer.get("error")
        if error is None:
            return answer["result"]
        if error["kind"] == "missing":
            module = str(error["module"] or error["message"])
            package = _PACKAGES.get(module.partition(".")[0], module)
            raise MissingExtraError("metadata", needed_for="TFLite metadata", module=package)
        message = " ".join(str(error["message"]).split()) or error["type"]
        raise MetadataError(
            f"tflite-support cannot use {subject.name!r}: {message}",
            hint="check that the file is a whole TFLite model: android-bench inspect FILE",
        )

    def _death(self, subject: Path) -> _WorkerDiedError:
        """Return the error that tells how the process ended, with its last words."""
        process = self._process
        self.close()  # waits, so that the exit code and everything it said are there
        code = process.returncode if process is not None else None
        how = f"exit code {code}"
        if code is not None and code < 0:
            how = f"signal {-code}"
            with contextlib.suppress(ValueError):
                how = signal.Signals(-code).name
        words = "; ".join(self._last_words)
        return _WorkerDiedError(
            f"The metadata worker died ({how}) on {subject.name!r}"
            + (f"; it last said: {words}" if words else "."),
            hint="the file is probably damaged: build or copy it again",
        )

    def _start(self) -> subprocess.Popen[str]:
        # The folder that holds the package is on the path and is the working folder: a file
        # numpy.py in the user's folder is not imported, and no installation is needed.
        root = Path(__file__).resolve().parents[2]
        paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
        process = subprocess.Popen(
            [self._python, "-m", "optimizer.metadata.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=root,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            encoding="utf-8",
            errors="replace",
        )
        self._process = process
        self._responses = queue.Queue()
        self._last_words = deque(maxlen=_LAST_WORDS)
        self._readers = [
            threading.Thread(target=_forward, args=(process.stdout, self._responses), daemon=True),
            threading.Thread(target=_keep, args=(process.stderr, self._last_words), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        return process


def _forward(stream: IO[str], responses: queue.Queue[str | None]) -> None:
    for line in stream:
        responses.put(line)
    responses.put(None)  # the end of its output is the process's end


def _keep(stream: IO[str], lines: deque[str]) -> None:
    for line in stream:
        if line.strip() and not line.startswith("INFO: "):
            lines.append(line.strip())


def _pipe(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise RuntimeError("the worker was started without pipes")
    return stream


def _absolute(path: Path) -> str:
    """Return the path as the worker, which has another working folder, can use it."""
    return str(path.absolute())
