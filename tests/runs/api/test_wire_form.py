"""Every field that the contract lists is there, with its type, before and after the run."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from runs.models import (
    Daemon,
    DaemonStatus,
    EventKind,
    RecordError,
    RunEvent,
    RunStatus,
    RunStep,
    StepStatus,
    SyncJobRun,
)
from tests import factories
from tests.runs import rows
from tests.runs.api.program import Program

pytestmark = pytest.mark.django_db


def is_id(value: Any) -> bool:
    return isinstance(value, str) and str(UUID(value)) == value


def is_time(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value) is not None


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_object(value: Any) -> bool:
    return isinstance(value, dict)


def is_list(value: Any) -> bool:
    return isinstance(value, list)


def is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def is_null(value: Any) -> bool:
    return value is None


ALWAYS = {
    "id": is_id,
    "args": is_object,
    "resources": is_list,
    "sync_job_id": is_id,
    "integrated_account_id": is_id,
    "status": is_text,
    "daemon_group_key": is_text,
    "webhook_id": is_null,
    "error_handling": is_text,
    "ignore_previous_run": is_flag,
    "version": is_count,
    "resource_stats": is_object,
    "created_at": is_time,
    "updated_at": is_time,
    "error_count": is_count,
    "stop_requested_at": is_null,
    "rate_limited_until": is_null,
    "rerun_of_id": is_null,
    "created_by": is_text,
    "trigger": is_text,
    "attempt": is_count,
}
BEFORE = {**ALWAYS, "daemon_id": is_null, "started_at": is_null, "finished_at": is_null, "error": is_null}
AFTER = {**ALWAYS, "daemon_id": is_text, "started_at": is_time, "finished_at": is_time, "error": is_object}
JOB = {
    "id": is_id,
    "integration_name": is_text,
    "args_schema": is_object,
    "resources": is_list,
    "environment_id": is_id,
    "created_at": is_time,
    "updated_at": is_time,
    "label": is_text,
}


def assert_form(value: dict[str, Any], form: dict[str, Any]) -> None:
    assert set(value) == set(form)
    assert [name for name, has_form in form.items() if not has_form(value[name])] == []


def fail(run: SyncJobRun) -> None:
    """The run as its daemon leaves it, failed in its second entry."""
    start = timezone.now()
    RunStep.objects.filter(run=run, index=0).update(fetched=100, persisted=90)
    SyncJobRun.objects.filter(id=run.id).update(
        status=RunStatus.FAILED,
        daemon_id="daemon-1",
        started_at=start,
        finished_at=start + timedelta(seconds=4),
        error={"code": "http_error", "message": "It answered 500.", "resource": "cities"},
    )


class TestRun:
    def test_a_run_that_waits_has_every_field(self, program: Program, run: SyncJobRun) -> None:
        body = program.get(f"/sync-job-run/{run.id}").json()
        job = body.pop("sync_job")
        assert_form(body, BEFORE)
        assert_form(job, JOB)
        assert body["status"] == "created"
        assert (body["version"], body["error_handling"], body["daemon_group_key"]) == (1, "ignore", "default")

    def test_a_run_that_has_ended_has_every_field(self, program: Program, run: SyncJobRun) -> None:
        fail(run)
        body = program.get(f"/sync-job-run/{run.id}").json()
        body.pop("sync_job")
        assert_form(body, AFTER)
        assert body["error"] == {
            "code": "http_error",
            "message": "It answered 500.",
            "resource": "cities",
            "method": None,
            "status_code": None,
        }

    def test_its_statistics_begin_with_zeros_per_entry(self, program: Program, run: SyncJobRun) -> None:
        zeros = {"list": {"fetched": 0, "persisted": 0}}
        assert program.get(f"/sync-job-run/{run.id}").json()["resource_stats"] == {"countries": zeros, "cities": zeros}
        fail(run)
        stats = program.get(f"/sync-job-run/{run.id}").json()["resource_stats"]
        assert stats["countries"] == {"list": {"fetched": 100, "persisted": 90}}

    def test_its_resources_are_those_of_the_job_as_they_were_written(self, program: Program, run: SyncJobRun) -> None:
        assert program.get(f"/sync-job-run/{run.id}").json()["resources"] == factories.COUNTRIES_AND_CITIES

    def test_in_a_list_it_has_the_same_fields_but_the_job(self, program: Program, run: SyncJobRun) -> None:
        [row] = program.get("/sync-job-run").json()["result"]
        assert_form(row, BEFORE)

    def test_times_are_utc_in_milliseconds(self, program: Program, run: SyncJobRun) -> None:
        moment = datetime(2021, 8, 10, 10, 0, 0, 999_999, tzinfo=UTC)
        SyncJobRun.objects.filter(id=run.id).update(created_at=moment)
        assert program.get(f"/sync-job-run/{run.id}").json()["created_at"] == "2021-08-10T10:00:00.999Z"


def test_a_job_has_every_field(program: Program) -> None:
    job = factories.job()
    body = program.get(f"/sync-job/{job.id}").json()
    assert body.pop("default_runtime_version") is None
    assert_form(body, JOB)


def test_an_integration_has_every_field_and_its_config(program: Program) -> None:
    integration = factories.integration()
    body = program.get(f"/integration/{integration.id}").json()
    assert body.pop("config") == integration.config
    form = dict.fromkeys(("name", "label", "category"), is_text)
    assert_form(body, {**form, "id": is_id, "environment_id": is_id, "created_at": is_time, "updated_at": is_time})


def test_an_account_has_every_field_but_its_context(program: Program) -> None:
    account = factories.account(context={"token": "c4nary"})
    response = program.get(f"/integrated-account/{account.id}")
    body = response.json()
    assert body["integration"] == {"id": str(account.integration_id), "name": "geo"}
    assert (body["integration_name"], body["tenant_id"], body["status"]) == ("geo", "acme", "active")
    assert "context" not in body
    assert "c4nary" not in response.content.decode()


def test_a_record_has_every_field(program: Program, run: SyncJobRun) -> None:
    rows.record(run)
    [row] = program.get("/record").json()["result"]
    assert row.pop("data") == {"iso": "DE"}
    ids = dict.fromkeys(("id", "integrated_account_id", "first_run_id", "last_run_id"), is_id)
    texts = dict.fromkeys(("resource", "record_id"), is_text)
    assert_form(row, {**ids, **texts, "created_at": is_time, "updated_at": is_time, "deleted_at": is_null})


def test_a_record_that_is_gone_at_the_source_says_since_when(program: Program, run: SyncJobRun) -> None:
    rows.record(run, deleted_at=rows.NOON)
    [row] = program.get("/record?deleted_at[gte]=2026-11-24").json()["result"]
    assert row["deleted_at"] == "2026-11-24T12:00:00.000Z"


def test_a_daemon_that_is_silent_is_stopped_whatever_it_said(program: Program) -> None:
    now = timezone.now()
    for name, heard in (("awake", now), ("silent", now - timedelta(minutes=5))):
        Daemon.objects.create(
            daemon_id=name, group_key="default", status=DaemonStatus.ACTIVE, last_active_at=heard, metadata={"pool": 4}
        )
    rows = {row["daemon_id"]: row for row in program.get("/daemon").json()["result"]}
    assert (rows["awake"]["status"], rows["silent"]["status"]) == ("active", "stopped")
    texts = dict.fromkeys(("daemon_id", "group_key", "status"), is_text)
    assert_form(rows["awake"], {**texts, "id": is_id, "last_active_at": is_time, "metadata": is_object})


def test_the_timeline_and_the_errors_of_a_run_are_lists(program: Program, run: SyncJobRun) -> None:
    RunEvent.objects.create(run=run, kind=EventKind.STARTED, message="Started.", actor="daemon-1")
    RecordError.objects.create(
        run=run, step=run.steps.get(index=0), resource="countries", method="list", code="http_error", message="500"
    )
    events = program.get(f"/sync-job-run/{run.id}/event").json()["result"]
    assert [event["kind"] for event in events] == ["started", "created"]
    [error] = program.get(f"/sync-job-run/{run.id}/error").json()["result"]
    assert (error["sync_job_run_id"], error["code"], error["status_code"]) == (str(run.id), "http_error", None)
    assert is_time(error["created_at"])


def test_the_entries_of_a_run_tell_how_far_each_is(program: Program, run: SyncJobRun) -> None:
    run.steps.filter(name="countries").update(
        status=StepStatus.RUNNING, fetched=7, persisted=6, error_count=1, position=1, request_total=2
    )
    first, second = program.all_of(f"/sync-job-run/{run.id}/entry?order=asc&limit=1")
    assert (first["index"], first["name"], first["status"]) == (0, "countries", "running")
    assert (first["fetched"], first["persisted"], first["error_count"]) == (7, 6, 1)
    assert (first["requests_done"], first["request_total"], second["request_total"]) == (1, 2, None)
    assert (second["index"], second["name"], second["status"]) == (1, "cities", "pending")
    assert program.get(f"/sync-job-run/{run.id}/entry?status=pending").json()["result"] == [second]


def test_errors_of_one_kind_are_found_by_their_fingerprint(program: Program, run: SyncJobRun) -> None:
    for kind in ("aa", "aa", "bb"):
        values = {"resource": "countries", "method": "list", "code": "x", "message": "m", "fingerprint": kind}
        RecordError.objects.create(run=run, step=run.steps.get(index=0), **values)
    found = program.get(f"/sync-job-run/{run.id}/error?fingerprint=aa").json()["result"]
    assert [error["fingerprint"] for error in found] == ["aa", "aa"]
