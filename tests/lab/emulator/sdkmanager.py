"""The stand-in ``sdkmanager``: accepts licences and installs packages that are empty but for a file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

_DIGEST = "24333f8a63b6825ea9c5514f83c2829b004d1fee"  # the main licence's, as the real one notes it


def main() -> None:
    parser = argparse.ArgumentParser(prog="sdkmanager")
    parser.add_argument("--sdk_root", type=Path, required=True)
    parser.add_argument("--licenses", action="store_true")
    parser.add_argument("--install", nargs="*", default=[])
    given = parser.parse_args()
    licence = given.sdk_root / "licenses" / "android-sdk-license"
    if given.licenses:
        if sys.stdin.readline().strip() == "y":
            licence.parent.mkdir(exist_ok=True)
            licence.write_text(f"\n{_DIGEST}")
            print("All SDK package licenses accepted")
        return
    if not licence.exists():
        print("Skipping following packages as the license is not accepted:")
        print("\n".join(given.install))
        return  # with exit code 0, as the real one
    for package in given.install:
        folder = given.sdk_root / package.replace(";", "/")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.xml").write_text("<lab/>")


if __name__ == "__main__":
    main()
