"""Print the optimizer's figures that README and docs quote: ``make bench-optimizer``."""

from __future__ import annotations

import platform
import time
from datetime import datetime, timezone

from tests.benchmarks.optimizer import bench_front, bench_sweep


def main() -> None:
    day = datetime.now(timezone.utc).date().isoformat()
    print(f"{day}, {platform.machine()}, {platform.system()} {platform.release()}")
    start = time.monotonic()
    for module in (bench_front, bench_sweep):
        print(f"\n{module.__doc__}".splitlines()[1])
        module.main()
    print(f"\n{(time.monotonic() - start) / 60:.0f} minutes in all")


if __name__ == "__main__":
    main()
