"""Data options to datasets: one place that knows how flags describe data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer


def read_data(
    data: str | None,
    *,
    calibration: str | None,
    evaluation: str | None,
    mean: str | None,
    std: str | None,
    image_shape: str | None,
) -> dict[str, Any]:
    """The datasets of a command as the keywords of a build: training, calibration, evaluation."""
    from optimizer.data import read_dataset
    from optimizer.data_sources import Scaling

    scaling = None
    if mean is not None or std is not None:
        scaling = Scaling(mean=_numbers(mean or "0", "--mean"), std=_numbers(std or "1", "--std"))
        if 0 in scaling.std:
            raise typer.BadParameter("a std of 0 divides by nothing", param_hint="--std")
    shape = None
    if image_shape is not None:
        numbers = _numbers(image_shape, "--image-shape")
        sizes = [int(number) for number in numbers if number.is_integer() and number >= 1]
        if len(sizes) != 3 or len(numbers) != 3:
            raise typer.BadParameter(
                "give height, width and channels: 224,224,3", param_hint="--image-shape"
            )
        shape = (sizes[0], sizes[1], sizes[2])
    splits = {
        "training": (data, "train"),
        "calibration": (calibration, "train"),
        "evaluation": (evaluation, "test"),
    }
    return {
        name: None
        if text is None
        else read_dataset(text, scaling=scaling, split=split, image_shape=shape)
        for name, (text, split) in splits.items()
    }


def warn_of_data(given: dict[str, Any]) -> None:
    """Say before anything is built what makes the accuracies of a build worthless."""
    from android_bench.terminal import console
    from optimizer.datasets import single_class_warning

    compared = given["evaluation"] or given["training"] or given["calibration"]
    if compared is not None and (told := single_class_warning(compared)):
        console.say(f"warning: {told}")


def _numbers(text: str, flag: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no list of numbers", param_hint=flag) from error


def wanted_metadata(file: Path | None) -> Any:
    """The metadata that artifacts are to have, ``None`` for none."""
    if file is None:
        return None
    from optimizer.metadata.wanted import Wanted

    return Wanted(file=file)
