"""DELETE, as the contract says it for each kind of object (contract 2)."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from runs.models import IntegratedAccount, Record, RunStatus, SyncJobRun, User
from tests import factories
from tests.runs import rows
from tests.runs.api.program import Program, failure_paths

pytestmark = pytest.mark.django_db


def end(run: SyncJobRun) -> None:
    SyncJobRun.objects.filter(id=run.id).update(status=RunStatus.COMPLETED, finished_at=timezone.now())


def path_of(kind: str, run: SyncJobRun) -> str:
    ids = {
        "integrated-account": run.integrated_account_id,
        "sync-job": run.sync_job_id,
        "integration": run.sync_job.integration_id,
    }
    return f"/{kind}/{ids[kind]}"


def test_an_account_goes_with_its_credentials_and_records_and_its_runs_stay(
    program: Program, run: SyncJobRun, client: Client, superuser: User
) -> None:
    rows.record(run)
    path = path_of("integrated-account", run)
    answer = program.delete(path)
    assert (answer.status_code, answer.json()) == (200, {"id": str(run.integrated_account_id)})
    assert program.get(path).status_code == program.delete(path).status_code == 404
    assert program.get("/integrated-account").json()["result"] == program.get("/record").json()["result"] == []
    assert (IntegratedAccount.objects.get().context, Record.objects.count()) == ({}, 0)
    history = program.get(f"/sync-job-run?integrated_account_id={run.integrated_account_id}").json()["result"]
    assert [(row["id"], row["status"]) for row in history] == [(str(run.id), "stopped")]
    client.force_login(superuser)
    for page in ("/runs/", f"/runs/{run.id}/"):
        assert "acme" in client.get(page).content.decode()


@pytest.mark.parametrize("kind", ["sync-job", "integration"])
def test_what_a_live_run_uses_is_kept_and_the_run_named(program: Program, run: SyncJobRun, kind: str) -> None:
    path = path_of(kind, run)
    refused = program.delete(path)
    assert failure_paths(refused) == ["id"]
    assert str(run.id) in refused.json()["message"]
    assert program.get(path).status_code == 200
    end(run)
    assert program.delete(path).json() == {"id": path.rpartition("/")[2]}
    assert program.get(path).status_code == 404
    kept = program.get(f"/sync-job-run/{run.id}").json()
    assert (kept["status"], kept["sync_job"]["integration_name"]) == ("completed", "geo")


@pytest.mark.parametrize("kind", ["integrated-account", "sync-job", "integration"])
def test_what_is_deleted_is_neither_run_again_nor_scheduled(program: Program, run: SyncJobRun, kind: str) -> None:
    trigger = factories.trigger(account=run.integrated_account, job=run.sync_job)
    end(run)
    program.delete(path_of(kind, run))
    rerun = program.post(f"/sync-job-run/{run.id}/rerun")
    assert (rerun.status_code, "has been deleted" in rerun.json()["message"]) == (400, True)
    schedule = program.get(f"/sync-job-cron-trigger/{trigger.id}").json()
    assert (schedule["is_active"], schedule["next_run_at"]) == (False, None)
    assert "has been deleted" in program.post(f"/sync-job-cron-trigger/{trigger.id}/schedule").json()["message"]


def test_a_run_is_stopped_and_never_removed(program: Program, run: SyncJobRun) -> None:
    for _ in range(2):
        answer = program.delete(f"/sync-job-run/{run.id}")
        assert (answer.status_code, answer.json()["status"]) == (200, "stopped")
