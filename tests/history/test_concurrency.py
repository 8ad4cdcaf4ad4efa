"""Many processes write at once, into a database that none of them has made yet, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from android_bench.history import History, open_history
from tests.history.made import nights

ROOT = Path(__file__).parents[2]
WRITERS, OWN, SHARED = 6, 8, 10


def test_concurrent_writers_lose_nothing(url: str) -> None:
    command = [sys.executable, "-W", "error", "-m", "tests.history.writer"]
    writers = [
        subprocess.Popen(
            [*command, url, str(number), str(OWN), str(SHARED)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        )
        for number in range(WRITERS)
    ]  # fmt: skip
    ended = [(*writer.communicate(timeout=240), writer.returncode) for writer in writers]
    assert [(error, code) for _, error, code in ended] == [("", 0)] * WRITERS
    # The shared runs are new for exactly one of all.
    assert sum(int(out) for out, _, _ in ended) == WRITERS * OWN + SHARED
    with open_history(url) as history:
        runs = history.runs()
        assert len(runs) == len({run.run_id for run in runs}) == WRITERS * OWN + SHARED
        assert all(len(history.tagged(f"writer-{number}")) == OWN for number in range(WRITERS))
        points = [len(series.points) for series in history.series()]
        assert sum(points) == WRITERS * OWN + SHARED


def test_readers_see_whole_transactions_while_others_write(url: str, history: History) -> None:
    batch = 5
    stop = threading.Event()
    seen: list[int] = []

    def read() -> None:
        with open_history(url) as mine:
            while not stop.is_set():
                seen.append(len(mine.runs()))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(8):
            history.add(nights(batch, lambda day: 3000.0, seed=number))
    finally:
        stop.set()
        reader.join()
    assert seen
    assert all(count % batch == 0 for count in seen)
    assert seen == sorted(seen)


def test_a_writer_that_is_killed_in_the_middle_leaves_nothing(url: str, history: History) -> None:
    before = nights(1, lambda day: 3000.0)
    history.add(before)
    code = (
        "import sys, time\n"
        "from android_bench.history import open_history, recording\n"
        "from tests.history.made import nights\n"
        "write, count = recording._write_measures, []\n"
        "def stops(*arguments):\n"
        "    write(*arguments)\n"
        "    count.append(1)\n"
        "    if len(count) == 3:\n"
        "        print('in the middle', flush=True)\n"
        "        time.sleep(300)\n"
        "recording._write_measures = stops\n"
        "open_history(sys.argv[1]).add(nights(range(5, 12), lambda day: 3000.0))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, url], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "in the middle\n"
        writer.kill()
    assert history.runs() == tuple(before)
    # Nobody holds a lock.
    assert history.add(nights(range(5, 12), lambda day: 3000.0)) == 7
