"""The parsers: 100,000 outputs made and damaged by chance, each read right or refused by a named error."""

from __future__ import annotations

import time

from tests.benchmark_model import fuzz

COUNT = 100_000
SEED = 1


def main(count: int = COUNT) -> None:
    start = time.perf_counter()
    found = fuzz.run(count, seed=SEED)
    spent = time.perf_counter() - start
    print(f"  {count:,} outputs in {spent:.0f} s, {count / spent:,.0f} a second, none read wrong")
    for line in fuzz.told(found):
        print(f"    {line}")


if __name__ == "__main__":
    main()
