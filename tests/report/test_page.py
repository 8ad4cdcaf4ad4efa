"""The page as a document: self-contained, accessible, escaped, small, and complete for any runs."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from dataclasses import replace
from pathlib import Path

import pytest

from android_bench import report
from android_bench.analysis import compare
from android_bench.analysis.compare import Verdict
from android_bench.report import page as page_module
from android_bench.report import render_report, write_report
from android_bench.results import DeviceInfo, DeviceKind, Status
from optimizer.artifact import MetadataSummary
from tests.report import examples, rich
from tests.report.pages import Element, Page

HOSTILE = (
    "<script>alert(1)</script>",
    '"onmouseover="alert(1)',
    "'><img src=x onerror=alert(1)>",
    "{{7*7}}{% raise %}",
    "</title></style></script><b>",
    "]]>&amp;&#60;",
    "javascript:alert(1)",
    "x" * 400,
    "مرحبا \u202eevil\u202c 模型 🙂",
    "nul\x00 escape\x1b[31m bell\x07 half \udc80",
    "",
)


def hostile_page(text: str) -> str:
    """Put the text wherever a model, a device, a log or a person can."""
    # The numbers are the same whatever the text is.
    run = replace(examples.make_run(), artifact=examples.make_artifact(text, text))
    device = DeviceInfo(
        serial=text,
        kind=DeviceKind.PHONE,
        manufacturer=text,
        model=text,
        soc=text,
        abis=(text,),
        android_release=text,
        fingerprint=text,
    )
    first, *others = run.invocations
    broken = replace(
        first,
        status=Status.FAILED,
        problem=text,
        command=text,
        log=text,
        delegation=replace(first.delegation, delegate_name=text) if first.delegation else None,
    )
    run = replace(
        run,
        run_id=text,
        started_at=text,
        tool_version=text,
        device=device,
        binary=replace(run.binary, origin=text, version=text),
        config=replace(
            examples.make_gpu_config(),
            extra_flags=(text,),
            cpu_mask=text,
        ),
        artifact=replace(
            run.artifact, source=text, path=Path("m.tflite"), metadata=MetadataSummary(task=text)
        ),
        invocations=(broken, *others),
    )
    other = replace(run, run_id="other", artifact=replace(run.artifact, sha256="9" * 64))
    comparisons = compare.compare_sets([run], [other], max_slowdown=0.05)
    comparisons = tuple(replace(item, reasons=(text,), name=text) for item in comparisons)
    source = render_report([run, other], comparisons=comparisons, title=text, generated_at=text)
    source.encode("utf-8")
    return source


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:20]))
def test_hostile_names_stay_text(text: str) -> None:
    page, plain = Page(hostile_page(text)), Page(hostile_page("plain"))
    # The same elements with the same attribute names: nothing became markup. A very long name is cut
    # and its whole kept as a title, and an empty one leaves out what would name it.
    if 0 < len(text) <= 72:

        def shape(page: Page) -> list[tuple[str, tuple[str, ...]]]:
            return [(item.tag, tuple(item.attributes)) for item in page.root.walk()]

        assert shape(page) == shape(plain)
    assert len(page.root.all("script")) == 1
    assert not page.root.all("img")
    for element in page.root.walk():
        assert not [name for name in element.attributes if name.startswith("on")]
    assert "49" not in page.root.one("h1").text
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", page.source)


def test_a_long_name_is_cut_and_kept_as_a_title() -> None:
    name = "m" * 300
    page = Page(render_report([examples.make_run(name)]))
    cut = page.root.all("bdi", title=name)
    assert cut
    assert all(len(item.text.strip()) <= 72 for item in cut)


def test_nothing_is_asked_of_the_network(mixed_page: Page) -> None:
    for element in mixed_page.root.walk():
        for name in ("src", "href", "action", "poster", "srcset", "xlink:href"):
            target = element.get(name)
            assert target is None or target.startswith(("#", "./")) or target == "data:,", element
    style = mixed_page.root.one("style").text
    assert "url(" not in style
    assert "@import" not in style
    script = mixed_page.root.one("script").text
    assert not re.search(r"fetch|XMLHttp|import|WebSocket|sendBeacon", script)


def test_the_policy_names_the_page_own_style_and_script(phone_page: Page) -> None:
    policy = phone_page.root.one("meta", **{"http-equiv": "Content-Security-Policy"}).get("content")
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        content = phone_page.root.one(tag).text.encode()
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not [item for item in phone_page.root.walk() if item.get("style")]


def test_landmarks_and_headings(mixed_page: Page) -> None:
    root = mixed_page.root
    assert root.one("html").get("lang") == "en"
    for tag in ("header", "main", "footer", "nav", "h1"):
        root.one(tag)
    levels = [int(item.tag[1]) for item in root.walk() if re.fullmatch(r"h[1-6]", item.tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    ids = [item.get("id") for item in root.walk() if item.get("id")]
    assert len(ids) == len(set(ids))
    for item in root.walk():
        for name in ("aria-labelledby", "href"):
            for target in (item.get(name) or "").split():
                if name == "aria-labelledby" or target.startswith("#"):
                    assert target.removeprefix("#") in ids, target


def test_tables_have_captions_and_scoped_headers(mixed_page: Page) -> None:
    tables = mixed_page.root.all("table")
    assert len(tables) >= 6
    for table in tables:
        assert table.one("caption").text.strip()
        assert all(heading.get("scope") for heading in table.all("th"))
        assert all(row.all("th") for row in table.one("thead").all("tr"))
    regions = [item for item in mixed_page.root.walk() if item.get("class") == "scroll"]
    assert all(item.get("tabindex") == "0" and item.get("role") == "group" for item in regions)


def test_charts_have_names_and_descriptions(mixed_page: Page) -> None:
    charts = mixed_page.root.all("svg", role="img")
    assert len(charts) >= 6
    for chart in charts:
        assert chart.children, "a chart without content"
        title, description = (
            next(item for item in chart.walk() if item.tag == tag) for tag in ("title", "desc")
        )
        assert chart.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
        assert title.text.strip()
        assert description.text.strip()


def rows_of_variants(page: Page) -> list[Element]:
    table = page.root.one("section", id="variants").one("table")
    return [row for body in table.all("tbody") for row in body.all("tr") if row.all("td")]


def test_every_row_has_a_cell_for_every_column(mixed_page: Page) -> None:
    table = mixed_page.root.one("section", id="variants").one("table")
    top, headings = table.one("thead").all("tr")
    width = len(headings.all("th"))
    assert sum(int(item.get("colspan") or 0) for item in top.all("th")) == width - 1
    rows = rows_of_variants(mixed_page)
    assert len(rows) == 12
    assert all(len(row.all("td")) == width - 1 for row in rows)


def test_unknown_is_a_dash_that_says_so(mixed_page: Page) -> None:
    (row,) = (row for row in rows_of_variants(mixed_page) if "digits.flex" in row.text)
    median = row.all("td")[0]
    dash = median.one("span", class_="unknown")
    assert dash.text == "–"
    assert dash.get("title") == "not measured"
    assert dash.get("aria-label") == "not measured"
    assert median.get("data-v") is None


def test_columns_nobody_has_are_left_out() -> None:
    text = Page(render_report([examples.make_minimal()])).root.one("section", id="variants").text
    assert "Accuracy" not in text
    assert "Median" not in text
    assert "Gzip" in text


@pytest.mark.parametrize("kind", [DeviceKind.HOST, DeviceKind.EMULATOR])
def test_numbers_of_other_devices_are_never_a_phones(kind: DeviceKind) -> None:
    device = replace(examples.HOST, kind=kind)
    page = Page(render_report(examples.make_family(device)))
    words = " ".join(page.root.one("body").text.split())
    assert "not a phone" in words
    assert not re.search(r"(?<!not a )(?<!not on a )(?<!-not-)phone", words)
    where = {"host": "this computer", "emulator": "emulator"}[kind.value]
    assert where in page.root.one("h1").text
    assert "not a phone" in page.root.one("h1").text


def test_a_phone_is_called_by_its_name(phone_page: Page) -> None:
    assert phone_page.root.one("h1").text == "4 variants of digits.keras on Google Pixel 8"
    assert "not a phone" not in phone_page.root.one("body").text
    head = phone_page.root.one("head")
    assert head.one("title").text == phone_page.root.one("h1").text


def test_the_embedded_stand_in_is_named(host_page: Page) -> None:
    assert (
        "host_model, the embedded stand-in" in host_page.root.one("section", id="conditions").text
    )


@pytest.mark.parametrize("verdict", list(Verdict))
def test_verdicts_are_words(verdict: Verdict) -> None:
    (item,) = compare.compare_sets(
        [examples.make_run()], [examples.make_run(mean_us=3400.0)], max_slowdown=0.05
    )
    page = Page(render_report([examples.make_run()], comparisons=[replace(item, verdict=verdict)]))
    section = page.root.one("section", id="comparison")
    marks = section.all("span", class_=f"mark {verdict.value}")
    assert len(marks) == 4  # in the tally, in the table, and twice where both sides are shown
    assert all(verdict.value in mark.text for mark in marks)
    assert all(mark.one("span", **{"aria-hidden": "true"}).text for mark in marks)


def test_a_finding_of_all_runs_is_one_line(host_page: Page) -> None:
    section = host_page.root.one("section", id="findings")
    (item,) = (item for item in section.all("li") if "host-not-phone" in item.text)
    assert "all 4 runs" in item.text
    assert item.text.count("Measured on this computer") == 1


def test_findings_stand_gravest_first(mixed_page: Page) -> None:
    items = mixed_page.root.one("ul", class_="findings").all("li")
    order = [("error", "warning", "info").index(item.get("class") or "") for item in items]
    assert order == sorted(order)
    assert order[0] == 0


def test_every_invocation_can_be_traced_to_its_log(phone_page: Page) -> None:
    details = phone_page.root.one("details", id="run-1")
    rows = details.one("tbody").all("tr")
    assert len(rows) == 7
    assert next(row.all("code")[0].text for row in rows) == "logs/0001.timing"
    commands = [item.text for item in details.all("pre")]
    assert len(commands) == 2  # timing once for six invocations, and memory
    assert commands[0] == examples.make_run().invocations[0].command


def test_a_hundred_runs_stay_below_a_megabyte() -> None:
    source = render_report(examples.make_many(100))
    assert len(source.encode()) < 1_000_000
    page = Page(source)
    assert len(page.root.all("details", class_="run")) == 100


def test_nothing_at_all_is_a_page_too() -> None:
    page = Page(render_report([]))
    assert "no runs" in page.root.one("main").text


def test_minimal_and_broken_runs_say_what_is_missing() -> None:
    page = Page(render_report([examples.make_minimal(), examples.make_broken()]))
    text = page.root.one("main").text
    assert "No latency was measured" in text
    assert "No invocation was recorded" in text
    assert "incomplete" in text
    assert "Select TensorFlow op(s) are not supported" in text


def test_a_report_is_written_whole(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "report.html"
    assert write_report([examples.make_run()], path=target, title="Mine") == target
    assert Page(target.read_text(encoding="utf-8")).root.one("h1").text == "Mine"
    assert list(target.parent.iterdir()) == [target]


def test_rendering_is_repeatable() -> None:
    runs = examples.make_family()
    first, second = (render_report(runs, generated_at="2026-01-01T00:00:00Z") for _ in range(2))
    assert first == second


def test_missing_templates_are_an_error_with_a_hint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("android_bench.__file__", str(tmp_path / "android_bench" / "__init__.py"))
    with pytest.raises(page_module.TemplatesMissingError) as caught:
        report.render_report([])
    assert caught.value.hint is not None
    inside = tmp_path / "android_bench" / "templates"
    inside.mkdir(parents=True)
    (inside / page_module.ENTRY).touch()
    assert page_module.template_folder() == inside


def test_a_drift_beyond_chance_is_drawn_and_said() -> None:
    steady = Page(render_report([examples.make_run()])).root.one("details", id="run-1")
    means = [3000.0 * (1 + step / 100) for step in range(12)]
    run = replace(
        examples.make_run(),
        invocations=tuple(examples.make_invocation(n, mean) for n, mean in enumerate(means, 1)),
    )
    drifting = Page(render_report([run])).root.one("details", id="run-1")
    assert "beyond chance" in drifting.text
    assert "beyond chance" not in steady.text
    assert drifting.all("path", class_="curve second")
    assert not steady.all("path", class_="curve second")


def test_a_throttled_invocation_is_marked_where_it_stands() -> None:
    page = Page(render_report(rich.make_session()))
    details = page.root.one("details", id="run-1")
    apart = [row for row in details.all("tr") if "set apart: throttled" in row.text]
    view_says = details.one("summary").text
    assert len(apart) > 1
    assert f"{len(apart)} set apart" in view_says
    assert len(details.all("path", class_="apart")) == len(apart) + 1  # and one explains the mark
    assert "throttling" in details.one("ul", class_="own-findings").text


def test_each_finding_stands_beside_what_it_concerns() -> None:
    page = Page(render_report(rich.make_session()))
    conditions = page.root.one("section", id="conditions")
    assert [item for item in conditions.all("a") if item.text.strip().endswith("throttling")]
    numerics = page.root.one("section", id="numerics")
    assert [item for item in numerics.all("a") if item.text.strip().endswith("numerics-off")]
    assert not [item for item in numerics.all("a") if item.text.strip().endswith("throttling")]
    ids = {item.get("id") for item in page.root.walk()}
    chips = [item for item in page.root.all("a") if "mark" in (item.get("class") or "")]
    assert len(chips) > 10
    assert all((item.get("href") or "").removeprefix("#") in ids for item in chips)
