"""Artifacts in, evidence out: transports, benchmark_model, statistics, reports. Never TensorFlow."""

from __future__ import annotations

__version__ = "0.1.0"
