"""The stand-in ``avdmanager``: ``create avd`` as the real one does it, with its texts (AvdManagerCli)."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn

_PROFILES = {"pixel", "pixel_6", "medium_phone"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="avdmanager")
    verbs = parser.add_subparsers(dest="verb", required=True)
    create = verbs.add_parser("create")
    create.add_argument("what", choices=["avd"])
    create.add_argument("--name", "-n", required=True)
    create.add_argument("--package", "-k", required=True)
    create.add_argument("--device", "-d")
    create.add_argument("--force", "-f", action="store_true")
    given = parser.parse_args()
    if os.environ.get("LAB_AVDMANAGER_FAULT") == "no-java":
        _fail("ERROR: JAVA_HOME is not set and no 'java' command could be found in your PATH.")
    root, home = Path(os.environ["ANDROID_SDK_ROOT"]), Path(os.environ["ANDROID_AVD_HOME"])
    print(
        "[=======================================] 100% Fetch remote repository...       \r", end=""
    )
    image = root / given.package.replace(";", "/")
    if not image.is_dir():
        _fail("Error: Package path is not valid. Valid system image paths are:\nnull")
    if given.device is not None and given.device not in _PROFILES:
        _fail(f"Error: No device found matching --device {given.device}.\nnull")
    if (home / f"{given.name}.ini").exists() and not given.force:
        _fail(
            f"Error: Android Virtual Device '{given.name}' already exists.\n"
            "Use --force if you want to replace it.\nnull"
        )
    if given.device is None:
        print("Do you wish to create a custom hardware profile? [no] ", end="", flush=True)
        if sys.stdin.readline().strip() not in {"", "no"}:
            _fail("Error: this stand-in makes no custom profile")
    if not home.is_dir():
        _fail("Error: the real one writes elsewhere without a word")
    _, api, tag, abi = given.package.split(";")
    folder = home / f"{given.name}.avd"
    folder.mkdir(exist_ok=True)
    (home / f"{given.name}.ini").write_text(
        f"avd.ini.encoding=UTF-8\npath={folder}\npath.rel=avd/{given.name}.avd\ntarget={api}\n"
    )
    (folder / "config.ini").write_text(
        f"AvdId={given.name}\nPlayStore.enabled=no\nabi.type={abi}\n"
        f"image.sysdir.1=system-images/{api}/{tag}/{abi}/\ntag.id={tag}\n"
        f"hw.device.name={given.device or ''}\ndisk.dataPartition.size=6442450944\n"
    )


def _fail(text: str) -> NoReturn:
    print(text, file=sys.stderr)
    raise SystemExit(1)


if __name__ == "__main__":
    main()
