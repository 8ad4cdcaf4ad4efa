"""The report: 1,000 runs from their files to a page, and that page in Chromium.

Writing is the whole command, from the start of the process to its end. Opening is what the browser itself
says of a page opened from a file, until it has been laid out and painted for the first time.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from android_bench import schema
from android_bench.config import BenchmarkConfig
from tests.report import examples
from tests.report.screenshots import find_browser

RUNS = 1000
REPEATS = 5


def main() -> None:
    """Write the runs, report them, open the page."""
    with tempfile.TemporaryDirectory() as folder:
        results, page = Path(folder) / "results", Path(folder) / "report.html"
        invocations = BenchmarkConfig().invocations
        for run in examples.make_many(RUNS, invocations=invocations):
            file = results / run.run_id / "run.json"
            file.parent.mkdir(parents=True)
            file.write_text(schema.dumps(run), encoding="utf-8")
        writing = [_seconds_to_write(results, page) for _ in range(REPEATS)]
        size = page.stat().st_size
        print(
            f"  report of {RUNS:,} runs of {invocations} invocations: median {statistics.median(writing):.2f} s "
            f"({min(writing):.2f} to {max(writing):.2f} s), {size / 1e6:.1f} MB"
        )
        if find_browser() is None:
            print("  no Chromium: opening is not measured")
            return
        opening = _milliseconds_to_open(page)
        for name, times in opening.items():
            print(
                f"  {name} in Chromium: median {statistics.median(times):.0f} ms "
                f"({min(times):.0f} to {max(times):.0f} ms)"
            )


def _seconds_to_write(results: Path, page: Path) -> float:
    begin = time.perf_counter()
    tool = Path(sys.executable).with_name("android-bench")
    subprocess.run([tool, "report", results, "-o", page], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def _milliseconds_to_open(page: Path) -> dict[str, list[float]]:
    from playwright.sync_api import sync_playwright

    from tests.report.browsing import launch

    times: dict[str, list[float]] = {"DOM ready": [], "first paint": [], "loaded": []}
    with sync_playwright() as playwright:
        browser = launch(playwright)
        if browser is None:
            return {}
        for _ in range(REPEATS):
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            tab = context.new_page()
            tab.goto(page.as_uri(), wait_until="load")
            tab.wait_for_timeout(300)
            seen = tab.evaluate(
                """(() => { const [page] = performance.getEntriesByType("navigation");
                  const paint = performance.getEntriesByName("first-contentful-paint")[0];
                  return [page.domContentLoadedEventEnd, paint.startTime, page.loadEventEnd]; })()"""
            )
            for name, value in zip(times, seen, strict=True):
                times[name].append(value)
            context.close()
        browser.close()
    return times


if __name__ == "__main__":
    main()
