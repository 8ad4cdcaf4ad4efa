"""Models of Keras 3, which tfmot refuses, as models of Keras 2: layer by layer, and proven equal."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from optimizer.errors import ModelError
from optimizer.keras3.layers import NotCarriedOver
from optimizer.tensorflow_setup import import_keras3, import_tensorflow, quiet_stderr

__all__ = ["NotCarriedOver", "carry_over", "export_saved_model"]


def carry_over(path: Path, *, allow_unsafe: bool = False) -> Any:
    """Return the Keras 2 model of a ``.keras`` file of Keras 3, with its layers' names and weights.

    Both are run on random inputs; the outputs differ by at most 1e-4 of their range.

    Raises:
        NotCarriedOver: a layer has no equal in Keras 2, or the outputs differ.
        ModelError: the file is damaged, would execute code, or has a layer of its own.
    """
    from optimizer.keras3.graph import Carrier
    from optimizer.keras3.proof import prove

    import_tensorflow("Carrying a model of Keras 3 over")
    original = _load(path, allow_unsafe=allow_unsafe)
    with quiet_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        carrier = Carrier(path)
        model = carrier.carry(original)
        prove(path, original, model, carrier)
    return model


def export_saved_model(path: Path, folder: Path, *, allow_unsafe: bool = False) -> None:
    """Write a SavedModel of a ``.keras`` file of Keras 3, by Keras 3 itself.

    Raises:
        ModelError: the file is damaged, would execute code, or cannot be exported.
    """
    original = _load(path, allow_unsafe=allow_unsafe)
    with quiet_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            original.export(str(folder), verbose=False)
        except Exception as error:  # noqa: BLE001 (raised again below, once standard error is back)
            failure = error
        else:
            return
    raise ModelError(
        f"{path} cannot be exported by Keras: {_first_line(failure)}",
        hint="model.export('saved_model') in the script that trained it, and give that folder",
    ) from failure


def _load(path: Path, *, allow_unsafe: bool) -> Any:
    from optimizer.keras3.safety import check

    keras = import_keras3("Opening a model of Keras 3")
    if not allow_unsafe:
        check(path)
    with quiet_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return keras.saving.load_model(str(path), compile=False, safe_mode=not allow_unsafe)
        except Exception as error:  # noqa: BLE001 (raised again below, once standard error is back)
            failure = error
    raise ModelError(
        f"{path} cannot be loaded: {_first_line(failure)}",
        hint="the file may be damaged, or of a newer Keras: save the model again",
    ) from failure


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300]
