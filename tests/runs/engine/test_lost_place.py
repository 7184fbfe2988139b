"""A source that no longer takes the cursor at which a run was left off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug import Request, Response

from runs.models import EventKind, Record, RecordError, RunStatus, SyncJobRun
from tests import factories
from tests.processes import wait_until
from tests.runs.engine.driving import a_run, executed, losing_daemons
from tests.sources import Source, countries_and_cities, serving

pytestmark = pytest.mark.django_db(transaction=True)

COUNTRIES, CITIES = factories.COUNTRIES_AND_CITIES
PAGE = {"format": "page", "config": {"page_key": "page", "limit_key": "per_page", "limit": 5}}
NO_LINGER = {"pagination": PAGE, "concurrency": 1}


@pytest.fixture
def source(settings: Any) -> Iterator[Source]:
    settings.LINGER_SECONDS = 0
    with serving(countries_and_cities(12, 2)) as found:
        yield found


def left_off(source: Source, entries: list[dict[str, Any]], status: int, *, times: int = 1) -> SyncJobRun:
    """A run whose daemon is lost at the third page; which the source then refuses so many times."""
    run = a_run(source, entries, config=NO_LINGER)
    lose, asked = losing_daemons(run, every=2), 0
    two_pages = run.steps.filter(name="countries", fetched=10)

    def reply(request: Request) -> Response | None:
        nonlocal asked
        if request.path != "/countries" or request.args["page"] == "1":
            return None
        asked += 1
        if asked == 2:  # it was asked for ahead of time: what came before it is to be kept first
            wait_until(two_pages.exists, 20, "the first two pages in the database")
        if asked <= 2:
            return lose(request)
        return Response("the cursor has expired", status) if asked <= 2 + times else None

    source.before = reply
    return executed(run)


@pytest.mark.parametrize("status", [400, 404, 410])
def test_it_begins_anew_and_counts_nothing_twice(source: Source, status: int) -> None:
    run = left_off(source, [COUNTRIES, CITIES], status)
    assert (run.status, run.error_count, run.attempt) == (RunStatus.COMPLETED, 0, 2)
    counts = {step.name: (step.fetched, step.persisted, step.request_total) for step in run.steps.all()}
    assert counts == {"countries": (12, 12, 1), "cities": (24, 24, 12)}
    assert (run.fetched, run.persisted, Record.objects.count()) == (36, 36, 36)
    told = run.events.filter(kind=EventKind.WARNING).values_list("message", flat=True)
    assert list(told) == ["countries: the source no longer knows the page where it was; it begins at its first one."]


def test_a_first_page_that_is_refused_too_is_an_error(source: Source) -> None:
    source_is_gone = left_off(source, [COUNTRIES], 404, times=100)
    assert source_is_gone.error_count == 1
    assert RecordError.objects.get().status_code == 404


def test_a_refusal_in_the_midst_of_a_slice_is_an_error(source: Source) -> None:
    source.before = lambda request: Response("no", 410) if request.args["page"] == "2" else None
    run = executed(a_run(source, [COUNTRIES], config=NO_LINGER))
    assert (run.error_count, run.fetched) == (1, 5)
