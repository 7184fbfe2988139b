"""`/sync-job-cron-trigger`, as a program uses it."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine

from runs.models import CronTrigger, Webhook
from runs.services import run_now
from tests import factories
from tests.runs.api.program import Program, failure_paths

pytestmark = pytest.mark.django_db

PATH = "/sync-job-cron-trigger"
FIELDS = {
    *("id", "sync_job_id", "integrated_account_id", "args", "cron_expression", "webhook_id", "daemon_group_key"),
    *("error_handling", "ignore_previous_run", "is_active", "next_run_at", "environment_id"),
    *("created_at", "updated_at"),
}
OURS = {"last_run_id", "last_skipped_at", "last_skip_code", "last_skip_reason"}


@pytest.fixture
def body() -> dict[str, Any]:
    account = factories.account()
    job = factories.job(integration=account.integration)
    return {"sync_job_id": str(job.id), "integrated_account_id": str(account.id), "cron_expression": "30 6 * * 1-5"}


@time_machine.travel("2026-11-25T12:00:00Z", tick=False)
def test_it_is_made_armed_with_every_field(program: Program, body: dict[str, Any]) -> None:
    made = program.post(PATH, {**body, "args": {"a": 1}, "is_active": True, "unknown": 1, "id": "x"})
    assert made.status_code == 201
    trigger = made.json()
    assert trigger.keys() == FIELDS | OURS
    assert trigger | body | {"args": {"a": 1}} == trigger
    assert (trigger["is_active"], trigger["next_run_at"]) == (True, "2026-11-26T06:30:00.000Z")
    assert (trigger["daemon_group_key"], trigger["webhook_id"], trigger["error_handling"]) == (
        "default",
        None,
        "ignore",
    )
    assert (trigger["ignore_previous_run"], trigger["last_run_id"]) == (False, None)
    assert program.get(f"{PATH}/{trigger['id']}").json() == trigger


@time_machine.travel("2026-11-25T12:00:00Z", tick=False)
def test_it_is_changed_and_what_it_is_for_stays(program: Program, body: dict[str, Any]) -> None:
    path = f"{PATH}/{program.post(PATH, body).json()['id']}"
    other = factories.job(integration=factories.integration(name="other"))
    changes = {"cron_expression": "0 7 * * *", "daemon_group_key": "east", "sync_job_id": str(other.id)}
    changed = program.patch(path, changes).json()
    assert (changed["next_run_at"], changed["daemon_group_key"]) == ("2026-11-26T07:00:00.000Z", "east")
    assert changed["sync_job_id"] == body["sync_job_id"]
    off = program.patch(path, {"is_active": False}).json()
    assert (off["is_active"], off["next_run_at"]) == (False, None)
    assert program.patch(path, {"cron_expression": "0 8 * * *"}).json()["next_run_at"] is None


@time_machine.travel("2026-11-25T12:00:00Z", tick=False)
def test_it_is_armed_by_schedule_without_a_body(program: Program, body: dict[str, Any]) -> None:
    path = f"{PATH}/{program.post(PATH, {**body, 'is_active': False}).json()['id']}"
    assert program.get(path).json()["next_run_at"] is None
    for _ in range(2):
        armed = program.post(f"{path}/schedule")
        assert (armed.status_code, armed.json()) == (200, {"success": True})
    trigger = program.get(path).json()
    assert (trigger["is_active"], trigger["next_run_at"]) == (True, "2026-11-26T06:30:00.000Z")


def test_it_is_removed_and_its_runs_stay(program: Program, body: dict[str, Any]) -> None:
    path = f"{PATH}/{program.post(PATH, body).json()['id']}"
    run = run_now(CronTrigger.objects.get())
    assert program.get(path).json()["last_run_id"] == str(run.id)
    assert program.delete(path).json() == {"id": path.rpartition("/")[2]}
    for gone in (program.get(path), program.patch(path, {}), program.delete(path), program.post(f"{path}/schedule")):
        assert gone.status_code == 404
    assert program.get(PATH).json()["result"] == []
    assert program.get(f"/sync-job-run/{run.id}").status_code == 200


def test_every_fault_is_listed(program: Program, body: dict[str, Any]) -> None:
    webhook = Webhook.objects.create(environment=factories.environment(), target_url="https://example.org/")
    bad = {
        "cron_expression": "0 0 30 2 *",
        "webhook_id": str(webhook.id),
        "daemon_group_key": "default",
        "error_handling": "panic",
    }
    answer = program.post(PATH, {**body, **bad})
    assert failure_paths(answer) == ["cron_expression", "error_handling", "webhook_id"]
    assert "never comes" in answer.json()["message"]
    assert failure_paths(program.post(PATH, {**body, "cron_expression": None})) == ["cron_expression"]
    assert failure_paths(program.post(PATH, {})) == ["integrated_account_id", "sync_job_id"]
    assert not CronTrigger.objects.exists()


@pytest.mark.parametrize("field", ["sync_job_id", "integrated_account_id"])
def test_what_is_of_another_environment_is_unknown(stranger: Program, body: dict[str, Any], field: str) -> None:
    assert field in failure_paths(stranger.post(PATH, body))


def test_the_list_is_filtered(program: Program, body: dict[str, Any]) -> None:
    made = program.post(PATH, body).json()
    off = program.post(PATH, {**body, "is_active": False, "daemon_group_key": "east"}).json()
    stranger = factories.job(integration=factories.integration(name="other"))
    for query, found in {
        "": [off, made],
        f"?sync_job_id={body['sync_job_id']}&integrated_account_id={body['integrated_account_id']}": [off, made],
        f"?sync_job_id={stranger.id}": [],
        "?is_active=true": [made],
        "?is_active=false": [off],
        "?daemon_group_key=east": [off],
        "?next_run_at[gt]=2020-01-01": [made],
        "?ignore_previous_run=true": [],
        "?cron_expression=7 7 * * *": [],
    }.items():
        assert program.get(PATH + query).json()["result"] == found, query
    assert failure_paths(program.get(f"{PATH}?is_active=perhaps")) == ["is_active"]


def test_what_is_deleted_disarms_it(program: Program, body: dict[str, Any]) -> None:
    path = f"{PATH}/{program.post(PATH, body).json()['id']}"
    program.delete(f"/integrated-account/{body['integrated_account_id']}")
    assert program.get(path).json()["is_active"] is False
    refused = program.post(f"{path}/schedule")
    assert failure_paths(refused) == ["integrated_account_id"]
    assert program.get(path).json()["is_active"] is False
