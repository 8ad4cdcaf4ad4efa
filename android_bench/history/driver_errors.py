"""What a driver's error means, in a sentence without SQL and without a password."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from android_bench.history.address import VARIABLE, Address
from android_bench.history.errors import HistoryError, HistoryUnavailableError

if TYPE_CHECKING:
    from sqlalchemy.exc import DBAPIError


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meaning:
    """What to say where the driver says this."""

    said: re.Pattern[str]
    sentence: str
    hint: str
    kind: type[HistoryError] = HistoryError


_MEANINGS = (
    _Meaning(
        said=re.compile("file is not a database|malformed"),
        sentence="is no SQLite database, or a damaged one",
        hint=f"Move it away, or set {VARIABLE} to another place.",
    ),
    _Meaning(
        said=re.compile("disk is full|No space left"),
        sentence="cannot be written: the disk is full",
        hint="Nothing was added. Free some space and add the same runs again.",
        kind=HistoryUnavailableError,
    ),
    _Meaning(
        said=re.compile("readonly|read-only|permission denied"),
        sentence="cannot be written",
        hint="Check who may write there.",
    ),
    _Meaning(
        said=re.compile("authentication failed|no password supplied"),
        sentence="refused the login",
        hint=f"Check user and password in {VARIABLE}, or PGPASSWORD or PGPASSFILE.",
    ),
    _Meaning(
        said=re.compile('database ".*" does not exist'),
        sentence="is not there",
        hint="Make it: createdb DATABASE",
    ),
    _Meaning(
        said=re.compile(r"no such table|relation \".*\" does not exist"),
        sentence="lost its tables",
        hint="Restore it from a backup, or set another place and add the runs again.",
    ),
)


def explained(error: DBAPIError, address: Address) -> HistoryError | None:
    """The error to raise instead; ``None`` for what is no fault of the database but a bug of ours."""
    from sqlalchemy.exc import InterfaceError, InternalError, OperationalError

    said = str(error.orig).strip()
    first = address.without_secrets(said).splitlines()[0] if said else type(error.orig).__name__
    place = f"The history in {address.label}"
    for meaning in _MEANINGS:
        if meaning.said.search(said):
            return meaning.kind(f"{place} {meaning.sentence} ({first}).", hint=meaning.hint)
    of_the_database = isinstance(error, OperationalError | InterfaceError | InternalError)
    if not of_the_database and not error.connection_invalidated:
        return None
    return HistoryUnavailableError(
        f"{place} is not available ({first}). Nothing of this step was kept.",
        hint="Try again when the database is back: adding the same runs twice is fine.",
    )
