"""Models in, artifacts out: recipes, conversion, calibration, fidelity and metadata.

The only package that may import TensorFlow, and only inside the functions that use it.
"""

from __future__ import annotations
