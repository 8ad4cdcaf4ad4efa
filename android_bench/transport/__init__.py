"""The narrow seam to a device: adb-shell over TCP and USB, the adb server, and this machine."""

from __future__ import annotations
