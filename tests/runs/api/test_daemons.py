"""Daemons are found by what the list answers about them, not by what their rows last said."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from runs.models import Daemon, DaemonStatus
from tests.runs.api.program import Program, failure_paths

pytestmark = pytest.mark.django_db

SILENT = timedelta(minutes=5)


@pytest.fixture(autouse=True)
def fleet(db: None) -> None:
    now = timezone.now()
    for name, groups, status, silent in (
        ("awake", "default", DaemonStatus.ACTIVE, timedelta(0)),
        ("both", "default,eu", DaemonStatus.ACTIVE, timedelta(0)),
        ("leaving", "eu,us", DaemonStatus.STOPPING, timedelta(0)),
        ("gone", "us", DaemonStatus.STOPPED, timedelta(0)),
        ("lost", "eu", DaemonStatus.ACTIVE, SILENT),
    ):
        Daemon.objects.create(daemon_id=name, group_key=groups, status=status, last_active_at=now - silent)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("status=active", {"awake", "both"}),
        ("status=stopped", {"gone", "lost"}),
        ("status[ne]=stopped", {"awake", "both", "leaving"}),
        ("status[in]=stopping,stopped", {"leaving", "gone", "lost"}),
        ("status=starting", set()),
        ("group_key=default", {"awake", "both"}),
        ("group_key=eu", {"both", "leaving", "lost"}),
        ("group_key[in]=us,default", {"awake", "both", "leaving", "gone"}),
        ("group_key[ne]=eu", {"awake", "gone"}),
        ("group_key=e", set()),
        ("group_key=default,eu", {"both"}),
        ("group_key=eu&status=active", {"both"}),
        ("daemon_id=lost", {"lost"}),
    ],
)
def test_they_are_filtered(program: Program, query: str, names: set[str]) -> None:
    listed = program.get(f"/daemon?{query}").json()["result"]
    assert {row["daemon_id"] for row in listed} == names


@pytest.mark.parametrize("status", [status.value for status in DaemonStatus])
def test_a_status_finds_exactly_those_that_are_answered_with_it(program: Program, status: str) -> None:
    everyone = program.get("/daemon").json()["result"]
    expected = {row["daemon_id"] for row in everyone if row["status"] == status}
    assert {row["daemon_id"] for row in program.get(f"/daemon?status={status}").json()["result"]} == expected


def test_an_unknown_status_is_refused(program: Program) -> None:
    assert failure_paths(program.get("/daemon?status=asleep")) == ["status"]


def test_one_is_got_by_the_id_of_its_row(program: Program) -> None:
    [listed] = program.get("/daemon?daemon_id=lost").json()["result"]
    assert program.get(f"/daemon/{listed['id']}").json() == listed
    assert program.get("/daemon/01900000-0000-7000-8000-000000000000").status_code == 404
