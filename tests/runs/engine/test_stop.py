"""A stop is a column: it decides by itself, whatever the broker does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from werkzeug import Request, Response

from runs.engine.claim import claim
from runs.engine.runner import execute_slice, hand_back
from runs.models import EventKind, Record, RunStatus, StepStatus, SyncJobRun
from runs.services import request_stop
from tests import factories
from tests.sources import Source, countries_and_cities, serving

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def source() -> Iterator[Source]:
    with serving(countries_and_cities(40, 1)) as found:
        yield found


def a_run(source: Source, **over: Any) -> SyncJobRun:
    config = factories.integration_config(source.url, concurrency=1)
    account = factories.account(integration=factories.integration(config=config))
    return factories.run(account=account, **over)


def stopping_before(run: SyncJobRun, number: int) -> Any:
    """A reply that asks the run to stop when the source is about to serve its n-th request."""
    seen = threading.Semaphore(number)

    def reply(request: Request) -> Response | None:
        if not seen.acquire(blocking=False):
            return None
        if not seen.acquire(blocking=False):
            request_stop(run, actor="someone")
            connection.close()
        else:
            seen.release()
        return None

    return reply


def test_a_created_run_stops_at_once() -> None:
    run = request_stop(factories.run(), actor="someone")
    assert (run.status, run.stop_requested_by, run.started_at) == (RunStatus.STOPPED, "someone", None)
    assert run.finished_at is not None


def test_a_parked_run_stops_at_once(source: Source) -> None:
    source.before = lambda request: Response("", 429, {"Retry-After": "3600"})
    run = a_run(source)
    execute_slice(run.id, "d1")
    assert request_stop(run, actor="someone").status == RunStatus.STOPPED


def test_a_running_run_stops_at_the_next_page_and_fetches_nothing_more(source: Source) -> None:
    run = a_run(source)
    source.before = stopping_before(run, 10)
    execute_slice(run.id, "d1")
    run.refresh_from_db()
    served = len(source.served)
    assert run.status == RunStatus.STOPPED
    assert served < 41
    assert Record.objects.count() == run.persisted == run.fetched
    assert run.steps.get(name="cities").status == StepStatus.STOPPED


def test_a_run_that_waits_for_its_source_stops_within_the_wait(source: Source) -> None:
    run = a_run(source)

    def reply(request: Request) -> Response:
        request_stop(run, actor="someone")
        connection.close()
        return Response("", 429, {"Retry-After": "25"})

    source.before = reply
    execute_slice(run.id, "d1")
    run.refresh_from_db()
    assert run.finished_at is not None
    assert run.stop_requested_at is not None
    assert (run.status, len(source.served)) == (RunStatus.STOPPED, 1)
    assert (run.finished_at - run.stop_requested_at).total_seconds() < 5


def test_a_stop_does_not_wait_for_a_source_that_takes_its_time(source: Source) -> None:
    run, over = a_run(source), threading.Event()

    def reply(request: Request) -> None:
        request_stop(run, actor="someone")
        connection.close()
        over.wait(15)

    source.before = reply
    execute_slice(run.id, "d1")
    over.set()
    run.refresh_from_db()
    assert run.finished_at is not None
    assert run.stop_requested_at is not None
    assert (run.status, run.fetched) == (RunStatus.STOPPED, 0)
    assert (run.finished_at - run.stop_requested_at).total_seconds() < 5


def test_a_stop_that_comes_while_the_slice_ends_is_not_left_to_the_sweep() -> None:
    run = factories.run()
    taken = claim(run.id, "d1")
    assert taken is not None
    assert request_stop(run, actor="someone").status == RunStatus.RUNNING
    assert not hand_back(taken)
    run.refresh_from_db()
    assert (run.status, run.stop_requested_by) == (RunStatus.STOPPED, "someone")


def test_stopping_twice_is_stopping_once() -> None:
    run = factories.run()
    first = request_stop(run, actor="someone")
    second = request_stop(run, actor="another")
    assert (second.stop_requested_by, second.finished_at) == ("someone", first.finished_at)
    assert run.events.filter(kind=EventKind.STOP_REQUESTED).count() == 1


def test_stopping_an_ended_run_changes_nothing(source: Source) -> None:
    run = a_run(source)
    execute_slice(run.id, "d1")
    before = SyncJobRun.objects.filter(id=run.id).values().get()
    assert request_stop(run, actor="someone").status == RunStatus.COMPLETED
    assert SyncJobRun.objects.filter(id=run.id).values().get() == before
