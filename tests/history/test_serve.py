"""The server: what it answers, what it refuses, and what it says when it cannot start."""

from __future__ import annotations

import signal
import socket
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from android_bench.history import open_history
from tests import examples
from tests.history.conftest import new_database
from tests.history.made import nights, run_on_day, sha
from tests.history.postgres import PASSWORD, QUOTED, Server
from tests.history.serving import Serving, serving, start

HOSTILE = "<script>alert(1)</script>\"'&\x1b\u202e{{ 7*7 }}/../x"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("served") / "history.sqlite"
    with open_history(str(file)) as history:
        for day, run in enumerate(nights(30, lambda day: 3120 if day >= 20 else 3000)):
            history.add([run], revision=sha(day, "a"), branch="main")
        device = replace(examples.PHONE, serial=HOSTILE, model=HOSTILE, fingerprint=HOSTILE)
        hostile = run_on_day(0, name=HOSTILE, device=device, run_id=f"run {HOSTILE}")
        history.add([hostile], revision=HOSTILE, branch=HOSTILE, tag=HOSTILE)
    return file


@pytest.fixture(scope="module")
def served(filled: Path) -> Iterator[Serving]:
    with serving("--db", str(filled)) as started:
        yield started


def links(text: str, begin: str) -> list[str]:
    return [
        unescape(part.partition('"')[0]) for part in text.split('href="') if part.startswith(begin)
    ]


def test_it_listens_on_this_computer_only(served: Serving) -> None:
    assert served.url.startswith("http://127.0.0.1:")


def test_the_first_page_leads_to_every_series_and_run(served: Serving) -> None:
    index = served.ask()
    assert index.status == 200
    assert "1 of 2 series got worse" in index.text
    assert f"between {sha(19, 'a')[:12]} and {sha(20, 'a')[:12]}" in index.text
    series = links(index.text, "/series/")
    assert len(series) == 2
    for address in series:
        page = served.ask(address)
        assert page.status == 200
        runs = links(page.text, "/runs/")
        assert len(runs) in {1, 30}
        report = served.ask(runs[0])
        assert report.status == 200
        assert "android-bench report" in report.text
        for other in links(page.text, "/series/"):
            assert served.ask(other).status == 200
    for measure in links(index.text, "/?measure="):
        assert served.ask(measure).status == 200


@pytest.mark.parametrize("path", ["/", "/assets/history.css", "/nothing", "/series/x/latency"])
def test_every_answer_keeps_browsers_from_doing_more(served: Serving, path: str) -> None:
    headers = served.ask(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers
    assert "set-cookie" not in headers


def test_a_run_s_report_brings_its_own_policy(served: Serving) -> None:
    series = links(served.ask().text, "/series/")[0]
    report = served.ask(links(served.ask(series).text, "/runs/")[0])
    assert "frame-ancestors 'none'" in report.headers["content-security-policy"]
    assert "default-src 'none'" in unescape(report.text)
    assert "script-src 'sha256-" in unescape(report.text)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_it_can_only_be_read(served: Serving, method: str) -> None:
    answer = served.ask("/", method=method)
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD"


def test_a_head_is_a_page_without_its_body(served: Serving) -> None:
    answer = served.ask("/", method="HEAD")
    assert (answer.status, answer.text) == (200, "")
    assert int(answer.headers["content-length"]) > 1000


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_a_page_of_the_web_cannot_take_its_name(served: Serving, host: str) -> None:
    assert served.ask("/", Host=host).status == 421
    assert served.ask("/", Host="localhost:1234").status == 200
    assert served.ask("/", Host="[::1]").status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/series/nothing/latency", "/series/x/speed", "/runs/nothing", "/?measure=speed", "/assets/report.html.j2",
        "/assets/../pyproject.toml", "/assets/%2e%2e%2fpyproject.toml", "/runs/%00", "/runs/%ff", "/..",
    ],
)  # fmt: skip
def test_what_is_not_there_is_a_page_that_says_so(served: Serving, path: str) -> None:
    answer = served.ask(path)
    assert answer.status == 404
    assert "This cannot be shown" in answer.text


def test_hostile_names_stay_text(served: Serving) -> None:
    index = served.ask().text
    pages = [index, *(served.ask(address).text for address in links(index, "/series/"))]
    for text in pages:
        assert "<script>alert" not in text
        assert "49" not in text.partition("alert(1)")[2][:200]
        assert "\x1b" not in text
    assert sum("&lt;script&gt;alert(1)" in text for text in pages) == 2


def test_a_measure_that_no_run_tells(served: Serving) -> None:
    answer = served.ask("/?measure=accuracy")
    assert answer.status == 200
    assert "holds no complete run with accuracy" in answer.text


def test_new_runs_are_there_at_the_next_look(tmp_path: Path) -> None:
    file = str(tmp_path / "history.sqlite")
    with open_history(file):
        pass
    with serving("--db", file) as started:
        assert "android-bench history add RESULTS" in started.ask().text
        with open_history(file) as history:
            history.add([run_on_day(0)])
        assert "digits.int8" in started.ask().text


def test_a_database_that_goes_away_is_said_and_comes_back(server: Server) -> None:
    url = new_database(server)
    with open_history(url) as history:
        history.add([run_on_day(0)])
    name = url.rpartition("/")[2]
    import psycopg

    with (
        serving("--db", url) as started,
        psycopg.connect(server.url().replace("+psycopg", ""), autocommit=True) as admin,
    ):
        assert started.ask().status == 200
        admin.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false')
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )
        answer = started.ask()
        assert answer.status == 503
        assert "is not available" in answer.text
        assert PASSWORD not in answer.text
        assert QUOTED not in answer.text
        admin.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS true')
        assert started.ask().status == 200


def ended(*arguments: str) -> tuple[int, str, str]:
    process = start(*arguments)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, " ".join(err.split())


def test_a_port_that_is_taken(filled: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = ended("--db", str(filled), "--port", str(port))
    assert (code, out) == (2, "")
    assert f"Port {port} on 127.0.0.1 is taken" in err
    assert "--port 0" in err


def test_no_history_and_no_database(tmp_path: Path) -> None:
    code, _, err = ended("--db", str(tmp_path / "none.sqlite"))
    assert code == 1
    assert "There is no history in" in err
    sqlite3.connect(tmp_path / "other.sqlite").execute("CREATE TABLE mine (x)").connection.close()
    code, _, err = ended("--db", str(tmp_path / "other.sqlite"))
    assert code == 1
    assert "There is no history in" in err


def test_an_address_that_is_not_of_this_computer(filled: Path) -> None:
    code, _, err = ended("--db", str(filled), "--host", "192.0.2.1")
    assert code == 2
    assert "Nothing can listen on 192.0.2.1" in err


def test_ctrl_c_ends_it(filled: Path) -> None:
    with serving("--db", str(filled)) as started:
        assert started.ask().status == 200
        started.process.send_signal(signal.SIGINT)
        assert started.process.wait(30) == 0
        assert started.process.stderr is not None
        told = started.process.stderr.read()
        assert "until Ctrl-C" in told
        assert "Ended." in told
        assert "Traceback" not in told


def test_everybody_is_told_of(filled: Path) -> None:
    with serving("--db", str(filled), "--host", "0.0.0.0") as started:
        port = started.url.rstrip("/").rpartition(":")[2]
        there = Serving(f"http://127.0.0.1:{port}/", started.process)
        assert there.ask("/", Host="a-name-of-this-computer").status == 200
        started.process.send_signal(signal.SIGINT)
        started.process.wait(30)
        assert started.process.stderr is not None
        assert "everybody who reaches this computer" in started.process.stderr.read()
