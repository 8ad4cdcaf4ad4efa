"""The worker's loop: a JSON request a line on standard input, a JSON response a line back.

Native libraries print to file descriptor 1 when they like. The real standard output is moved to
another descriptor first and 1 points at standard error, so that a response line is only ever ours.

A request is ``{"id": 1, "operation": "inspect", ...}``; the response is ``{"id": 1, "result": ...}``
or ``{"id": 1, "error": {"kind": ..., "message": ...}}`` with one of the kinds below.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from optimizer.metadata.worker import binding, codec, proofs
from optimizer.metadata.worker.native import block_tensorflow

OPERATIONS: dict[str, Callable[..., Any]] = {
    "decode": codec.decode,
    "encode": codec.encode,
    "prove": proofs.prove,
    "bind": binding.binds,
    "generate": binding.generate,
}


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    operation = OPERATIONS[request.pop("operation")]
    try:
        return {"result": operation(**request)}
    except ModuleNotFoundError as error:
        return {"error": {"kind": "missing", "message": str(error), "module": error.name}}
    # Whatever tflite-support raises on a damaged file is this request's answer; the next request
    # may be about a good file.
    except Exception as error:  # noqa: BLE001
        return {"error": {"kind": "failed", "message": f"{error}", "type": type(error).__name__}}


def main() -> None:
    """Answer requests until standard input ends."""
    block_tensorflow()
    # Ctrl-C goes to the whole group; the parent decides and closes standard input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with os.fdopen(os.dup(1), "w", encoding="ascii") as responses:
        os.dup2(2, 1)
        for line in sys.stdin:
            request = json.loads(line)
            number = request.pop("id")
            responses.write(json.dumps({"id": number, **_answer(request)}) + "\n")
            responses.flush()


if __name__ == "__main__":
    main()
