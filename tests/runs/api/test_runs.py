"""Runs by the API: started, stopped in three ways, run again."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from runs.models import RunStatus, SyncJobRun, Webhook
from tests import factories
from tests.runs.api.program import Program, failure_paths

pytestmark = pytest.mark.django_db

STOPS = [
    ("POST", "/sync-job-run/{}/stop", None),
    ("PATCH", "/sync-job-run/{}", {"status": "stopped"}),
    ("DELETE", "/sync-job-run/{}", None),
]


@pytest.fixture
def wish(db: None) -> dict[str, Any]:
    """The least that starts a run."""
    account = factories.account()
    job = factories.job(integration=account.integration)
    return {"sync_job_id": str(job.id), "integrated_account_id": str(account.id)}


def end(run: SyncJobRun) -> None:
    SyncJobRun.objects.filter(id=run.id).update(status=RunStatus.COMPLETED, finished_at=timezone.now())


class TestCreate:
    def test_the_run_is_answered_with_201(self, program: Program, wish: dict[str, Any]) -> None:
        response = program.post("/sync-job-run", wish)
        assert response.status_code == 201
        assert response.json()["status"] == "created"
        assert SyncJobRun.objects.get().id.hex == response.json()["id"].replace("-", "")

    def test_all_wishes_are_kept(self, program: Program, wish: dict[str, Any]) -> None:
        wishes = {
            **wish,
            "args": {"since": "2026"},
            "resources": [{"resource": "countries", "method": "list", "persist": True}],
            "daemon_group_key": "eu",
            "error_handling": "fail_fast",
            "ignore_previous_run": True,
            "version": 2,
        }
        made = program.post("/sync-job-run", wishes).json()
        assert {name: made[name] for name in wishes} == wishes

    def test_read_only_and_unknown_fields_and_nulls_are_ignored(self, program: Program, wish: dict[str, Any]) -> None:
        odd = {"id": str(uuid4()), "status": "completed", "attempt": 9, "surprise": 1, "args": None, "webhook_id": None}
        made = program.post("/sync-job-run", {**wish, **odd}).json()
        assert (made["status"], made["attempt"], made["args"]) == ("created", 0, {})
        assert made["id"] != odd["id"]

    def test_the_same_run_twice_is_a_conflict_that_names_the_live_one(
        self, program: Program, wish: dict[str, Any]
    ) -> None:
        first = program.post("/sync-job-run", wish).json()
        second = program.post("/sync-job-run", wish)
        assert second.status_code == 409
        assert second.json()["details"] == {"live_run_id": first["id"]}
        assert program.post("/sync-job-run", {**wish, "force": True}).status_code == 201

    def test_what_the_service_refuses_is_listed(self, program: Program, wish: dict[str, Any]) -> None:
        bad = {
            **wish,
            "resources": [{"resource": "planets", "method": "list"}],
            "error_handling": "shrug",
            "version": 3,
        }
        assert failure_paths(program.post("/sync-job-run", bad)) == [
            "error_handling",
            "resources.0.resource",
            "version",
        ]
        assert not SyncJobRun.objects.exists()

    def test_a_webhook_of_the_environment_is_handed_to_the_service(
        self, program: Program, wish: dict[str, Any]
    ) -> None:
        webhook = Webhook.objects.create(environment=factories.environment(), target_url="https://example.com/hook")
        both = {**wish, "webhook_id": str(webhook.id), "daemon_group_key": "default"}
        assert failure_paths(program.post("/sync-job-run", both)) == ["webhook_id"]


class TestStop:
    @pytest.mark.parametrize(("method", "path", "body"), STOPS)
    def test_a_run_that_waits_is_stopped_at_once(
        self, program: Program, run: SyncJobRun, method: str, path: str, body: Any
    ) -> None:
        response = program.ask(method, path.format(run.id), body)
        assert response.status_code == 200
        assert response.json()["status"] == "stopped"
        assert response.json()["finished_at"] is not None

    @pytest.mark.parametrize(("method", "path", "body"), STOPS)
    def test_a_run_that_has_ended_is_answered_unchanged(
        self, program: Program, run: SyncJobRun, method: str, path: str, body: Any
    ) -> None:
        end(run)
        before = program.get(f"/sync-job-run/{run.id}").json()
        response = program.ask(method, path.format(run.id), body)
        assert (response.status_code, response.json()) == (200, before)

    def test_another_status_cannot_be_set(self, program: Program, run: SyncJobRun) -> None:
        for status in ("running", "completed", "exploded"):
            assert failure_paths(program.patch(f"/sync-job-run/{run.id}", {"status": status})) == ["status"]

    def test_a_change_of_nothing_changes_nothing(self, program: Program, run: SyncJobRun) -> None:
        response = program.patch(f"/sync-job-run/{run.id}", {"started_at": "2021-08-10T10:00:00.000Z"})
        assert (response.status_code, response.json()["status"]) == (200, "created")
        assert response.json()["started_at"] is None


class TestRerun:
    def test_a_live_run_cannot_be_run_again_and_is_named(self, program: Program, run: SyncJobRun) -> None:
        response = program.post(f"/sync-job-run/{run.id}/rerun")
        assert response.status_code == 409
        assert response.json()["details"] == {"live_run_id": str(run.id)}
        assert SyncJobRun.objects.count() == 1

    @pytest.mark.parametrize(("body", "ignores"), [(None, False), ({}, False), ({"ignore_previous_run": True}, True)])
    def test_the_new_run_names_the_one_it_repeats(
        self, program: Program, run: SyncJobRun, body: Any, ignores: bool
    ) -> None:
        end(run)
        response = program.post(f"/sync-job-run/{run.id}/rerun", body)
        assert response.status_code == 201
        made = response.json()
        assert (made["rerun_of_id"], made["ignore_previous_run"]) == (str(run.id), ignores)
        assert made["status"] == "created"

    def test_a_second_rerun_is_a_conflict_that_names_the_first(self, program: Program, run: SyncJobRun) -> None:
        end(run)
        first = program.post(f"/sync-job-run/{run.id}/rerun").json()
        second = program.post(f"/sync-job-run/{run.id}/rerun")
        assert second.status_code == 409
        assert second.json()["details"]["live_run_id"] == first["id"]

    def test_a_client_that_names_json_and_sends_nothing_is_understood(self, program: Program, run: SyncJobRun) -> None:
        end(run)
        response = program.post(f"/sync-job-run/{run.id}/rerun", data="", content_type="application/json")
        assert response.status_code == 201
