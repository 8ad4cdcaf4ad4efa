"""Markdown as GitHub reads it: the answer first, names are text, within the limits."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from android_bench.exports import Format, markdown
from android_bench.exports.markdown_page import LIMIT, Section, assemble
from android_bench.exports.text import code_span, markdown_text, one_line
from android_bench.results import DeviceKind, Status
from tests import examples
from tests.exports.made import NAMES, device, distinct, exported, hostile, profiled, view
from tests.exports.markdown_reader import tables, tokens


def test_it_leads_with_the_answer() -> None:
    fast = examples.run([900, 910, 905, 908, 903, 906], name="digits.int8")
    slow = examples.run(name="digits.float32")
    text = exported(Format.MARKDOWN, *distinct(slow, fast))
    first = text.split("\n", 1)[0]
    assert first.startswith("## `digits.int8` is the fastest on `Acme One` at 906 µs")
    (table, *_) = tables(text)
    assert [row[0] for row in table[2:]] == ["`digits.int8`", "`digits.float32`"]


def test_variants_that_cannot_be_told_apart_are_not_ranked() -> None:
    text = exported(Format.MARKDOWN, *distinct(examples.run(name="a"), examples.run(name="b")))
    assert "not told apart from 1 other" in text.split("\n", 1)[0]


def test_a_comparison_leads_with_the_verdict() -> None:
    old = replace(examples.run(), run_id="old", session_id="old")
    slow = replace(
        examples.run([3480, 3490, 3500, 3510, 3520, 3530]), run_id="new", session_id="new"
    )
    text = exported(Format.MARKDOWN, slow, baseline=[old])
    (table, *_) = tables(text)
    (latency,) = table[2:]
    assert (latency[0], latency[3]) == ("**regressed**", "latency")
    assert latency[4] == "2.92 ms"
    assert latency[6].startswith("+")
    assert text.startswith("## Regressed: `digits.int8` +")
    # What does not decide is told, and folded.
    others = text.partition("Other metrics, which do not decide")[2]
    assert "peak memory" in others.partition("</details>")[0]


def test_the_worst_verdicts_stand_first() -> None:
    old = distinct(examples.run(name="a"), examples.run(name="b"), examples.run(name="c"))
    slow = examples.run([3480, 3490, 3500, 3510, 3520, 3530], name="c")
    new = [
        replace(slow, run_id="c", session_id="n"),
        replace(examples.run(name="a"), run_id="a", session_id="n"),
    ]
    text = exported(Format.MARKDOWN, *new, baseline=[replace(run, session_id="o") for run in old])
    (table, *_) = tables(text)
    verdicts = [row[0].strip("*") for row in table[2:]]
    order = ["regressed", "incomparable", "inconclusive", "improved", "unchanged"]
    assert verdicts == sorted(verdicts, key=order.index)
    assert verdicts[0] == "regressed"
    assert "1 regressed" in text.split("\n", 1)[0].lower()


@pytest.mark.parametrize(
    ("kind", "word"), [(DeviceKind.HOST, "computer"), (DeviceKind.EMULATOR, "emulator")]
)
def test_numbers_that_are_no_phones_say_so(kind: DeviceKind, word: str) -> None:
    run = examples.run(device=device(kind))
    text = exported(Format.MARKDOWN, run)
    headline, note, *_ = text.split("\n\n")
    assert "not on a phone" in headline
    assert f"**{word}**" in note
    assert f"({word})" in tables(text)[0][2][1]
    old = replace(run, run_id="old", session_id="old")
    compared = exported(Format.MARKDOWN, run, baseline=[old])
    assert f"**{word}**" in tables(compared)[0][2][2]
    assert "not on a phone" in compared.split("\n\n")[0]


def test_a_phones_numbers_need_no_note() -> None:
    assert "not on a phone" not in exported(Format.MARKDOWN, examples.run())


def test_operators_and_what_changed() -> None:
    text = exported(Format.MARKDOWN, profiled())
    assert "Where the time goes" in text
    assert "`conv + relu`" in text
    slow = profiled("digits.int8")
    operators = tuple(
        replace(item, mean_us=item.mean_us * 2) for item in slow.invocations[-1].operators
    )
    slow = replace(
        slow,
        run_id="new",
        session_id="n",
        invocations=(*slow.invocations[:-1], replace(slow.invocations[-1], operators=operators)),
    )
    text = exported(Format.MARKDOWN, slow, baseline=[profiled()])
    assert "What changed in `digits.int8`" in text
    assert "| `conv + relu` | `CONV_2D` | 100 µs | 200 µs | +100 µs |" in text


def test_no_valid_run_is_told() -> None:
    run = examples.run()
    bad = tuple(replace(item, status=Status.FAILED, problem="no model") for item in run.invocations)
    text = exported(Format.MARKDOWN, replace(run, invocations=bad))
    assert "No valid measurement" in text.split("\n", 1)[0]
    assert "no model" in text


def test_many_runs_are_folded_and_stay_within_githubs_limit() -> None:
    runs = distinct(*(examples.run(name=f"model-{number}-{'x' * 60}") for number in range(1500)))
    text = exported(Format.MARKDOWN, *runs)
    assert len(text) <= LIMIT
    assert "<details><summary>1,500 runs</summary>" in text
    rows = len(tables(text)[0]) - 2
    assert f"… and {1500 - rows:,} more runs: see the report." in text
    assert text.count("<details>") == text.count("</details>")


@given(
    st.integers(300, 5000),
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 300), st.booleans()), max_size=6),
)
def test_no_page_is_longer_than_its_limit(limit: int, shapes: list[tuple[int, int, bool]]) -> None:
    sections = [
        Section(title=f"s{number}", rows=("r" * width,) * count, noun="row", folded=folded)
        for number, (count, width, folded) in enumerate(shapes)
    ]
    text = assemble("## head", ["note"], sections, foot="foot", limit=limit)
    assert len(text) <= limit
    assert text.startswith("## head\n")
    assert text.count("<details>") == text.count("</details>")
    if sum(count * (width + 1) + 200 for count, width, _ in shapes) < limit * 0.3:
        assert "more row" not in text
        assert all(f"### s{number}" in text for number in range(len(shapes)))


@settings(deadline=None)
@given(NAMES)
def test_a_name_in_a_code_span_is_text(name: str) -> None:
    span = code_span(name, longest=80)
    assert "\n" not in span
    in_table = code_span(name, longest=80, in_table=True)
    assert not re.search(r"(?<!\\)\|", in_table)
    # GFM takes these backslashes away before it reads the code span.
    assert in_table.replace("\\|", "|") == span
    fence = re.match(r"`+", span)
    assert fence is not None
    inner = span[len(fence[0]) : -len(fence[0])]
    assert fence[0] not in re.findall(r"`+", inner)
    assert not inner.startswith("`")
    assert not inner.endswith("`")
    assert inner.strip()


@settings(deadline=None)
@given(NAMES)
def test_a_sentence_is_text(name: str) -> None:
    text = f"- {markdown_text(name)}"
    assert "\n" not in text
    # Nothing is markup but behind a backslash.
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]<>~|&$]", text[2:])
    assert not re.search(r"[@#][\w-]|:[\w+-]+:|[a-z]://|www\.", text)


@settings(deadline=None, max_examples=50)
@given(NAMES)
def test_another_reader_finds_the_names_as_text_and_no_markup_in_them(name: str) -> None:
    run = hostile(name)
    for text in (
        exported(Format.MARKDOWN, run),
        exported(Format.MARKDOWN, run, baseline=[replace(run, run_id="o", session_id="o")]),
    ):
        found = tokens(text)
        html = {
            tag
            for token in found
            if token.type in {"html_block", "html_inline"}
            for tag in re.findall(r"<[^>]*>", token.content)
        }
        assert html <= {"<details>", "</details>", "<summary>", "</summary>", "<sub>", "</sub>"}
        kinds = {token.type for token in found}
        assert not kinds & {"link_open", "image", "em_open", "s_open", "fence", "blockquote_open"}
        shown = one_line(name) or "unnamed"
        spans = [token.content for token in found if token.type == "code_inline"]
        assert any(
            shown == span or span.startswith(shown[:70]) for span in (one.strip() for one in spans)
        )


@settings(deadline=None, max_examples=50)
@given(NAMES)
def test_hostile_names_break_no_table_and_open_no_tag(name: str) -> None:
    run = hostile(name)
    for text in (
        exported(Format.MARKDOWN, run),
        exported(Format.MARKDOWN, run, baseline=[replace(run, run_id="o", session_id="o")]),
    ):
        text.encode()
        for table in tables(text):
            assert len({len(row) for row in table}) == 1
        outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
        tags = set(re.findall(r"(?<!\\)</?([a-zA-Z]+)", outside))
        assert tags <= {"details", "summary", "sub"}
        assert text.count("</details>") - name.count("</details>") * 99 <= text.count("<details>")


def test_the_limit_can_be_smaller() -> None:
    runs = distinct(*(examples.run(name=f"m{number}") for number in range(100)))
    assert len(markdown.document(view(runs), limit=2000)) <= 2000
