"""What the source tells one run of an account holds for all of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from werkzeug import Request, Response

from runs.engine.limits import limit_account, limit_of
from runs.engine.runner import execute_slice
from runs.models import EventKind, IntegratedAccount, RunStatus, SyncJobRun
from runs.services import save_account
from tests import factories
from tests.runs.engine.driving import let_wait_end
from tests.sources import Source, countries_and_cities, serving

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def source() -> Iterator[Source]:
    with serving(countries_and_cities(12, 2)) as found:
        yield found


@pytest.fixture
def account(source: Source) -> IntegratedAccount:
    config = factories.integration_config(source.url, concurrency=2)
    return factories.account(integration=factories.integration(config=config))


def executed(run: SyncJobRun) -> SyncJobRun:
    execute_slice(run.id, "d1")
    run.refresh_from_db()
    return run


def limit(seconds: int) -> Any:
    return lambda request: Response("slow down", 429, {"Retry-After": str(seconds)})


def is_about(moment: datetime | None, seconds: float) -> bool:
    """Whether that is `seconds` from now, give or take what a test takes."""
    return moment is not None and abs((moment - timezone.now()).total_seconds() - seconds) < 10


def test_a_run_of_the_same_account_parks_without_asking(source: Source, account: IntegratedAccount) -> None:
    source.before = limit(120)
    first = executed(factories.run(account=account))
    second = executed(factories.run(account=account, force=True))

    assert len(source.served) == 1
    for run in (first, second):
        assert (run.status, run.lease_token, run.resume_at) == (RunStatus.RUNNING, None, run.rate_limited_until)
        assert is_about(run.resume_at, 120)
        assert run.events.filter(kind=EventKind.RATE_LIMITED).count() == 1


def test_another_account_of_the_integration_goes_on(source: Source, account: IntegratedAccount) -> None:
    source.before = limit(120)
    executed(factories.run(account=account))
    source.before = None
    other = factories.account(integration=account.integration, tenant_id="other")

    assert executed(factories.run(account=other)).status == RunStatus.COMPLETED


def test_when_the_wait_is_over_it_goes_on_where_it_was(source: Source, account: IntegratedAccount) -> None:
    source.before = lambda request: limit(120)(request) if request.path == "/cities" else None
    run = executed(factories.run(account=account))
    source.before = None
    let_wait_end(run)
    run = executed(run)

    assert (run.status, run.fetched, run.attempt, run.rate_limited_until) == (RunStatus.COMPLETED, 36, 1, None)
    assert len(source.requests("/countries")) == 1


def test_a_run_at_work_parks_when_another_is_told(source: Source, account: IntegratedAccount) -> None:
    run = factories.run(account=account)
    looked = threading.Event()

    def told_elsewhere(request: Request) -> None:
        """From this request on, all stay in flight until the run has looked at its account."""
        country = request.args.get("country", "")
        if country == "C003":
            limit_account(run.id, 300)
            connection.close()
        if country >= "C003":
            looked.wait(1.5)

    source.before = told_elsewhere
    run = executed(run)

    assert (run.status, run.lease_token, run.fetched > 12) == (RunStatus.RUNNING, None, True)
    assert is_about(run.rate_limited_until, 300)
    assert len(source.requests("/cities")) == 5


def test_a_long_wait_does_not_wait_for_a_slow_request_in_front(source: Source, account: IntegratedAccount) -> None:
    parked = threading.Event()

    def answer(request: Request) -> Response | None:
        if request.args.get("country") == "C000":
            parked.wait(20)
        return limit(120)(request) if request.args.get("country") == "C001" else None

    source.before = answer
    begun = time.monotonic()
    run = executed(factories.run(account=account))
    took = time.monotonic() - begun
    parked.set()

    assert (run.status, run.lease_token, run.steps.get(name="cities").position) == (RunStatus.RUNNING, None, 0)
    assert is_about(run.rate_limited_until, 120)
    assert took < 10


def test_a_short_wait_is_waited_by_every_run(source: Source, account: IntegratedAccount) -> None:
    run = factories.run(account=account)
    limit_account(run.id, 1.5)
    known = limit_of(run.id)
    asked: list[datetime] = []
    source.before = lambda request: asked.append(timezone.now())
    run = executed(run)

    assert known is not None
    assert (run.status, run.rate_limited_until) == (RunStatus.COMPLETED, None)
    assert min(asked) >= known.until
    assert run.events.filter(kind=EventKind.RATE_LIMITED).count() == 1


def test_a_short_wait_that_a_request_is_told_is_known_to_the_account(
    source: Source, account: IntegratedAccount
) -> None:
    answers = iter([limit(2)])
    source.before = lambda request: next(answers, lambda request: None)(request)
    run = executed(factories.run(account=account))
    account.refresh_from_db()

    assert run.status == RunStatus.COMPLETED
    assert account.rate_limited_until is not None
    assert run.started_at is not None
    assert timedelta(seconds=1) < account.rate_limited_until - run.started_at < timedelta(seconds=4)
    assert run.events.filter(kind=EventKind.RATE_LIMITED).count() == 1


def test_the_longest_wait_stays(account: IntegratedAccount) -> None:
    run = factories.run(account=account)
    limit_account(run.id, 600)
    limit_account(run.id, 5)

    known = limit_of(run.id)
    assert known is not None
    assert is_about(known.until, 600)
    assert 590 < known.seconds <= 600


def test_a_wait_that_is_over_is_none(account: IntegratedAccount) -> None:
    run = factories.run(account=account)
    assert limit_of(run.id) is None
    limit_account(run.id, -1)
    assert limit_of(run.id) is None


def test_new_credentials_need_not_wait_for_the_old_ones(account: IntegratedAccount) -> None:
    run = factories.run(account=account)
    limit_account(run.id, 600)
    save_account(account.environment, {"context": {"token": "new"}}, account)

    assert limit_of(run.id) is None
