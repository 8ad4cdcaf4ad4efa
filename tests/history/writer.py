"""A process that writes into a history, for tests with many of them: URL, number, runs of its own, shared runs."""

from __future__ import annotations

import sys

from android_bench.history import open_history
from tests.history.made import nights


def main(url: str, number: int, own: int, shared: int) -> None:
    mine = nights(own, lambda day: 3000.0, seed=number + 1, name=f"model-{number % 3}")
    everybodys = nights(shared, lambda day: 3000.0, name="shared")
    new = 0
    for run in mine:
        # Each opens the history anew, as one call of the command does.
        with open_history(url) as history:
            new += history.add([run], branch="main", tag=f"writer-{number}")
    with open_history(url) as history:
        # Another order in each process: those that wait for each other must not do so in a circle.
        order = everybodys if number % 2 else everybodys[::-1]
        new += history.add(order, branch="main")
    print(new)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
