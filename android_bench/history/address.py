"""Where the history is: a file of SQLite, or a PostgreSQL server. Passwords are never told."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from android_bench.errors import UsageError
from android_bench.history.errors import HistoryError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

VARIABLE = "ANDROID_BENCH_DB"
FOLDER = ".android-bench"
FILE = "history.sqlite"
PROJECT_FILE = "android-bench.toml"
_HIDDEN = "***"
# What libpq takes as secrets in the query of a URL.
_SECRET_KEYS = frozenset({"password", "sslpassword"})
_EXAMPLE = "ANDROID_BENCH_DB=postgresql+psycopg://USER@HOST/DATABASE, or the path of a file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The address of a history; ``file`` is the database of SQLite, ``None`` for a server."""

    url: URL
    file: Path | None = None

    @property
    def label(self) -> str:
        """The address for a person, without secrets."""
        if self.file is not None:
            return str(self.file)
        secret = [key for key in self.url.query if key.lower() in _SECRET_KEYS]
        return self.url.difference_update_query(secret).render_as_string(hide_password=True)

    def without_secrets(self, text: str) -> str:
        """A text, as of a driver's error, with every password of this address blotted out."""
        secrets = {value for key, value in self.url.query.items() if key.lower() in _SECRET_KEYS}
        secrets.add(self.url.password or "")
        for secret in sorted(map(str, secrets), key=len, reverse=True):
            if secret:
                text = text.replace(secret, _HIDDEN)
        return text


def find_address(given: str | None = None) -> Address:
    """The address that was given, else that of ``ANDROID_BENCH_DB``, else the project's own file.

    Raises:
        UsageError: it is neither a path nor the URL of SQLite or PostgreSQL.
        HistoryError: SQLAlchemy is not installed.
    """
    text = given or os.environ.get(VARIABLE)
    if not text:
        return _of_file(project_folder() / FOLDER / FILE)
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text):
        if text.startswith("sqlite:"):
            raise UsageError("The address of a SQLite history lacks slashes.", hint=_EXAMPLE)
        return _of_file(Path(text).expanduser())
    return _of_url(text)


def project_folder(start: Path | None = None) -> Path:
    """The folder of the project: the nearest with a project file, a history or a repository."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if any((folder / name).exists() for name in (PROJECT_FILE, FOLDER, ".git")):
            return folder
    return here


def _of_file(file: Path) -> Address:
    require_sqlalchemy()
    from sqlalchemy.engine import URL

    return Address(url=URL.create("sqlite+pysqlite", database=str(file)), file=file)


def _of_url(text: str) -> Address:
    require_sqlalchemy()
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    try:
        url = make_url(text)
    except (SQLAlchemyError, ValueError):
        # Without the driver's own words: they may hold the password.
        raise UsageError("The address of the history is no URL.", hint=_EXAMPLE) from None
    kind = url.drivername.partition("+")[0]
    if kind == "sqlite":
        if not url.database or url.database == ":memory:":
            raise UsageError("A history in SQLite needs the path of a file.", hint=_EXAMPLE)
        return replace(_of_file(Path(url.database)), url=url.set(drivername="sqlite+pysqlite"))
    if kind not in {"postgresql", "postgres"}:
        raise UsageError(
            f"A history in {kind} is not supported: SQLite and PostgreSQL are.", hint=_EXAMPLE
        )
    return Address(url=url.set(drivername="postgresql+psycopg"))


def require_sqlalchemy() -> None:
    """Say what to install when the extra is missing.

    Raises:
        HistoryError: it is.
    """
    import importlib.util

    if importlib.util.find_spec("sqlalchemy") is None:
        raise HistoryError(
            "The history needs SQLAlchemy, which is not installed.",
            hint='pip install "android-bench[history]", or "android-bench[postgres]" for a server',
        )
