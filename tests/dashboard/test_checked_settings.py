"""Settings that are looked at when they are read: a bad one is told in a sentence that names it."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from dashboard import settings as module
from tests.processes import PROJECT

SETTINGS = Path(str(module.__file__))
KEY = Fernet.generate_key().decode()
POSTGRES = "postgres://syncdeck@127.0.0.1/syncdeck"
# The least and the most that each may be.
BOUNDS = {
    "LEASE_SECONDS": (1, 3_600),
    "SWEEP_SECONDS": (1, 3_600),
    "RUN_TIMEOUT": (1, 31_536_000),
    "SLICE_SECONDS": (1, 3_600),
    "INLINE_WAIT_SECONDS": (0, 3_600),
    "CRASH_CAP": (1, 1_000),
    "WEBHOOK_DISABLE_AFTER": (0, 31_536_000),
    "DELIVERY_DAYS": (1, 3_650),
    "RUN_DAYS": (0, 36_500),
    "RUNS_KEPT": (1, 100_000),
    "REQUEST_TRIES": (1, 20),
    "RETRY_SECONDS": (0, 600),
    "LONGEST_WAIT_SECONDS": (1, 86_400),
    "PAGE_SECONDS": (1, 600),
    "PAGE_BYTES": (65_536, 268_435_456),
    "LIST_PAGES": (1, 10_000_000),
    "EMPTY_PAGES": (1, 1_000),
    "RECORD_BYTES": (1_000, 10_000_000),
    "RECORD_DEPTH": (5, 200),
    "API_RATE_LIMIT": (0, 1_000_000),
    "SESSION_DAYS": (1, 365),
}
PARTS_OF_OTHERS = {
    "SESSION_IDLE_HOURS": (1, 8_760),
    "DATABASE_LOCK_SECONDS": (1, 300),
    "DATABASE_STATEMENT_SECONDS": (1, 3_600),
    "DATABASE_IDLE_SECONDS": (1, 3_600),
}
ALL = BOUNDS | PARTS_OF_OTHERS


def read(monkeypatch: pytest.MonkeyPatch, **environment: str) -> dict[str, Any]:
    """The settings of a process with this environment, on PostgreSQL unless it says otherwise."""
    for name, value in {"DATABASE_URL": POSTGRES, **environment}.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(SETTINGS))


def test_every_number_of_the_settings_is_looked_at_here() -> None:
    assert set(re.findall(r'\bnumber\("(\w+)"', SETTINGS.read_text())) == ALL.keys()
    assert "env.int(" not in SETTINGS.read_text()


@pytest.mark.parametrize(("name", "bounds"), BOUNDS.items())
def test_a_number_within_its_bounds_is_taken(
    monkeypatch: pytest.MonkeyPatch, name: str, bounds: tuple[int, int]
) -> None:
    for value in bounds:
        assert read(monkeypatch, **{name: f" {value} "})[name] == value


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("odd", ["many", "1.5", "-1", "nan", "1e3"])
def test_what_is_no_number_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, odd: str) -> None:
    least, most = ALL[name]
    with pytest.raises(ImproperlyConfigured) as caught:
        read(monkeypatch, **{name: odd})
    assert str(caught.value) == f"{name} must be a whole number from {least:,} to {most:,}, not {odd!r}."


@pytest.mark.parametrize(("name", "bounds"), ALL.items())
def test_a_number_out_of_bounds_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, bounds: tuple[int, int]
) -> None:
    for value in (bounds[0] - 1, bounds[1] + 1):
        with pytest.raises(ImproperlyConfigured, match=f"^{name} must be a whole number from "):
            read(monkeypatch, **{name: str(value)})


def test_an_empty_one_is_the_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, RECORD_BYTES="")["RECORD_BYTES"] == 1_000_000


def test_the_time_limits_of_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    over = {"DATABASE_LOCK_SECONDS": "7", "DATABASE_STATEMENT_SECONDS": "90", "DATABASE_IDLE_SECONDS": "40"}
    told = read(monkeypatch, **over)["DATABASES"]["default"]["OPTIONS"]["options"]

    assert told == "-c lock_timeout=7s -c statement_timeout=90s -c idle_in_transaction_session_timeout=40s"


def test_options_in_the_url_come_last_and_leave_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"{POSTGRES}?options=-c%20lock_timeout=100"
    told = read(monkeypatch, DATABASE_URL=url)["DATABASES"]["default"]["OPTIONS"]["options"]

    assert told.startswith("-c lock_timeout=5s -c statement_timeout=60s ")
    assert told.endswith(" -c lock_timeout=100")


def test_the_wait_for_a_lock_of_sqlite(monkeypatch: pytest.MonkeyPatch) -> None:
    options = read(monkeypatch, DATABASE_URL="", DATABASE_LOCK_SECONDS="3")["DATABASES"]["default"]["OPTIONS"]

    assert options["timeout"] == 3


def test_private_hosts_are_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(monkeypatch, ALLOWED_PRIVATE_HOSTS=" crm.internal, 10.20.0.0/16 ,,::1")

    assert found["ALLOWED_PRIVATE_HOSTS"] == ["crm.internal", "10.20.0.0/16", "::1"]
    assert read(monkeypatch, ALLOWED_PRIVATE_HOSTS="")["ALLOWED_PRIVATE_HOSTS"] == []


@pytest.mark.parametrize("entry", ["*.internal", "https://crm.internal", "crm.internal:8080", "10.0.0.1/8", "crm/x"])
def test_what_is_no_host_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, entry: str) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        read(monkeypatch, ALLOWED_PRIVATE_HOSTS=f"good.internal,{entry}")
    assert str(caught.value) == (
        f"ALLOWED_PRIVATE_HOSTS: {entry!r} is neither the exact name of a host, nor an address, nor a network."
    )


@pytest.mark.parametrize("odd", ["my-passphrase", KEY[:-2], f"{KEY[:20]}{KEY}"], ids=["none", "too short", "too long"])
def test_what_is_no_key_is_refused_by_its_position_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, odd: str
) -> None:
    (tmp_path / "credentials_key").write_text(f"{odd}\n{KEY}\n{odd}")
    expected = (
        "a key is 32 bytes in URL-safe base64, as `manage.py rotate_keys --generate` makes them where none is set."
    )
    for given, told in (
        (f"{KEY}, {odd}", "CREDENTIALS_KEYS has what is no key, at position 2"),
        ("", f"{tmp_path / 'credentials_key'} has what is no key, at position 1, 3"),
    ):
        with pytest.raises(ImproperlyConfigured) as caught:
            read(monkeypatch, DATA_DIR=str(tmp_path), CREDENTIALS_KEYS=given)
        assert str(caught.value) == f"{told}: {expected}"


def test_keys_are_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(monkeypatch, CREDENTIALS_KEYS=f" {KEY} ,,{KEY}")

    assert (found["CREDENTIALS_KEYS"], found["CREDENTIALS_KEYS_FILE"]) == ([KEY, KEY], None)


def test_a_key_of_ones_own_is_made_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = read(monkeypatch, DATA_DIR=str(tmp_path), CREDENTIALS_KEYS="")
    assert not first["CREDENTIALS_KEYS_FILE"].exists()

    (made,) = first["CREDENTIALS_KEYS"]

    assert Fernet(made)
    assert read(monkeypatch)["CREDENTIALS_KEYS"] == [made]


def test_a_process_that_does_not_start_says_so_in_one_sentence() -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "dashboard.settings", "RECORD_BYTES": "20000000"}
    told = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode == 1
    assert told.stderr == (
        "Syncdeck is not configured: RECORD_BYTES must be a whole number from 1,000 to 10,000,000, not '20000000'.\n"
    )
