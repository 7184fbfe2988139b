"""A database that does not answer in time holds up neither the list nor its reader."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection
from django.test import Client

from dashboard.durations import UNKNOWN
from tests import factories
from tests.dashboard.conftest import HTMX, logged_in, member

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.only_on("postgresql"),  # on SQLite readers wait for nobody
]


@pytest.fixture
def client() -> Client:
    run = factories.run()
    return logged_in(member("victor", run.environment))


@pytest.fixture
def locked(client: Client) -> Iterator[None]:
    """Nobody can read the runs, as during a migration."""
    settings = connection.settings_dict
    address = {"host": settings["HOST"], "port": settings["PORT"], "user": settings["USER"], "dbname": settings["NAME"]}
    with psycopg.connect(**address, password=settings["PASSWORD"] or None) as other:
        other.execute("LOCK TABLE runs_syncjobrun IN ACCESS EXCLUSIVE MODE")
        yield


def test_counts_that_are_late_are_dashes(client: Client, locked: None) -> None:
    answer = client.get("/runs/counts/", headers=HTMX)
    assert answer.status_code == 200
    assert answer.content.decode().count(f'<b class="count">{UNKNOWN}</b>') == 5


def test_bars_that_are_late_say_so(client: Client, locked: None) -> None:
    assert "could not be counted in time" in client.get("/runs/histogram/", headers=HTMX).content.decode()


def test_a_list_that_is_late_says_what_to_do(client: Client, locked: None) -> None:
    answer = client.get("/runs/")
    assert answer.status_code == 503
    assert "Only the last 24 hours" in answer.content.decode()
