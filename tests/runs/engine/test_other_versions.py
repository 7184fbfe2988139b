"""Runs that another version of the code has made or begun: told by name, and never tried for ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from runs.engine.claim import claim
from runs.engine.runner import execute_slice, hand_back
from runs.models import Integration, RunStatus, StepStatus, SyncJobRun
from tests import factories
from tests.runs.engine.driving import a_run, again, executed
from tests.sources import Source, countries_and_cities, serving

pytestmark = pytest.mark.django_db(transaction=True)

COUNTRIES, CITIES = factories.COUNTRIES_AND_CITIES


@pytest.fixture
def source() -> Iterator[Source]:
    with serving(countries_and_cities(12, 2)) as found:
        yield found


@pytest.fixture
def run(source: Source) -> SyncJobRun:
    """Taken by a daemon, which has given it back."""
    found = a_run(source, [COUNTRIES, CITIES])
    held = claim(found.id, "of another version")
    assert held is not None
    hand_back(held)
    return found


def failure(run: SyncJobRun) -> str:
    """Its code: one slice has ended the run, and has asked the source for nothing."""
    execute_slice(run.id, "d1")
    run.refresh_from_db()
    assert run.status == RunStatus.FAILED
    assert run.error is not None
    assert "Syncdeck" in run.error["message"] or "not valid" in run.error["message"]
    return str(run.error["code"])


@pytest.mark.parametrize(
    "entries",
    [
        [COUNTRIES, {"type": "merge", "name": "x"}],
        [COUNTRIES, {"resource": "countries", "method": ["list"]}],
        [COUNTRIES, 7],
        {"entries": [COUNTRIES]},
    ],
)
def test_a_definition_that_is_not_known(source: Source, run: SyncJobRun, entries: Any) -> None:
    SyncJobRun.objects.update(resources=entries)
    assert failure(run) == "definition"
    assert source.served == []


@pytest.mark.parametrize(
    "cursor",
    [
        {"v": 2, "place": {"page": 3}},
        {"at": {"page": 3}, "pages": 2, "empty_pages": 0, "seen": [], "content": "", "fault": None, "since": "x"},
        {"at": {"token": "abc"}, "pages": 2, "empty_pages": 0, "seen": [], "content": "", "fault": None},
        {"at": {"page": {"number": 3}}, "pages": 2, "empty_pages": 0, "seen": [], "content": "", "fault": None},
        {"sealed": "with a key that is gone"},
        {},
    ],
)
def test_a_place_that_can_not_be_read(source: Source, run: SyncJobRun, cursor: dict[str, Any]) -> None:
    run.steps.filter(name="countries").update(status=StepStatus.RUNNING, cursor=cursor)
    assert failure(run) == "unknown_place"
    assert source.served == []
    assert again(run).status == RunStatus.COMPLETED


def test_a_pagination_that_was_changed_under_a_run(source: Source, run: SyncJobRun) -> None:
    place = {"at": {"page": 2}, "pages": 1, "empty_pages": 0, "seen": [], "content": "", "fault": None}
    run.steps.filter(name="countries").update(status=StepStatus.RUNNING, cursor=place)
    pagination = {"format": "offset", "config": {"offset_key": "offset", "limit_key": "per_page", "limit": 5}}
    Integration.objects.update(config=factories.integration_config(source.url, pagination=pagination))
    assert failure(run) == "unknown_place"


def test_a_step_that_the_run_does_not_have(run: SyncJobRun) -> None:
    run.steps.filter(name="cities").delete()
    assert failure(run) == "other_version"


@pytest.mark.only_on("postgresql")
def test_a_status_of_a_step_that_is_not_known(source: Source, run: SyncJobRun) -> None:
    """As the tables of a later version may allow it."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE runs_runstep DROP CONSTRAINT step_status_known")
        try:
            run.steps.filter(name="countries").update(status="skipped")
            assert failure(run) == "other_version"
            assert source.served == []
        finally:
            cursor.execute("UPDATE runs_runstep SET status = 'failed'")
            cursor.execute(
                "ALTER TABLE runs_runstep ADD CONSTRAINT step_status_known CHECK "
                "(status IN ('pending', 'running', 'completed', 'failed', 'stopped'))"
            )


def test_a_run_of_this_version_goes_on(run: SyncJobRun) -> None:
    assert executed(run).status == RunStatus.COMPLETED
