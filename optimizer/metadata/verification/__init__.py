"""The proof that a tagged file works: the Task Library loads it and says what LiteRT says.

The Task Library's Python package is the same C++ that reads the metadata inside an app. What it makes of
an input is compared with a plain LiteRT run on the same input, prepared here: a wrong normalisation or
vocabulary, or a file that an app cannot load, shows on this machine, not in the app.
"""

from __future__ import annotations

from optimizer.metadata.verification.proof import verify
from optimizer.metadata.verification.results import (
    Answer,
    ApiVerdict,
    Category,
    Detection,
    Region,
    Result,
    Vector,
    Verification,
)

__all__ = [
    "Answer",
    "ApiVerdict",
    "Category",
    "Detection",
    "Region",
    "Result",
    "Vector",
    "Verification",
    "verify",
]
