"""What the end of a run leaves on its account."""

from __future__ import annotations

import importlib
import pkgutil
import threading
from copy import copy
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.utils import timezone

from runs import migrations
from runs.engine.claim import claim
from runs.engine.freshness import forget_old_days, note_end
from runs.errors import ErrorInfo
from runs.models import (
    AccountDay,
    AccountFreshness,
    Ending,
    IntegratedAccount,
    JobFreshness,
    RunStatus,
    SyncJobRun,
    WarningCode,
)
from runs.services import request_stop
from tests import factories

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def end(run: SyncJobRun, status: RunStatus, **values: Any) -> SyncJobRun:
    """The run, ended as a daemon ends it."""
    taken = claim(run.id, "d1")
    assert taken is not None
    taken.hold(**values)
    error = ErrorInfo("request_failed", "no") if status == RunStatus.FAILED else None
    assert taken.finish(status, "Ended.", error)
    run.refresh_from_db()
    return run


def ended_at(run: SyncJobRun, at: datetime, status: RunStatus = RunStatus.COMPLETED, errors: int = 0) -> SyncJobRun:
    """The run as it would be read at its end at this moment."""
    run.status, run.finished_at, run.error_count = status, at, errors
    return run


def doubtful_at(run: SyncJobRun, at: datetime) -> SyncJobRun:
    """The same of a run that completed while its records look wrong."""
    run = copy(ended_at(run, at))
    run.warning = WarningCode.ZERO
    return run


def counts() -> dict[date, dict[str, int]]:
    rows = AccountDay.objects.values("day", *Ending.values)
    return {row.pop("day"): {name: count for name, count in row.items() if count} for row in rows}


def test_a_completed_run_makes_its_account_and_job_fresh(run: SyncJobRun) -> None:
    end(run, RunStatus.COMPLETED)
    for row in (AccountFreshness.objects.get(), JobFreshness.objects.get()):
        assert row.account_id == run.integrated_account_id
        assert row.last_completed_at == row.last_ended_at == run.finished_at
        assert (row.last_ending, row.last_run_id) == (Ending.COMPLETED, run.id)
    assert JobFreshness.objects.get().sync_job_id == run.sync_job_id


def test_a_failure_leaves_the_data_as_old_as_it_was(run: SyncJobRun) -> None:
    first = end(run, RunStatus.COMPLETED)
    second = end(factories.run(job=run.sync_job, account=run.integrated_account), RunStatus.FAILED)
    row = AccountFreshness.objects.get()
    assert (row.last_completed_at, row.last_ended_at) == (first.finished_at, second.finished_at)
    assert (row.last_ending, row.last_run_id) == (Ending.FAILED, second.id)


def test_an_end_by_a_stop_is_counted_too(run: SyncJobRun) -> None:
    request_stop(run, actor="olga")
    row = AccountFreshness.objects.get()
    assert (row.last_ending, row.last_completed_at) == (Ending.STOPPED, None)


def test_each_day_counts_its_ends_by_how_they_ended(run: SyncJobRun) -> None:
    note_end(ended_at(run, NOON))
    note_end(ended_at(run, NOON, errors=2))
    note_end(doubtful_at(run, NOON))
    note_end(ended_at(run, NOON, RunStatus.FAILED))
    note_end(ended_at(run, NOON, RunStatus.FAILED))
    note_end(ended_at(run, NOON + timedelta(hours=12), RunStatus.STOPPED))
    assert counts() == {
        date(2026, 11, 24): {"completed": 1, "warned": 2, "failed": 2},
        date(2026, 11, 25): {"stopped": 1},
    }


def test_an_earlier_end_that_is_committed_later_overwrites_nothing(run: SyncJobRun) -> None:
    note_end(ended_at(run, NOON, RunStatus.FAILED))
    note_end(ended_at(run, NOON - timedelta(seconds=1), RunStatus.COMPLETED))
    row = AccountFreshness.objects.get()
    assert (row.last_ending, row.last_ended_at) == (Ending.FAILED, NOON)
    assert row.last_completed_at == NOON - timedelta(seconds=1)
    note_end(ended_at(run, NOON - timedelta(hours=1), RunStatus.COMPLETED))
    row.refresh_from_db()
    assert row.last_completed_at == NOON - timedelta(seconds=1)


def test_an_end_that_is_rolled_back_is_not_counted(run: SyncJobRun) -> None:
    taken = claim(run.id, "d1")
    assert taken is not None
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        taken.finish(RunStatus.COMPLETED, "Ended.")
        raise ZeroDivisionError
    assert counts() == {}
    assert not AccountFreshness.objects.exists()


def test_a_run_that_has_ended_is_not_counted_again(run: SyncJobRun) -> None:
    end(run, RunStatus.COMPLETED)
    assert request_stop(run).status == RunStatus.COMPLETED
    assert list(counts().values()) == [{"completed": 1}]


def test_an_end_takes_three_statements_at_most_the_first_one_too(
    run: SyncJobRun, django_assert_max_num_queries: Any
) -> None:
    for status in (RunStatus.COMPLETED, RunStatus.FAILED):
        ended = ended_at(run, NOON, status)
        with django_assert_max_num_queries(3):
            note_end(ended)


@pytest.mark.django_db(transaction=True)
def test_ends_of_one_account_at_once_are_all_counted() -> None:
    account = factories.account()
    job = factories.job(integration=account.integration)
    runs = [factories.run(account=account, job=job, args={"number": number}) for number in range(8)]
    start = threading.Barrier(len(runs))

    def work(run: SyncJobRun) -> None:
        start.wait()
        try:
            end(run, RunStatus.COMPLETED)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[run]) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(counts().values()) == [{"completed": 8}]
    latest = SyncJobRun.objects.order_by("-finished_at").values_list("finished_at", flat=True)[0]
    assert AccountFreshness.objects.get().last_completed_at == latest


def test_old_days_are_forgotten(run: SyncJobRun) -> None:
    today = timezone.now().date()
    for age in (0, 89, 91, 400):
        AccountDay.objects.create(account=run.integrated_account, day=today - timedelta(days=age))
    assert forget_old_days() == 2
    assert AccountDay.objects.count() == 2


def test_the_migration_finds_what_earlier_runs_would_have_left(run: SyncJobRun) -> None:
    account, job = run.integrated_account, run.sync_job
    other = factories.job(integration=account.integration, label="Other")
    end(run, RunStatus.COMPLETED)
    end(factories.run(account=account, job=job), RunStatus.COMPLETED, error_count=1)
    end(factories.run(account=account, job=other), RunStatus.FAILED)
    factories.run(account=account, job=job)
    models = (AccountDay, AccountFreshness, JobFreshness)
    written = [list(model.objects.order_by("pk").values()) for model in models]
    for model in models:
        model.objects.all().delete()
    [name] = [module.name for module in pkgutil.iter_modules(migrations.__path__) if module.name.endswith("_freshness")]
    importlib.import_module(f"runs.migrations.{name}").fill(apps, None)
    for rows in (*written, *(again := [list(model.objects.order_by("pk").values()) for model in models])):
        for row in rows:
            row.pop("id", None)
    assert [sorted(rows, key=str) for rows in again] == [sorted(rows, key=str) for rows in written]


def test_a_deleted_account_keeps_what_its_runs_have_left(run: SyncJobRun) -> None:
    end(run, RunStatus.COMPLETED)
    IntegratedAccount.objects.update(deleted_at=timezone.now())
    assert AccountFreshness.objects.exists()
