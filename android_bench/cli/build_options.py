"""Options of the commands that build artifacts: models, recipes, data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A .keras, .h5, SavedModel or .tflite.")
]
RecipeNames = Annotated[
    list[str],
    typer.Option(
        "--recipe",
        "-r",
        metavar="NAME|FILE.toml",
        help="A recipe that comes along, your own file, or A+B for both; commas or repeats. "
        "android-bench recipes lists them.",
    ),
]
Output = Annotated[Path, typer.Option("--output", "-o", help="The folder for artifacts.")]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="DATA",
        help="Training data: .npz, idx files, a folder of images, or file.py:function.",
    ),
]
CalibrationData = Annotated[
    str | None,
    typer.Option("--calibration", metavar="DATA", help="Representative inputs. Default: --data."),
]
EvaluationData = Annotated[
    str | None,
    typer.Option(
        "--evaluation",
        metavar="DATA",
        help="Inputs, and labels if you have them, for fidelity. Default: a fifth of --data.",
    ),
]
Mean = Annotated[
    str | None,
    typer.Option(metavar="N[,N,N]", help="Pixels become (pixel - mean) / std. Default 0 and 1."),
]
Std = Annotated[str | None, typer.Option(metavar="N[,N,N]", help="See --mean.")]
ImageShape = Annotated[
    str | None,
    typer.Option(metavar="H,W,C", help="The size that images of a folder are brought to."),
]
Metadata = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.toml",
        help="Tag every artifact by it, as android-bench metadata write --from.",
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace files that this tool did not make.")
]
AllowUnsafe = Annotated[
    bool,
    typer.Option("--allow-unsafe", help="Let code in the model file run: Lambda layers, pickles."),
]
