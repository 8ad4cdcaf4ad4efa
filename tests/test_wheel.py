"""What the wheel holds: everything that is read while running."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_templates_recipes_and_types_are_inside(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("android_bench-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata,) = (archive.read(name).decode() for name in names if name.endswith("/METADATA"))
    templates = {f"android_bench/templates/{path.name}" for path in (ROOT / "templates").iterdir()}
    assert templates <= names
    assert {"optimizer/recipes/int8.toml", "android_bench/py.typed", "optimizer/py.typed"} <= names
    assert not [name for name in names if name.startswith("tests/")]
    for extra in ("optimize", "metadata", "usb", "all"):
        assert f"Provides-Extra: {extra}" in metadata
    required = [
        line for line in metadata.splitlines() if line.startswith("Requires-Dist: tensorflow")
    ]
    assert required
    assert all("extra ==" in line for line in required)  # never in the base install
