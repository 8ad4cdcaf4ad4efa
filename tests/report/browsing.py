"""A report opened in a real, headless Chromium that may reach nothing but files of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Playwright

from tests.report.screenshots import find_browser

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
)


def launch(playwright: Playwright) -> Browser | None:
    """Start the browser, if there is one."""
    path = find_browser()
    if path is None:
        return None
    return playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))


@dataclass
class Visit:
    """A page and everything about it that should not be: errors, and requests for other things."""

    page: Page
    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def text(self, selector: str) -> list[str]:
        """The visible texts of the elements."""
        found = self.page.locator(selector)
        return [text.strip() for text in found.all_inner_texts()]


@contextmanager
def visit(browser: Browser, file: Path, fragment: str = "", **options: Any) -> Iterator[Visit]:
    """Open a report; on leaving, whatever went wrong meanwhile fails the test."""
    context = browser.new_context(**options)
    context.set_default_timeout(15_000)
    context.route(
        lambda url: not url.startswith(("file:", "data:", "blob:")), lambda route: route.abort()
    )
    page = context.new_page()
    opened = Visit(page)
    page.on("console", lambda message: opened.problems.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: opened.problems.append(f"exception: {error}"))
    page.on("dialog", lambda dialog: opened.problems.append(f"dialog: {dialog.message}"))
    page.on("request", lambda request: opened.requests.append(request.url))
    page.goto(file.as_uri() + fragment)
    try:
        yield opened
    finally:
        context.close()
    assert opened.problems == []
    outside = [url for url in opened.requests if not url.startswith(("file:", "data:", "blob:"))]
    assert outside == []
