from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from optimizer.data import read_dataset
from optimizer.demo_model import make_demo
from optimizer.pipeline import build_artifacts
from optimizer.recipe_file import load_recipe

pytest.importorskip("sklearn", reason="the demo's digits come with scikit-learn")


def test_the_demo_learns_real_digits_and_loses_nothing_in_int8(tmp_path: Path) -> None:
    files = make_demo(tmp_path)
    test = read_dataset(files.evaluation)
    (images,) = test.inputs.values()
    assert images.shape[1:] == (32, 32, 3)
    # What the metadata say: (pixel - mean) / std of pixels from 0 to 255.
    assert (images.min(), images.max()) == (
        (0 - files.mean) / files.std,
        (255 - files.mean) / files.std,
    )
    assert test.labels is not None
    assert np.bincount(test.labels).min() >= 40
    assert files.labels.read_text().split() == [str(digit) for digit in range(10)]
    (artifact,) = build_artifacts(
        files.model,
        [load_recipe("int8")],
        output=tmp_path / "out",
        calibration=files.calibration,
        evaluation=files.evaluation,
    )
    assert artifact.fidelity is not None
    assert artifact.fidelity.accuracy is not None
    assert artifact.fidelity.accuracy >= 0.95
    assert artifact.warnings == ()
    steps: list[str] = []
    assert make_demo(tmp_path, step=steps.append) == files
    assert steps == ["digits.keras is there already"]
    files.model.write_bytes(files.model.read_bytes()[:1000])  # a copy that was cut short

    def stop(text: str) -> None:
        if text.startswith("train"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):  # it is not believed but trained anew
        make_demo(tmp_path, step=stop)
