"""The emulator's own options, as AOSP's external/qemu lists them (android/cmdline-options.h)."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

_FLAGS = frozenset(
    """
    list-avds writable-system delay-adb no-cache nocache no-snapstorage no-snapshot no-snapshot-save
    no-snapshot-load snapshot-list no-snapshot-update-time wipe-data no-skin noskin no-accel ranchu netfast
    show-kernel shell no-jni nojni use-system-libs no-audio noaudio no-boot-anim no-window no-sim lowram
    version no-passive-gps read-only webcam-list fixed-scale wait-for-debugger skip-adb-auth
    metrics-to-console detect-image-hang allow-host-audio restart-when-stalled verbose accel-check
    """.split()  # noqa: SIM905
)
_WITH_VALUE = frozenset(
    """
    sysdir system vendor datadir kernel ramdisk image initdata data encryption-key logcat-output
    partition-size cache cache-size sdcard quit-after-boot monitor-adb snapstorage snapshot avd skindir skin
    memory ui-only cores accel engine netspeed netdelay code-profile logcat bluetooth stdouterr-file audio
    radio port ports onion onion-alpha onion-rotation dpi-device scale wifi-client-port wifi-server-port
    http-proxy timezone dns-server net-tap net-tap-script-up net-tap-script-down cpu-delay is-restart
    report-console gps shell-serial tcpdump bootchart charmap studio-params prop shared-net-id nand-limits
    gpu camera-back camera-front virtualscene-poster screen selinux unix-pipe metrics-to-file feature
    sim-access-rules-file phone-number acpi-config perf-stat grpc
    """.split()  # noqa: SIM905
)


@dataclass
class Options:
    """What was given; an option that may come several times keeps all its values."""

    flags: set[str] = field(default_factory=set)
    values: dict[str, list[str]] = field(default_factory=dict)

    def last(self, name: str, default: str) -> str:
        return self.values.get(name, [default])[-1]


def parse(words: list[str]) -> Options:
    """Read a command line; end as the emulator does on what it does not know."""
    options = Options()
    rest = iter(words)
    for word in rest:
        name = word[1:].replace("_", "-")
        if word.startswith("@"):
            options.values["avd"] = [word[1:]]
        elif not word.startswith("-"):
            print(f"invalid command-line parameter: {word}.", file=sys.stderr)
            print("Hint: use '@foo' to launch a virtual device named 'foo'.", file=sys.stderr)
            print("please use -help for more information", file=sys.stderr)
            raise SystemExit(1)
        elif name in _FLAGS:
            options.flags.add(name)
        elif name in _WITH_VALUE:
            value = next(rest, None)
            if value is None:
                print(f"option -{name} must be followed by a parameter", file=sys.stderr)
                raise SystemExit(1)
            options.values.setdefault(name, []).append(value)
        else:
            print(f"unknown option: {word}", file=sys.stderr)
            print("please use -help for a list of valid options", file=sys.stderr)
            raise SystemExit(1)
    return options
