"""The report in a real browser: opened from a file, read, sorted, filtered, printed, by mouse and keyboard."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect, sync_playwright

from android_bench.analysis.compare import compare_sets
from android_bench.analysis.metrics import Metric
from android_bench.report import packing, write_report
from android_bench.results import BenchmarkRun
from tests.report import examples, rich
from tests.report.browsing import Visit, launch, visit
from tests.report.screenshots import INSTALL
from tests.report.test_page import HOSTILE, hostile_page

# One browser for all of them.
pytestmark = pytest.mark.xdist_group("browser")

NAMES = ("rich", "compare", "family", "hostile", "packed", "empty")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = launch(playwright)
        if started is None:
            reason = f"no Chromium; on Debian and Ubuntu: {INSTALL}"
            pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
        yield started
        started.close()


def everything() -> tuple[BenchmarkRun, ...]:
    return (
        *rich.make_session(),
        *rich.make_session(rich.GALAXY, (rich.CPU,), ("float32", "int8"), base_us=7000),
        *examples.make_family(examples.HOST),
        examples.make_broken(),
        examples.make_minimal(),
    )


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    files = {name: folder / f"{name}.html" for name in NAMES}
    before, after = rich.make_comparison()
    write_report(everything(), path=files["rich"])
    compared = compare_sets(before, after, metrics=tuple(Metric))
    write_report((*before, *after), path=files["compare"], comparisons=compared)
    write_report(examples.make_family(), path=files["family"])
    write_report((), path=files["empty"])
    files["hostile"].write_text(hostile_page("".join(HOSTILE)), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "MOST_BYTES", 1000)
        write_report(examples.make_many(70), path=files["packed"])
    return files


def cells(opened: Visit, column: str) -> list[str]:
    """The texts of one column of the table of variants, from above, of the rows that are shown."""
    headings = opened.text("#variants-table thead tr:last-child th")
    index = headings.index(column) + 1
    return opened.text(f"#variants-table tr[data-run]:not([hidden]) > :nth-child({index})")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [360, 1440])
def test_opens_quietly_and_fits(
    browser: Browser, pages: dict[str, Path], name: str, width: int
) -> None:
    with visit(browser, pages[name], viewport={"width": width, "height": 800}) as opened:
        assert opened.page.locator("h1").is_visible()
        # Only tables and code scroll sideways, the page does not.
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
        assert opened.requests == [pages[name].as_uri()]


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("rich", "light"),
        ("rich", "dark"),
        ("compare", "dark"),
        ("packed", "light"),
        ("hostile", "light"),
        ("empty", "dark"),
    ],
)
def test_axe_finds_nothing(
    browser: Browser, pages: dict[str, Path], name: str, scheme: str
) -> None:
    with visit(browser, pages[name], color_scheme=scheme) as opened:
        opened.page.evaluate(
            "document.querySelectorAll('details').forEach((item, n) => { item.open = n < 6; })"
        )
        opened.page.wait_for_timeout(200)
        found = Axe().run(opened.page).response["violations"]
        assert [
            (item["id"], [node["html"][:200] for node in item["nodes"][:3]]) for item in found
        ] == []


def test_a_heading_sorts_up_and_down_and_says_so(browser: Browser, pages: dict[str, Path]) -> None:
    with visit(browser, pages["family"]) as opened:
        heading = opened.page.locator("#variants-table th", has_text="Median")
        heading.get_by_role("button").click()
        up = cells(opened, "Median")
        assert heading.get_attribute("aria-sort") == "ascending"
        numbers = [float(text.split()[0]) for text in up]
        assert len(numbers) == 4
        assert numbers == sorted(numbers)
        assert opened.text("#announce") == ["Sorted by Median, ascending."]
        heading.get_by_role("button").press("Enter")
        assert heading.get_attribute("aria-sort") == "descending"
        assert cells(opened, "Median") == up[::-1]
        # Another column takes over, and only one heading says that it is sorted by.
        opened.page.locator("#variants-table th", has_text="Variant").get_by_role("button").click()
        assert opened.page.locator("#variants-table [aria-sort]").count() == 1
        names = [text.splitlines()[0] for text in cells(opened, "Variant")]
        assert names == sorted(names)


def test_unknown_values_stay_last(browser: Browser, pages: dict[str, Path]) -> None:
    with visit(browser, pages["rich"]) as opened:
        heading = opened.page.locator("#variants-table th", has_text="Median")
        for _ in range(2):
            heading.get_by_role("button").click()
            bodies = opened.page.evaluate(
                """[...document.querySelectorAll("#variants-table tbody")].map((body) =>
                  [...body.querySelectorAll("tr[data-run]")].map((row) => row.cells[1].dataset.v ?? ""))"""
            )
            for values in bodies:
                known = [value for value in values if value]
                assert values[: len(known)] == known


def test_filters_all_tables_by_text(browser: Browser, pages: dict[str, Path]) -> None:
    with visit(browser, pages["rich"]) as opened:
        total = len(cells(opened, "Variant"))
        opened.page.get_by_role("searchbox", name="Filter runs").fill("INT8 galaxy")
        expect(opened.page.locator("#filter-status")).not_to_be_empty()
        assert len(cells(opened, "Variant")) == 1
        assert opened.text("#filter-status") == [f"1 of {total} runs shown, in all tables."]
        shown = opened.page.locator("[data-run]:visible")
        anchors = set(shown.evaluate_all("items => items.map((item) => item.dataset.run)"))
        inside = opened.page.locator("tr[data-run]:visible, details[data-run]:visible")
        assert len(set(inside.evaluate_all("items => items.map((item) => item.dataset.run)"))) == 1
        assert anchors  # charts keep all runs, those that do not fit fade
        assert opened.page.locator("svg .out").count() > 0
        opened.page.get_by_role("button", name="Show all").click()
        expect(opened.page.locator("#filter-status")).to_be_empty()
        assert len(cells(opened, "Variant")) == total
        assert opened.page.locator("svg .out").count() == 0


def test_filters_by_device_and_delegate(browser: Browser, pages: dict[str, Path]) -> None:
    with visit(browser, pages["rich"]) as opened:
        opened.page.get_by_role("combobox", name="Device").select_option(label="Samsung Galaxy S23")
        assert len(cells(opened, "Variant")) == 2
        opened.page.get_by_role("combobox", name="Delegate").select_option(label="gpu")
        assert cells(opened, "Variant") == []
        opened.page.get_by_role("combobox", name="Device").select_option(label="all")
        assert len(cells(opened, "Variant")) == 4
        assert opened.page.locator("#variants-table tbody:visible").count() == 1


def test_findings_are_found_by_the_filter(browser: Browser, pages: dict[str, Path]) -> None:
    with visit(browser, pages["rich"]) as opened:
        opened.page.get_by_role("searchbox", name="Filter runs").fill("invocation-")
        expect(opened.page.locator("#filter-status")).not_to_be_empty()
        assert [text.splitlines()[0] for text in cells(opened, "Variant")] == ["digits.flex"]


def test_a_theme_is_chosen_and_kept(browser: Browser, pages: dict[str, Path]) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    with visit(browser, pages["family"], color_scheme="light") as opened:
        light = opened.page.evaluate(paper)
        opened.page.get_by_role("radio", name="Dark").check()
        dark = opened.page.evaluate(paper)
        assert dark != light
        opened.page.reload()
        assert opened.page.evaluate(paper) == dark
        assert opened.page.get_by_role("radio", name="Dark").is_checked()
        opened.page.emulate_media(media="print")
        assert opened.page.evaluate(paper) == "rgb(255, 255, 255)"
        opened.page.emulate_media(media="screen", color_scheme="dark")
        opened.page.get_by_role("radio", name="Light").check()
        assert opened.page.evaluate(paper) == light
        opened.page.get_by_role("radio", name="System").check()
        assert opened.page.evaluate(paper) == dark


def test_a_browser_without_storage_still_switches(browser: Browser, pages: dict[str, Path]) -> None:
    with visit(browser, pages["family"], color_scheme="light") as opened:
        opened.page.add_init_script(
            "Object.defineProperty(window, 'localStorage', "
            "{ get() { throw new DOMException('denied', 'SecurityError'); } })"
        )
        opened.page.reload()
        opened.page.get_by_role("radio", name="Dark").check()
        assert opened.page.locator("html").get_attribute("data-theme") == "dark"


def test_the_keyboard_reaches_everything_and_is_seen(
    browser: Browser, pages: dict[str, Path]
) -> None:
    with visit(browser, pages["rich"]) as opened:
        opened.page.keyboard.press("Tab")
        assert opened.page.evaluate("document.activeElement.textContent") == "Skip to the answer"
        assert opened.page.evaluate("document.activeElement.getBoundingClientRect().x") >= 0
        seen = []
        for _ in range(60):
            state = opened.page.evaluate(
                """(() => { const item = document.activeElement;
                  const drawn = item.type === "radio" ? item.nextElementSibling : item;
                  return [item.tagName, getComputedStyle(drawn).outlineStyle, item.id]; })()"""
            )
            assert state[1] != "none", state
            seen.append((state[0], state[2]))
            opened.page.keyboard.press("Tab")
        tags = [tag for tag, _ in seen]
        assert {"A", "INPUT", "SELECT", "BUTTON"} <= set(tags)
        order = [identity for _, identity in seen if identity.startswith("filter-")]
        assert order == ["filter-text", "filter-device", "filter-delegate"]


def test_skipping_leads_to_the_answer(browser: Browser, pages: dict[str, Path]) -> None:
    with visit(browser, pages["rich"]) as opened:
        opened.page.keyboard.press("Tab")
        opened.page.keyboard.press("Enter")
        assert opened.page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("name", ["rich", "packed"])
def test_a_finding_leads_to_its_words(browser: Browser, pages: dict[str, Path], name: str) -> None:
    with visit(browser, pages[name]) as opened:
        chip = opened.page.locator("#variants-table .chips a").first
        target = (chip.get_attribute("href") or "").removeprefix("#")
        chip.click()
        opened.page.locator(f"#{target}").wait_for(state="visible")
        words = opened.page.locator(f"#{target}")
        code = chip.inner_text().split()[-1]
        assert code in words.inner_text()
        box = words.bounding_box()
        assert box is not None
        assert -5 <= box["y"] < 720


def test_what_is_packed_opens_and_sorts_like_the_rest(
    browser: Browser, pages: dict[str, Path]
) -> None:
    with visit(browser, pages["packed"]) as opened:
        details = opened.page.locator("#run-3")
        assert details.locator("table").count() == 0
        details.locator("summary").click()
        details.locator("table").first.wait_for()
        assert "logs/0001.timing" in details.inner_text()
        assert opened.page.locator("details.run[data-packed]").count() == 69
        opened.page.get_by_role("button", name="Open all").click()
        expect(opened.page.locator("details.run[data-packed]")).to_have_count(0)
    with visit(browser, pages["packed"], "#run-9-findings") as opened:
        opened.page.locator("#run-9 table").first.wait_for()


def test_operators_sort_and_filter(browser: Browser, pages: dict[str, Path]) -> None:
    with visit(browser, pages["rich"]) as opened:
        opened.page.locator("#run-1 > summary").click()
        table = opened.page.locator("#run-1 table.operators")
        table.get_by_role("button", name="Time").click()
        values = table.locator("tbody td:nth-child(4)").evaluate_all(
            "cells => cells.map((cell) => Number(cell.dataset.v))"
        )
        assert len(values) > 20
        assert values == sorted(values)
        opened.page.locator("#run-1 .table-filter input").fill("depthwise")
        assert table.locator("tbody tr:visible").count() == 7
        assert opened.text("#announce") == ["7 of 32 rows shown."]


def test_without_script_an_ordinary_page_is_whole(browser: Browser, pages: dict[str, Path]) -> None:
    with visit(browser, pages["rich"], java_script_enabled=False) as opened:
        opened.page.locator("#run-1 > summary").click()
        assert "logs/0001.timing" in opened.page.locator("#run-1").inner_text()
        # What only a script can do is not offered.
        assert not opened.page.locator("#filter").is_visible()
        assert not opened.page.locator("#theme").is_visible()
        assert not opened.page.locator("#open-all").is_visible()
    with visit(browser, pages["packed"], java_script_enabled=False) as opened:
        assert opened.page.get_by_text("only its script can open").is_visible()


def test_prints_dark_on_white_without_what_cannot_be_clicked(
    browser: Browser, pages: dict[str, Path]
) -> None:
    with visit(browser, pages["rich"], color_scheme="dark") as opened:
        opened.page.emulate_media(media="print", color_scheme="dark")
        for selector in ("nav", "#theme", "#filter", "#open-all"):
            assert not opened.page.locator(selector).is_visible()
        colours = opened.page.evaluate(
            "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
        )
        assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
        assert opened.page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_raw_logs_open_from_the_page(browser: Browser, tmp_path: Path) -> None:
    run = examples.make_run()
    folder = tmp_path / "results of today" / run.run_id
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "0001.timing.stdout").write_text("INFO: count=337 first=2881\n")
    page = write_report([run], path=tmp_path / "report.html", folders={run.run_id: folder})
    with visit(browser, page) as opened:
        opened.page.locator("#run-1 > summary").click()
        opened.page.locator("#run-1").get_by_role("link", name="stdout").click()
        opened.page.wait_for_load_state()
        assert "count=337" in opened.page.content()


def test_the_page_of_a_comparison_shows_both_sides(
    browser: Browser, pages: dict[str, Path]
) -> None:
    with visit(browser, pages["compare"]) as opened:
        first = opened.page.locator("details.both").first
        assert first.get_attribute("open") is not None
        text = first.inner_text()
        for words in ("regressed", "Baseline", "Candidate", "Battery temperature", "stem_conv"):
            assert words in text
        opened.page.locator("table.verdicts tbody a").last.click()
        opened.page.locator("details.both[open]").nth(1).wait_for()
        assert opened.page.locator("details.both").last.get_attribute("open") is not None


def test_names_that_turn_the_writing_direction_turn_only_themselves(
    browser: Browser, tmp_path: Path
) -> None:
    page = write_report([examples.make_run("safe\u202egnp.live")], path=tmp_path / "r.html")
    with visit(browser, page, viewport={"width": 1600, "height": 800}) as opened:
        # What follows a name stands to its right, as after any other name.
        name = opened.page.locator(".lead bdi").bounding_box()
        number = opened.page.locator(".lead strong").bounding_box()
        assert name is not None
        assert number is not None
        assert abs(name["y"] - number["y"]) < 8
        assert name["x"] + name["width"] <= number["x"]


def test_a_browser_that_cannot_unpack_says_so(browser: Browser, pages: dict[str, Path]) -> None:
    with visit(browser, pages["packed"]) as opened:
        opened.page.add_init_script("delete window.DecompressionStream")
        opened.page.reload()
        opened.page.locator("#run-3 > summary").click()
        expect(opened.page.locator("#run-3")).to_contain_text("cannot unpack")


def test_long_tables_begin_with_a_hundred_rows(browser: Browser, tmp_path: Path) -> None:
    page = write_report(examples.make_many(230), path=tmp_path / "r.html")
    rows = "#variants-table tr[data-run]:visible"
    with visit(browser, page) as opened:
        assert opened.page.locator(rows).count() == 200
        opened.page.get_by_role("searchbox", name="Filter runs").fill("mobilenet_v3_")
        expect(opened.page.locator("#filter-status")).to_contain_text("of 230 runs shown")
        found = opened.page.locator(rows).count()
        assert 0 < found < 100
        opened.page.get_by_role("button", name="Show all", exact=True).click()
        expect(opened.page.locator("#filter-status")).to_be_empty()
        opened.page.get_by_role("button", name="Show all 230 runs").click()
        assert opened.page.locator(rows).count() == 230
    with visit(browser, page, java_script_enabled=False) as opened:
        assert opened.page.locator(rows).count() == 230


def test_nothing_is_clipped_where_it_matters(browser: Browser, pages: dict[str, Path]) -> None:
    """On a phone no value of a chart lies on its label."""
    with visit(browser, pages["rich"], viewport={"width": 360, "height": 800}) as opened:
        clashes = opened.page.evaluate(
            """[...document.querySelectorAll("svg.chart")].flatMap((chart) => {
              const values = [...chart.querySelectorAll(":scope > text.value")];
              return values.filter((value) => {
                const share = parseFloat(value.previousElementSibling.getAttribute("width")) / 100;
                const box = chart.getBoundingClientRect();
                return box.width && box.left + box.width * share > value.getBoundingClientRect().left;
              }).map((value) => value.textContent);
            })"""
        )
        assert clashes == []
