"""From the view model to one HTML page that asks the network for nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

import android_bench
from android_bench import formatting
from android_bench.analysis.compare import Comparison
from android_bench.collector import collector_paused
from android_bench.errors import BenchError, Fault
from android_bench.report import columns, context, costs, findings, packing, pairs, scatter, view
from android_bench.report.logs import LogFiles, log_files
from android_bench.results import BenchmarkRun
from android_bench.store import utc_now
from optimizer.files import write_atomic

ENTRY = "report.html.j2"
# The functions of the module formatting that templates use as filters.
QUANTITIES = (
    "change", "difference", "duration", "duration_range", "file_size", "memory", "multiple", "number",
    "percent", "points",
)  # fmt: skip

_UNKNOWN = Markup(
    '<span class="unknown" role="img" aria-label="not measured" title="not measured">–</span>'
)
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


class TemplatesMissingError(BenchError):
    """The installation lacks its templates."""

    fault = Fault.TOOL


def render_report(
    runs: Sequence[BenchmarkRun],
    *,
    comparisons: Sequence[Comparison] = (),
    title: str | None = None,
    generated_at: str | None = None,
    logs: LogFiles | None = None,
    deciding: Collection[str] = pairs.DECIDING,
) -> str:
    """Return the report of these runs as one HTML page; ``logs`` are the raw files that it links.

    Everything that comes from models, devices and people is escaped, and a content security policy
    allows the page's own style and script only, each by its hash.

    Raises:
        TemplatesMissingError: the installation is damaged.
    """
    templates = environment()
    style, script = _asset(templates, "report.css"), _asset(templates, "report.js")
    page = view.build_page(
        runs,
        comparisons,
        title=title,
        generated_at=generated_at or utc_now(),
        tool_version=android_bench.__version__,
        logs=logs,
        deciding=deciding,
    )
    bodies = packing.bodies(templates, page)
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
        f"style-src '{_csp_hash(style)}'; script-src '{_csp_hash(script)}'"
    )
    template = templates.get_template(ENTRY)

    def render(packed: str | None) -> str:
        return template.render(
            page=page, policy=policy, style=style, script=script, bodies=bodies, packed=packed
        )

    if packing.fits(bodies):
        whole = render(None)
        if len(whole) < packing.MOST_BYTES:
            return whole
    return render(packing.packed(bodies))


def write_report(
    runs: Sequence[BenchmarkRun],
    *,
    path: Path,
    comparisons: Sequence[Comparison] = (),
    title: str | None = None,
    generated_at: str | None = None,
    folders: Mapping[str, Path] | None = None,
    deciding: Collection[str] = pairs.DECIDING,
) -> Path:
    """Write the report to ``path``, whole or not at all, and return the path.

    ``folders`` has the folder of each run by its id; where they lie below the page, it links raw logs.
    ``deciding`` are the metrics that decide a comparison's verdict.
    """
    logs = log_files(runs, folders or {}, page=path)
    with collector_paused():
        text = render_report(
            runs,
            comparisons=comparisons,
            title=title,
            generated_at=generated_at,
            logs=logs,
            deciding=deciding,
        )
    write_atomic(path, text.encode())
    return path


def template_folder() -> Path:
    """Find the templates: inside the package in a wheel, beside it in an editable install."""
    package = Path(android_bench.__file__).parent
    for folder in (package / "templates", package.parent / "templates"):
        if (folder / ENTRY).is_file():
            return folder
    raise TemplatesMissingError(
        f"the report's templates are neither in {package} nor beside it",
        hint="install android-bench again: pip install --force-reinstall android-bench",
    )


def environment() -> jinja2.Environment:
    """The environment of all templates: strict, escaping, with quantities as filters.

    Raises:
        TemplatesMissingError: the installation is damaged.
    """
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template_folder()),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    made.filters.update({name: _unbroken(getattr(formatting, name)) for name in QUANTITIES})
    made.filters.update(count=formatting.count, moment=formatting.moment)
    made.filters["across"] = lambda fraction: f"{fraction * 100:.2f}%"
    made.filters["shorten"] = scatter.shorten
    made.filters.update(shown=_shown, key=_key, durations=_durations)
    made.filters["px"] = lambda pixels: f"{pixels:.4g}"
    made.filters["metric"] = _unbroken(pairs.metric_text)
    made.filters["metric_name"] = pairs.metric_name
    made.filters["clusters_in_words"] = context.clusters_in_words
    made.globals.update(
        most_startups=costs.MOST_STARTUPS,
        column_groups=columns.groups,
        concerning=findings.concerning,
        telling=findings.telling,
    )
    return made


def _unbroken(text: Callable[..., str | None]) -> Callable[..., str | None]:
    """The same text with spaces at which no line ends: a unit stays with its number."""

    def unbroken(*args: object, **options: object) -> str | None:
        plain = text(*args, **options)
        return None if plain is None else plain.replace(" ", "\N{NO-BREAK SPACE}")

    return unbroken


def _shown(text: object) -> object:
    """A cell's text; an unknown value is an en dash that says so, never 0."""
    return _UNKNOWN if text is None or text in ("", formatting.UNKNOWN) else text


def _durations(values: Sequence[float | None]) -> Markup:
    """A cell for each duration: in one piece, because a page has a hundred thousand of them."""
    texts = (formatting.duration(value).replace(" ", "\N{NO-BREAK SPACE}") for value in values)
    # Numbers and their units need no escaping.
    cells = [f"<td>{_UNKNOWN if text == formatting.UNKNOWN else text}</td>" for text in texts]
    return Markup("".join(cells))  # noqa: S704


def _key(value: object) -> object:
    """What a table is sorted by, numbers to six digits: more is not shown either."""
    return f"{value:.6g}" if isinstance(value, float) else value


def _printable(value: object) -> object:
    """Make any text fit for a page: no control characters, no halves of surrogate pairs.

    Both come out of logs and device properties, and HTML has no way to write them.
    """
    if value.__class__ is Markup or not isinstance(value, str) or value.isprintable():
        return value
    text = _UNPRINTABLE.sub("\ufffd", value)
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _asset(environment: jinja2.Environment, name: str) -> Markup:
    """The text of a style sheet or script of this package, to be put into the page as it is."""
    if environment.loader is None:
        raise TypeError("the environment has no loader")
    text = environment.loader.get_source(environment, name)[0]
    return Markup(text)  # noqa: S704 - our own file, not input


def _csp_hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"sha256-{digest}"
