"""Print the figures that README and docs quote: ``make bench``.

Every figure is a ratio of things measured in one run, in turn, because machines are shared and noisy.
"""

from __future__ import annotations

import platform
from datetime import datetime, timezone

from tests.benchmarks import (
    bench_changes,
    bench_metadata,
    bench_parser,
    bench_report,
    bench_run,
    bench_startup,
    bench_transport,
)
from tests.benchmarks.calibration import figures


def main() -> None:
    day = datetime.now(timezone.utc).date().isoformat()
    print(f"{day}, {platform.machine()}, {platform.system()} {platform.release()}")
    for module in (
        bench_startup,
        bench_parser,
        bench_metadata,
        bench_transport,
        bench_run,
        bench_report,
        figures,
        bench_changes,
    ):
        print(f"\n{module.__doc__}".splitlines()[1])
        module.main()


if __name__ == "__main__":
    main()
