"""The history in a real browser: opened, read, sorted, filtered, followed to a run, by mouse and keyboard."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from android_bench.history import open_history
from android_bench.results import DeviceInfo, DeviceKind
from tests import examples
from tests.history.made import nights, run_on_day, sha
from tests.history.serving import Serving, serving
from tests.report.browsing import launch
from tests.report.screenshots import INSTALL

# One browser for all of them.
pytestmark = pytest.mark.xdist_group("browser")

HOSTILE = "<img src=x onerror=alert(1)>\u202e{{7*7}}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = launch(playwright)
        if started is None:
            reason = f"no Chromium; on Debian and Ubuntu: {INSTALL}"
            pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
        yield started
        started.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    file = tmp_path_factory.mktemp("browsed") / "history.sqlite"
    updated = replace(examples.PHONE, fingerprint="acme/one/one:16/BP1A/2:user/release-keys")
    emulator = DeviceInfo(serial="emulator-5554", kind=DeviceKind.EMULATOR, model="Pixel AVD")
    with open_history(str(file)) as history:
        for runs in (
            nights(40, lambda day: 3120 if day >= 25 else 3000),
            nights(40, lambda day: 5000 * (1 + 0.06 * day / 40), name="drifting"),
            nights(15, lambda day: 8000, name="updated"),
            nights(range(15, 30), lambda day: 7400, name="updated", device=updated),
            nights(3, lambda day: 700, name="tiny", device=emulator),
            [run_on_day(0, name=HOSTILE, device=replace(examples.PHONE, model=HOSTILE))],
        ):
            for run in runs:
                history.add([run], revision=sha(int(run.started_at[8:10]), "a"), branch="main")
        history.add([run_on_day(1, name="a-model-with-a-name-" * 8)], branch="b" * 150)
    with serving("--db", str(file)) as started:
        yield started


@contextmanager
def visit(browser: Browser, served: Serving, path: str = "", **options: Any) -> Iterator[Page]:
    """Open a page; whatever it says to the console or asks of anybody else fails the test."""
    context = browser.new_context(**options)
    context.set_default_timeout(15_000)
    problems: list[str] = []
    context.route(lambda url: not url.startswith(served.url), lambda route: route.abort())
    page = context.new_page()
    page.on("console", lambda message: problems.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: problems.append(f"exception: {error}"))
    page.on("dialog", lambda dialog: problems.append(f"dialog: {dialog.message}"))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((served.url, "data:", "blob:"))
            else problems.append(request.url)
        ),
    )
    page.goto(served.url + path)
    try:
        yield page
    finally:
        context.close()
    assert problems == []


def open_series(page: Page, name: str) -> None:
    page.locator("tbody th a", has_text=name).click()
    expect(page.locator("h1")).to_contain_text(name)


@pytest.mark.parametrize("width", [360, 800, 1600])
def test_pages_fit_any_width(browser: Browser, served: Serving, width: int) -> None:
    with visit(browser, served, viewport={"width": width, "height": 800}) as page:
        for name in (None, "digits.int8", "a-model-with", "onerror"):
            page.goto(served.url)
            if name:
                open_series(page, name)
            # Only tables scroll sideways, the page does not.
            assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, served: Serving, scheme: str) -> None:
    with visit(browser, served, color_scheme=scheme) as page:
        for name in (None, "digits.int8", "updated", "tiny", "drifting"):
            page.goto(served.url)
            if name:
                open_series(page, name)
            # axe is put into the page past its policy, as a developer's tools would be.
            found = Axe().run(page).response["violations"]
            assert [
                (item["id"], [node["html"][:200] for node in item["nodes"][:3]]) for item in found
            ] == []


def test_the_worst_stands_first_and_leads_to_the_change_and_the_run(
    browser: Browser, served: Serving
) -> None:
    with visit(browser, served) as page:
        first = page.locator("tbody tr").first
        expect(first).to_contain_text("digits.int8")
        expect(first).to_contain_text("worse")
        open_series(page, "digits.int8")
        expect(page.locator(".lead")).to_contain_text("worse +4.")
        chart = page.locator("svg.chart")
        assert chart.locator("circle").count() == 40
        assert chart.locator(".cut.worse").count() == 1
        before, after = (
            page.locator("svg.chart circle").nth(place).bounding_box() for place in (24, 25)
        )
        cut = chart.locator(".cut line").bounding_box()
        assert before
        assert after
        assert cut
        assert before["x"] < cut["x"] < after["x"] + after["width"]
        assert after["y"] < before["y"] - 20  # slower is higher
        page.locator("tbody th a").first.click()
        expect(page.locator("h1")).to_contain_text("digits.int8")
        assert "/runs/" in page.url
        page.go_back()
        expect(page.locator("h1")).to_contain_text("Latency of")


def test_what_is_not_the_model_s_doing_is_marked_so(browser: Browser, served: Serving) -> None:
    with visit(browser, served) as page:
        open_series(page, "updated")
        expect(page.locator(".lead")).to_contain_text("another device or build of its system")
        assert page.locator(".cut.moved").count() == 1
        assert page.locator(".regressed").count() == 0
        page.goto(served.url)
        open_series(page, "drifting")
        expect(page.locator(".moves")).to_contain_text("little by little")
        assert page.locator(".cut").count() == 0
        page.goto(served.url)
        open_series(page, "tiny")
        expect(page.locator(".meta")).to_contain_text("an emulator — not a phone —")


def test_tables_sort_and_filter(browser: Browser, served: Serving) -> None:
    with visit(browser, served) as page:
        open_series(page, "digits.int8")
        names = page.locator("tbody td:nth-child(3)")

        def values() -> list[float]:
            return [float(text.split()[0]) for text in names.all_inner_texts() if text]

        page.get_by_role("button", name="Latency").click()
        assert values() == sorted(values())
        page.keyboard.press("Enter")  # the focus stays on the heading
        assert values() == sorted(values(), reverse=True)
        page.get_by_label("Filter this table").fill("2026-10-0")
        assert page.locator("tbody tr:not([hidden])").count() == 9


def test_measures_and_colours_can_be_chosen(browser: Browser, served: Serving) -> None:
    with visit(browser, served, color_scheme="light") as page:
        page.get_by_role("link", name="File size", exact=True).click()
        expect(page.locator(".meta")).to_contain_text("File size of")
        open_series(page, "digits.int8")
        expect(page.locator("h1")).to_contain_text("File size of")
        page.get_by_role("link", name="Peak memory", exact=True).click()
        expect(page.locator("h1")).to_contain_text("Peak memory of")
        light = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.locator("#theme input[value=dark]").check()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
        page.reload()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light


def test_hostile_names_do_nothing(browser: Browser, served: Serving) -> None:
    with visit(browser, served) as page:
        assert page.locator("main img").count() == 0
        open_series(page, "onerror")
        assert page.locator("main img, h1 img").count() == 0
        expect(page.locator("h1")).to_contain_text("{{7*7}}")
        page.locator("tbody th a").first.click()
        assert "/runs/" in page.url
        assert page.locator("main img, h1 img").count() == 0


def test_without_scripts_everything_is_there(browser: Browser, served: Serving) -> None:
    with visit(browser, served, java_script_enabled=False) as page:
        open_series(page, "digits.int8")
        assert page.locator("tbody tr").count() == 40
        assert page.locator("svg.chart circle").count() == 40
