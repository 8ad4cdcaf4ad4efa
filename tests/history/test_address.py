"""Addresses: what is understood, and that no password of one is ever told."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from android_bench.history.address import find_address


@pytest.mark.parametrize(
    ("text", "drivername", "file"),
    [
        ("some/where.sqlite", "sqlite+pysqlite", "some/where.sqlite"),
        ("/some/where", "sqlite+pysqlite", "/some/where"),
        ("sqlite:///some/where", "sqlite+pysqlite", "some/where"),
        ("sqlite:////some/where?mode=x", "sqlite+pysqlite", "/some/where"),
        ("postgresql+psycopg://me@host/db", "postgresql+psycopg", None),
        ("postgresql://me@host/db", "postgresql+psycopg", None),
        ("postgres://me@host/db", "postgresql+psycopg", None),
    ],
)
def test_what_is_understood(text: str, drivername: str, file: str | None) -> None:
    address = find_address(text)
    assert address.url.drivername == drivername
    assert (address.file and str(address.file)) == file


@given(
    password=st.text(st.characters(codec="utf-8", min_codepoint=33), min_size=6, max_size=30),
    inside=st.booleans(),
)
def test_a_password_is_never_told(password: str, inside: bool) -> None:
    assume(password not in "postgresql+psycopg://me:***@host/db")
    quoted = quote(password, safe="")
    text = (
        f"postgresql://me:{quoted}@host/db"
        if inside
        else f"postgresql://me@host/db?password={quoted}"
    )
    address = find_address(text)
    failure = address.without_secrets(f"login of me with {password} failed")
    assert "***" in failure
    for shown in (address.label, failure):
        assert password not in shown.replace("***", "")
        assert shown.count("me")
    assert quoted not in address.label
