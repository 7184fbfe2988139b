"""What the migration tells of runs that ended before anybody kept it."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from runs.models import RunStatus, SyncJobRun
from tests import factories
from tests.dashboard import states

migration = import_module("runs.migrations.0016_habits_fill")


def filled(run: SyncJobRun) -> SyncJobRun:
    migration.fill(apps, SimpleNamespace(connection=connection))
    run.refresh_from_db()
    return run


def later(run: SyncJobRun, status: RunStatus) -> SyncJobRun:
    made = factories.run(job=run.sync_job, account=run.integrated_account)
    return states.change(made, status=status, finished_at=timezone.now(), created_at=timezone.now())


@pytest.mark.parametrize(
    ("status", "is_settled"), [(RunStatus.COMPLETED, True), (RunStatus.FAILED, True), (RunStatus.STOPPED, False)]
)
def test_a_failure_is_settled_by_the_next_outcome(run: SyncJobRun, status: RunStatus, is_settled: bool) -> None:
    states.failed(run, created_at=timezone.now() - timedelta(hours=1))
    next_one = later(run, status)
    later(run, RunStatus.COMPLETED) if is_settled else None
    assert filled(run).superseded_at == (next_one.finished_at if is_settled else None)
    assert filled(run).is_unsettled != is_settled


def test_of_more_runs_than_are_read_at_once_each_is_seen(run: SyncJobRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration, "BATCH", 2)
    runs = [states.failed(run)]
    runs += [states.failed(factories.run(job=run.sync_job, account=run.integrated_account)) for _ in range(5)]
    SyncJobRun.objects.update(superseded_at=None)
    filled(run)
    assert set(SyncJobRun.objects.unsettled()) == {runs[-1]}


def test_a_run_that_went_by_a_date_was_incremental(run: SyncJobRun) -> None:
    assert not filled(run).is_incremental
    run.steps.filter(index=1).update(previous_run_date=timezone.now())
    assert filled(run).is_incremental


def test_an_entry_of_which_nothing_was_persisted_without_an_error_is_one_that_is_not_to_be(run: SyncJobRun) -> None:
    run.steps.filter(index=0).update(fetched=5)
    run.steps.filter(index=1).update(fetched=5, error_count=5)
    filled(run)
    assert list(run.steps.values_list("persists", flat=True)) == [False, True]
