"""The narrow seam to a device: adb-shell over TCP and USB, the adb server, and this computer."""

from __future__ import annotations
