"""A read that takes too long is broken off by the database, and nothing else is."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection

from runs.database import ReadTimedOut, bounded_read
from runs.models import Environment
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
FOR_LONG = {
    "postgresql": "SELECT pg_sleep(20)",
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1e9) SELECT max(i) FROM n",
}


def work_for_long() -> None:
    with connection.cursor() as cursor:
        cursor.execute(FOR_LONG[connection.vendor])
        cursor.fetchall()


def test_what_takes_too_long_is_broken_off() -> None:
    with pytest.raises(ReadTimedOut), bounded_read(50):
        work_for_long()


def test_the_connection_goes_on_without_the_limit() -> None:
    with pytest.raises(ReadTimedOut), bounded_read(50):
        work_for_long()
    factories.environment()
    assert Environment.objects.count() == 1
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("1min",)


def test_what_is_quick_is_let_through() -> None:
    with bounded_read(10_000):
        assert Environment.objects.count() == 0


def test_another_fault_stays_what_it_is() -> None:
    with pytest.raises(OperationalError), bounded_read(10_000):
        raise OperationalError("the server has gone away")


@pytest.mark.only_on("sqlite")
def test_it_takes_no_lock_that_writers_need() -> None:
    with bounded_read(10_000):
        assert not connection.in_atomic_block
