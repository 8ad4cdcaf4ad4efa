"""On this computer a workspace copies nothing; what devices do with it is in tests/lab."""

from __future__ import annotations

from pathlib import Path

import pytest

from android_bench.device import Device
from android_bench.device.workspace import Workspace, free_bytes
from android_bench.transport.host import HostTransport


def test_on_this_computer_the_file_itself_is_used(tmp_path: Path) -> None:
    model = tmp_path / "m.tflite"
    model.write_text("x")
    workspace = Workspace(Device(HostTransport(), root=str(tmp_path / "ws")))
    placed = workspace.ensure(model, executable=True)
    assert (placed.remote_path, placed.pushed_bytes) == (str(model), 0)
    assert not (tmp_path / "ws").exists()


def test_clean_touches_nothing_else(tmp_path: Path) -> None:
    root = tmp_path / "ws"
    for name in ("jobs/old", "blobs", "mine"):
        (root / name).mkdir(parents=True)
    Workspace(Device(HostTransport(), root=str(root))).clean()
    assert [path.name for path in root.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("text", "free"),
    [
        (
            "Filesystem       1K-blocks     Used Available Use% Mounted on\n"
            "/dev/block/dm-48 113247232 45088768  68158464  40% /data/user/0\n",
            68158464 * 1024,
        ),
        (
            "Filesystem     1K-blocks  Used Available Use% Mounted on\n"
            "/dev/mapper/a-very-long-device-name\n              20480   480     20000   3% /data/local/tmp\n",
            20000 * 1024,
        ),
        ("tmpfs 20480 20480 0 100% /data/local/a folder\n", 0),
        ("df: /data/local/tmp: Permission denied\n", None),
        ("", None),
        ("/data: 5.9G total, 2.1G used, 3.8G available (block size 4096)\n", None),
    ],
)
def test_what_df_says_is_free(text: str, free: int | None) -> None:
    assert free_bytes(text) == free
