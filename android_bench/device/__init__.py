"""The device behind a transport: who it is, how it is, what runs on it, what is left there."""

from __future__ import annotations

from android_bench.device.device import DEVICE_ROOT, Device, device_info, parse_properties

__all__ = ["DEVICE_ROOT", "Device", "device_info", "parse_properties"]
