"""Addresses to pages. Only GET and HEAD; every page is whole, and asks nobody else for anything."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Any
from urllib.parse import quote

import jinja2
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import android_bench
from android_bench.errors import BenchError, ExitCode
from android_bench.history.history import History
from android_bench.history.measures import BY_NAME
from android_bench.history.web import view
from android_bench.report import render_report
from android_bench.report.page import environment, template_folder

STYLES = ("report.css", "history.css")
SCRIPT = "report.js"
_ASSETS = {
    "report.css": "text/css",
    "history.css": "text/css",
    "report.js": "text/javascript",
}
# Of our own pages: style and script by address, nothing inside a page.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
# A run's report carries a policy of its own, with its style and script by their hashes; this is what a
# page cannot say of itself.
REPORT_POLICY = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; connect-src 'none'"
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_METHODS = ("GET", "HEAD")


def make_app(history: History, *, hosts: Collection[str] | None) -> ASGIApp:
    """The pages of a history. ``hosts`` are the names it answers to; ``None`` answers to all.

    A page of the web that has its name point to this computer could read the history otherwise.
    """
    templates = environment()
    templates.globals.update(
        tool_version=android_bench.__version__,
        series_address=_series_address,
        run_address=_run_address,
    )
    pages = _Pages(history, templates)
    routes = [
        Route("/", pages.index),
        Route("/series/{key}/{measure}", pages.series),
        Route("/runs/{run_id:path}", pages.run),
        *(Route(f"/assets/{name}", partial(_asset, name)) for name in _ASSETS),
    ]
    handlers: dict[Any, Callable[[Request, Exception], Response]] = {
        HTTPException: pages.refused,
        BenchError: pages.failed,
    }
    return Guard(Starlette(routes=routes, exception_handlers=handlers), hosts=hosts)


class Guard:
    """Lets nothing in but GET and HEAD to a name of ours, and lets nothing out without its headers."""

    def __init__(self, app: ASGIApp, *, hosts: Collection[str] | None) -> None:
        self._app = app
        self._hosts = None if hosts is None else {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("content-security-policy", POLICY)
            await send(message)

        answer: ASGIApp = self._app
        if self._hosts is not None and _host_of(scope) not in self._hosts:
            answer = PlainTextResponse("This computer does not go by that name.", 421)
        elif scope["method"] not in _METHODS:
            allow = {"allow": ", ".join(_METHODS)}
            answer = PlainTextResponse("The history can only be read.", 405, headers=allow)
        await answer(scope, receive, with_headers)


class _Pages:
    """The pages, made when they are asked for."""

    def __init__(self, history: History, templates: jinja2.Environment) -> None:
        self._history = history
        self._templates = templates

    def index(self, request: Request) -> Response:
        """All series of a measure."""
        measure = request.query_params.get("measure", "latency")
        if measure not in BY_NAME:
            raise HTTPException(404, f"There is no measure {measure}.")
        return self._render("history.html.j2", index=view.index_of(self._history, measure))

    def series(self, request: Request) -> Response:
        """One series."""
        page = view.page_of(
            self._history, request.path_params["key"], request.path_params["measure"]
        )
        if page is None:
            raise HTTPException(404, "There is no such series in this history.")
        return self._render("history_series.html.j2", page=page)

    def run(self, request: Request) -> Response:
        """The report of one run."""
        found = self._history.stored(run_id=request.path_params["run_id"])
        if not found:
            raise HTTPException(404, "There is no such run in this history.")
        report = render_report([found[0].run])
        return HTMLResponse(report, headers={"content-security-policy": REPORT_POLICY})

    def refused(self, _request: Request, error: Exception) -> Response:
        """A page that says what is not there."""
        if not isinstance(error, HTTPException):
            raise error
        return self._problem(error.status_code, error.detail, None)

    def failed(self, _request: Request, error: Exception) -> Response:
        """A page that says what went wrong and what to do."""
        if not isinstance(error, BenchError):
            raise error
        status = 503 if error.exit_code is ExitCode.DEVICE else 500
        return self._problem(status, str(error), error.hint)

    def _problem(self, status: int, message: str, hint: str | None) -> Response:
        return self._render("history_problem.html.j2", status, message=message, hint=hint)

    def _render(self, template: str, status: int = 200, **values: Any) -> Response:
        return HTMLResponse(self._templates.get_template(template).render(**values), status)


def _asset(name: str, _request: Request) -> Response:
    text = (template_folder() / name).read_text(encoding="utf-8")
    return Response(text, media_type=_ASSETS[name])


def _host_of(scope: Scope) -> str:
    """The name that was asked for, without the port."""
    host = Headers(scope=scope).get("host", "").lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _series_address(key: str, measure: str) -> str:
    return f"/series/{quote(key, safe='')}/{quote(measure, safe='')}"


def _run_address(run_id: str) -> str:
    return f"/runs/{quote(run_id, safe='')}"
