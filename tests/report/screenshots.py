"""Take pictures of a report in a real browser: narrow and wide, light and dark, and as it prints.

::

    python tests/report/screenshots.py report.html pictures/

Used by ``make screenshots``. It needs Chromium or Chrome; ``pdftoppm`` too, for pictures of the pages
that are printed (without it the PDF is left to look at).
"""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
INSTALL = "apt-get install -y --no-install-recommends chromium poppler-utils"
WIDTHS = (390, 1440, 1600)
# Blink's setting: 0 prefers dark, 1 prefers light.
SCHEMES = {"light": 1, "dark": 0}
# Textures above 16,384 pixels come out blank.
TALLEST = 16_000
# The page lies in a frame, because a browser's window has a least width (about 500 pixels) that is
# wider than a phone; the title then tells how high the page is.
FRAME = """<!doctype html><title>?</title>
<style>html,body{{margin:0;overflow:hidden}}iframe{{border:0;display:block}}</style>
<iframe src="{source}" width="{width}" height="{height}" scrolling="no"></iframe>
<script>onload=()=>{{document.title=frames[0].document.documentElement.scrollHeight}}</script>
"""


def find_browser() -> str | None:
    """The first browser of the Chromium family on the path."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def run_browser(browser: str, *arguments: str) -> str:
    """Run the browser headless with a profile of its own; return what it printed."""
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(
            [
                browser,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--no-first-run",
                "--hide-scrollbars",
                "--allow-file-access-from-files",
                "--virtual-time-budget=3000",
                f"--user-data-dir={profile}",
                *arguments,
            ],
            capture_output=True,
            text=True,
            timeout=180,
            check=True,
        )
    return done.stdout


def picture(browser: str, report: Path, target: Path, *, width: int, scheme: str) -> None:
    """Take one picture of the whole page."""
    setting = f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}"
    with tempfile.TemporaryDirectory() as folder:
        wrapper = Path(folder) / "frame.html"

        def frame(height: int) -> None:
            source = html.escape(report.as_uri())
            wrapper.write_text(FRAME.format(source=source, width=width, height=height))

        frame(100)
        dom = run_browser(browser, setting, "--dump-dom", wrapper.as_uri())
        found = re.search(r"<title>(\d+)</title>", dom)
        height = min(int(found.group(1)) if found else 4000, TALLEST)
        frame(height)
        run_browser(
            browser,
            setting,
            f"--window-size={width},{height}",
            f"--screenshot={target}",
            wrapper.as_uri(),
        )


def print_pages(browser: str, report: Path, folder: Path) -> None:
    """Print to PDF and, where poppler is there, to one picture a page."""
    target = folder / f"{report.stem}-print.pdf"
    run_browser(browser, "--no-pdf-header-footer", f"--print-to-pdf={target}", report.as_uri())
    if pdftoppm := shutil.which("pdftoppm"):
        subprocess.run(
            [pdftoppm, "-r", "60", "-png", str(target), str(target.with_suffix(""))], check=True
        )


def main(arguments: list[str]) -> int:
    """Make all pictures of one report."""
    if len(arguments) != 2:
        print(f"usage: {Path(__file__).name} REPORT.html FOLDER", file=sys.stderr)
        return 2
    browser = find_browser()
    if browser is None:
        print(f"No Chromium found. On Debian and Ubuntu: {INSTALL}", file=sys.stderr)
        return 1
    report, folder = Path(arguments[0]).resolve(), Path(arguments[1])
    folder.mkdir(parents=True, exist_ok=True)
    for width in WIDTHS:
        for scheme in SCHEMES:
            target = folder / f"{report.stem}-{width}-{scheme}.png"
            picture(browser, report, target.resolve(), width=width, scheme=scheme)
            print(target)
    print_pages(browser, report, folder.resolve())
    print(folder / f"{report.stem}-print.pdf")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
