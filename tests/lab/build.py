"""Build the virtual device's root once: Debian's adbd and the official Classic benchmark_model.

``make lab`` runs this. It needs root on Debian or Ubuntu, and about three minutes. The result is kept
outside the tree, in a folder named by the digest of everything that makes it, so that nothing is built
twice and nothing stale is used. The answers to what Debian lacks (tests/lab/android) are no part of it: a
device takes them from the tree. Standard library only: CI asks for the key before anything is installed.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
# adbd and TensorFlow Lite come together in sid only; packages by name, as sid moves.
SUITE = "sid"
PACKAGES = (
    "adbd",
    "g++",
    "libabsl-dev",
    "libcpuinfo-dev",
    "libeigen3-dev",
    "libflatbuffers-dev",
    "libgemmlowp-dev",
    "libpthreadpool-dev",
    "libruy-dev",
    "libtensorflow-lite-dev",
    "mksh",
    "procps",
    "toybox",
    "xz-utils",
)
MARK = "lab-is-complete"
# debootstrap mounts proc and more. In namespaces of its own all that vanishes with it, and a build that is
# killed, in whatever way, takes along what it started: the next one meets neither mounts nor writers.
CONTAINED = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child"),
    *("--propagation", "private"),
)


def main() -> int:
    """Build the lab if it is not there; print where it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--print-key", action="store_true", help="print the key and end")
    parser.add_argument("--print-path", action="store_true", help="print the folder and end")
    parser.add_argument("--check", action="store_true", help="exit 1 when the lab is missing")
    options = parser.parse_args()
    if options.print_key:
        print(key())
        return 0
    root = lab_root()
    if options.print_path or options.check:
        print(root)
        return 0 if is_complete(root) or not options.check else 1
    missing = _what_is_missing()
    if missing:
        print(f"The lab cannot be built here: {missing}", file=sys.stderr)
        return 1
    _install("adb", command="adb")
    if not is_complete(root):
        _build(root)
    print(f"The lab is in {root}")
    return 0


def key() -> str:
    """The digest of everything that makes the lab: this recipe, the scripts, the machine."""
    digest = hashlib.sha256(platform.machine().encode())
    scripts = sorted(path for path in (HERE / "root").rglob("*") if path.is_file())
    for file in (Path(__file__).resolve(), *scripts):
        digest.update(f"{file.relative_to(HERE)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def lab_root() -> Path:
    """Where the lab for this key is or will be."""
    given = os.environ.get("ANDROID_BENCH_LAB")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return (Path(given) if given else cache / "android-bench" / "lab") / key()


def is_complete(root: Path) -> bool:
    """Whether a build ended well: its mark is written last."""
    return (root / MARK).is_file()


def _what_is_missing() -> str | None:
    if sys.platform != "linux" or shutil.which("apt-get") is None:
        return "it is made of Debian packages, so it needs Debian or Ubuntu."
    if os.geteuid() != 0:
        return "it makes a root folder and mounts, so it needs root: sudo make lab"
    return None


def _install(*packages: str, command: str) -> None:
    """Install Debian packages on this machine unless the command is there."""
    if shutil.which(command) is not None:
        return
    print(f"Installing {' '.join(packages)} ...", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        _run(["apt-get", "-qq", *arguments], environment=quiet)


def _build(root: Path) -> None:
    """Build in a folder beside and rename it in the end, one build at a time."""
    root.parent.mkdir(parents=True, exist_ok=True)
    with (root.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_complete(root):  # another process built it while this one waited
            return
        work = root.with_name(f"{root.name}.part")
        for leftover in (work, root):
            if leftover.exists():
                shutil.rmtree(leftover)
        start = time.monotonic()
        try:
            _fill(work)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
        work.rename(root)
        print(f"Built in {time.monotonic() - start:.0f} s.")


def _fill(root: Path) -> None:
    # Without the keyring, which Ubuntu's debootstrap may come without, nothing could be verified.
    _install("debootstrap", "debian-archive-keyring", command="debootstrap")
    print(f"Installing Debian {SUITE} with adbd and TensorFlow Lite ...", flush=True)
    script = Path("/usr/share/debootstrap/scripts") / SUITE
    _run(
        [
            *("debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}"),
            *(SUITE, str(root)),
        ],
        contained=True,
        hint=None if script.exists() else "debootstrap here does not know sid: upgrade it",
    )
    print("Building benchmark_model from Debian's source of tensorflow ...", flush=True)
    inside = "/tmp/build-benchmark-model.sh"  # a path inside the root
    shutil.copy(HERE / "root" / "build-benchmark-model.sh", root / inside[1:])
    make = ["chroot", str(root), "sh", inside, "/tmp/work", "/lab/bin/benchmark_model"]
    _run(make, contained=True)
    for folder in ("data/local/tmp", "lab/android", "lab/state", "lab/toybox", "system"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    links = 'for name in $(toybox); do ln -s "$(command -v toybox)" "/lab/toybox/$name"; done'
    _run(["chroot", str(root), "sh", "-c", links], contained=True)
    (root / "system" / "bin").symlink_to("/bin")
    for waste in ("tmp", "var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc"):
        shutil.rmtree(root / waste)
        (root / waste).mkdir()
    (root / MARK).touch()


def _run(
    argv: list[str],
    *,
    contained: bool = False,
    environment: dict[str, str] | None = None,
    hint: str | None = None,
) -> None:
    """Run a command; its output is shown only when it fails."""
    done = subprocess.run(
        [*CONTAINED, *argv] if contained else argv,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        print(done.stdout[-3000:], file=sys.stderr)
        raise SystemExit(f"{argv[0]} failed ({done.returncode}). {hint or ''}".rstrip())


if __name__ == "__main__":
    sys.exit(main())
