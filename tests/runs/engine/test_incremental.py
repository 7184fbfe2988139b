"""From which date an entry asks: contract 3.5, sentence by sentence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from werkzeug import Response

from runs.engine.runner import execute_slice
from runs.models import IntegratedAccount, RunStatus, SyncJob, SyncJobRun
from runs.services import rerun_window, save_job
from runs.wire import known_time
from tests import factories
from tests.runs.engine.driving import let_wait_end
from tests.sources import Source, countries_and_cities, serving

pytestmark = pytest.mark.django_db(transaction=True)

SINCE = {"since": "{{previous_run_date}}"}
ENTRIES = [
    {"resource": "countries", "method": "list", "persist": True, "query": SINCE},
    {
        "resource": "cities",
        "method": "list",
        "depends_on": "countries",
        "query": {**SINCE, "country": "{{resources.countries.iso}}"},
    },
]
OVERLAP = timedelta(seconds=300)


@pytest.fixture
def source() -> Iterator[Source]:
    with serving(countries_and_cities(1, 1)) as found:
        yield found


@pytest.fixture
def account(source: Source) -> IntegratedAccount:
    config = factories.integration_config(source.url)
    return factories.account(integration=factories.integration(config=config))


@pytest.fixture
def job(account: IntegratedAccount) -> SyncJob:
    return factories.job(integration=account.integration, resources=ENTRIES)


def executed(job: SyncJob, account: IntegratedAccount, **over: Any) -> SyncJobRun:
    run = factories.run(job=job, account=account, **over)
    execute_slice(run.id, "d1")
    run.refresh_from_db()
    assert run.finished_at is not None
    return run


def asked(source: Source, path: str) -> str | None:
    """The date in the last request to the path."""
    return source.requests(path)[-1].query.get("since")


def date_of(run: SyncJobRun) -> str:
    assert isinstance(run.started_at, datetime)
    return known_time(run.started_at - OVERLAP)


def test_the_first_run_sends_no_date(source: Source, job: SyncJob, account: IntegratedAccount) -> None:
    executed(job, account)
    assert (asked(source, "/countries"), asked(source, "/cities")) == (None, None)


def test_the_next_run_sends_the_start_of_the_last_one_less_the_overlap(
    source: Source, job: SyncJob, account: IntegratedAccount
) -> None:
    first = executed(job, account)
    second = executed(job, account)
    assert (asked(source, "/countries"), asked(source, "/cities")) == (date_of(first), date_of(first))
    assert {step.previous_run_date for step in second.steps.all()} == {rerun_window_at(first)}
    executed(job, account)
    assert asked(source, "/countries") == date_of(second)


def rerun_window_at(run: SyncJobRun) -> datetime:
    assert run.started_at is not None
    return run.started_at - OVERLAP


def test_ignoring_the_previous_run_sends_no_date_and_moves_it(
    source: Source, job: SyncJob, account: IntegratedAccount
) -> None:
    executed(job, account)
    full = executed(job, account, ignore_previous_run=True)
    assert asked(source, "/countries") is None
    executed(job, account)
    assert asked(source, "/countries") == date_of(full)


def test_an_entry_that_failed_holds_its_date_and_others_move_on(
    source: Source, job: SyncJob, account: IntegratedAccount
) -> None:
    first = executed(job, account)
    source.before = lambda request: Response("no", 404) if request.path == "/cities" else None
    second = executed(job, account)
    source.before = None
    executed(job, account)
    assert second.status == RunStatus.COMPLETED
    assert (asked(source, "/countries"), asked(source, "/cities")) == (date_of(second), date_of(first))


def test_a_failed_parent_holds_the_date_of_its_children(
    source: Source, job: SyncJob, account: IntegratedAccount
) -> None:
    first = executed(job, account)
    source.before = lambda request: Response("no", 404) if request.path == "/countries" else None
    executed(job, account)
    source.before = None
    executed(job, account)
    assert (asked(source, "/countries"), asked(source, "/cities")) == (date_of(first), date_of(first))


def test_a_clean_entry_of_a_failed_run_moves_its_date(source: Source, job: SyncJob, account: IntegratedAccount) -> None:
    source.before = lambda request: Response("no", 404) if request.path == "/cities" else None
    failed = executed(job, account, error_handling="fail_fast")
    assert failed.status == RunStatus.FAILED
    source.before = None
    executed(job, account)
    assert (asked(source, "/countries"), asked(source, "/cities")) == (date_of(failed), None)


def test_a_quarantined_record_does_not_hold_the_date(source: Source, job: SyncJob, account: IntegratedAccount) -> None:
    source.tables["countries"].append({"iso": None, "name": "nowhere"})
    first = executed(job, account)
    assert first.error_count >= 1
    executed(job, account)
    assert asked(source, "/countries") == date_of(first)


def test_other_args_have_a_date_of_their_own(source: Source, job: SyncJob, account: IntegratedAccount) -> None:
    executed(job, account, args={"a": 1})
    executed(job, account, args={"a": 2})
    assert asked(source, "/countries") is None


def test_a_changed_definition_starts_with_a_full_sync(source: Source, job: SyncJob, account: IntegratedAccount) -> None:
    executed(job, account)
    changed = [{**ENTRIES[0], "query": {**SINCE, "x": 1}}, ENTRIES[1]]
    executed(save_job(job.environment, {"resources": changed}, job), account)
    assert (asked(source, "/countries"), asked(source, "/cities")) == (None, None)


def test_the_integration_says_how_far_runs_overlap(source: Source, job: SyncJob, account: IntegratedAccount) -> None:
    account.integration.config = factories.integration_config(source.url, incremental_overlap=0)
    account.integration.save()
    first = executed(job, account)
    executed(job, account)
    assert first.started_at is not None
    assert asked(source, "/countries") == known_time(first.started_at)


def test_the_window_of_a_rerun_is_the_date_it_will_send(job: SyncJob, account: IntegratedAccount) -> None:
    first = executed(job, account)
    assert rerun_window(first) == rerun_window_at(first)


def test_the_window_of_a_rerun_is_that_of_the_job_as_it_is_now(job: SyncJob, account: IntegratedAccount) -> None:
    first = executed(job, account)
    save_job(job.environment, {"resources": [{**ENTRIES[0], "persist": False}]}, job)
    assert rerun_window(SyncJobRun.objects.get(id=first.id)) is None


def test_a_takeover_does_not_move_the_start(source: Source, job: SyncJob, account: IntegratedAccount) -> None:
    run = factories.run(job=job, account=account)
    source.before = lambda request: Response("", 429, {"Retry-After": "3600"})
    execute_slice(run.id, "d1")
    run.refresh_from_db()
    started = run.started_at
    let_wait_end(run)
    source.before = None
    execute_slice(run.id, "d2")
    run.refresh_from_db()
    assert (run.status, run.started_at, run.daemon_id) == (RunStatus.COMPLETED, started, "d2")
