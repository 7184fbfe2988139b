"""What is deleted goes at once and for good, its history stays, and what a live run uses is kept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from runs.engine.claim import StopRequested, claim
from runs.engine.runner import execute_slice
from runs.errors import InvalidInput
from runs.models import CronTrigger, IntegratedAccount, Record, RunStatus, SyncJobRun
from runs.services import (
    delete_account,
    delete_integration,
    delete_job,
    finish_deletions,
    rerun,
)
from tests import factories
from tests.runs import rows

pytestmark = pytest.mark.django_db


def end(run: SyncJobRun) -> SyncJobRun:
    SyncJobRun.objects.filter(id=run.id).update(status=RunStatus.COMPLETED, finished_at=timezone.now())
    run.refresh_from_db()
    return run


def mark_deleted(account: IntegratedAccount) -> None:
    """All that a process which is killed at the worst moment has done."""
    IntegratedAccount.objects.filter(id=account.id).update(deleted_at=timezone.now(), context={})


def armed() -> list[Any]:
    return list(CronTrigger.objects.filter(is_active=True))


def test_an_accounts_deletion_erases_credentials_and_records_and_stops_runs_and_schedules(run: SyncJobRun) -> None:
    account = run.integrated_account
    factories.trigger(account=account, job=run.sync_job)
    other = factories.run(account=factories.account(integration=account.integration), job=run.sync_job)
    kept = rows.record(other)
    for number in range(3):
        rows.record(run, record_id=str(number))
    delete_account(account, actor="olga")
    account.refresh_from_db()
    run.refresh_from_db()
    assert (account.context, account.tenant_id, account.deleted_at is None) == ({}, "acme", False)
    assert (run.status, run.stop_requested_by) == (RunStatus.STOPPED, "olga")
    assert list(Record.objects.all()) == [kept]
    assert armed() == []
    assert SyncJobRun.objects.get(id=other.id).stop_requested_at is None


def test_a_run_that_a_daemon_holds_writes_no_page_after_the_deletion(run: SyncJobRun) -> None:
    held = claim(run.id, "d1")
    assert held is not None
    delete_account(run.integrated_account)
    with pytest.raises(StopRequested):
        held.hold(fetched=1)


def test_a_run_that_lost_its_account_before_its_claim_asks_nothing_of_the_source(run: SyncJobRun) -> None:
    mark_deleted(run.integrated_account)
    execute_slice(run.id, "d1")
    run.refresh_from_db()
    assert run.error is not None
    assert (run.status, run.error["code"]) == (RunStatus.FAILED, "account_deleted")


def test_a_deletion_that_was_cut_short_is_finished_later(run: SyncJobRun) -> None:
    rows.record(run)
    mark_deleted(run.integrated_account)
    assert finish_deletions() == 1
    run.refresh_from_db()
    assert (run.status, Record.objects.count()) == (RunStatus.STOPPED, 0)
    assert finish_deletions() == 0


def test_a_rerun_of_what_is_deleted_is_refused_in_a_sentence(run: SyncJobRun) -> None:
    delete_account(end(run).integrated_account)
    with pytest.raises(InvalidInput, match="integrated_account_id: has been deleted"):
        rerun(SyncJobRun.objects.get(id=run.id))


@pytest.mark.parametrize(
    "delete", [lambda run: delete_job(run.sync_job), lambda run: delete_integration(run.sync_job.integration)]
)
def test_what_a_live_run_uses_is_kept_with_its_schedules(run: SyncJobRun, delete: Callable[..., Any]) -> None:
    trigger = factories.trigger(account=run.integrated_account, job=run.sync_job)
    with pytest.raises(InvalidInput, match=f"id: is in use by the live run {run.id}"):
        delete(run)
    assert armed() == [trigger]
    delete(end(run))
    assert armed() == []
    with pytest.raises(InvalidInput, match="has been deleted"):
        rerun(SyncJobRun.objects.get(id=run.id))


@pytest.mark.parametrize("name", ["account", "job", "integration"])
@pytest.mark.django_db(transaction=True)
def test_no_run_slips_in_beside_a_deletion(name: str) -> None:
    """Either the run was first: it is stopped, or keeps what it uses. Or it is refused."""
    delete = {"account": delete_account, "job": delete_job, "integration": delete_integration}[name]
    for number in range(8):
        account = factories.account(integration=factories.integration(name=f"geo-{number}"))
        job = factories.job(integration=account.integration)
        target: Any = {"account": account, "job": job, "integration": account.integration}[name]
        start = threading.Barrier(2)

        def create(account: Any = account, job: Any = job, start: Any = start) -> None:
            _at_once(start, lambda: factories.run(account=account, job=job, dispatch=False))

        def remove(target: Any = target, start: Any = start) -> None:
            _at_once(start, lambda: delete(target))

        threads = [threading.Thread(target=create), threading.Thread(target=remove)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        target.refresh_from_db()
        live = SyncJobRun.objects.live().filter(integrated_account=account).exists()
        assert live == (target.deleted_at is None)


def _at_once(start: threading.Barrier, act: Callable[[], Any]) -> None:
    start.wait()
    try:
        act()
    except InvalidInput:
        return
    finally:
        connection.close()
