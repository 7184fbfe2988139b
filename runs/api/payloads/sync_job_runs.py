"""Sync job runs on the wire: the fields of the seed, and ours besides."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from ninja import Schema
from pydantic import WithJsonSchema
from typing_extensions import TypedDict

from runs.api.payloads.common import known_time, one_of, wire_time
from runs.api.payloads.sync_jobs import EmbeddedJob, embedded_job
from runs.filters import RUN_FIELDS as FILTERED
from runs.lookups import Field, TimeField, parse_boolean, parse_choice, parse_integer, parse_uuid
from runs.models import ErrorHandling, EventKind, RecordError, RunEvent, RunStatus, RunTrigger, SyncJobRun

RUN_FIELDS = {**FILTERED, "environment_id": Field("environment_id", parse_uuid)}
EVENT_FIELDS = {
    "id": Field("id", parse_uuid),
    "kind": Field("kind", parse_choice(EventKind.values)),
    "actor": Field("actor"),
    "created_at": TimeField("created_at"),
}
ERROR_FIELDS = {
    "id": Field("id", parse_uuid),
    "resource": Field("resource"),
    "method": Field("method"),
    "record_id": Field("record_id"),
    "code": Field("code"),
    "status_code": Field("status_code", parse_integer),
    "is_quarantine": Field("is_quarantine", parse_boolean),
    "created_at": TimeField("created_at"),
}

Status = Annotated[str, one_of(RunStatus.values)]
Strategy = Annotated[str, one_of(ErrorHandling.values)]
Version = Annotated[int, WithJsonSchema({"type": "integer", "enum": [1, 2]})]


class FailurePayload(TypedDict):
    """Why a run failed."""

    code: str
    message: str
    resource: str | None
    method: str | None
    status_code: int | None


class RunPayload(TypedDict):
    id: UUID
    args: dict[str, Any]
    resources: list[Any]
    sync_job_id: UUID
    integrated_account_id: UUID
    status: Status
    daemon_id: str | None
    daemon_group_key: str | None
    webhook_id: UUID | None
    error_handling: Strategy
    ignore_previous_run: bool
    version: Version
    resource_stats: dict[str, dict[str, dict[str, int]]]
    created_at: str
    updated_at: str
    started_at: str | None
    finished_at: str | None
    error: FailurePayload | None
    error_count: int
    stop_requested_at: str | None
    rate_limited_until: str | None
    rerun_of_id: UUID | None
    created_by: str | None
    trigger: Annotated[str, one_of(RunTrigger.values)]
    attempt: int


class RunWithJob(RunPayload):
    sync_job: EmbeddedJob


class EventPayload(TypedDict):
    id: UUID
    sync_job_run_id: UUID
    kind: Annotated[str, one_of(EventKind.values)]
    message: str
    actor: str | None
    created_at: str


class ErrorPayload(TypedDict):
    id: UUID
    sync_job_run_id: UUID
    resource: str
    method: str
    record_id: str | None
    code: str
    message: str
    status_code: int | None
    url: str | None
    excerpt: str | None
    is_quarantine: bool
    created_at: str


class NewRun(Schema):
    sync_job_id: UUID
    integrated_account_id: UUID
    args: dict[str, Any] | None = None
    resources: list[Any] | None = None
    webhook_id: UUID | None = None
    daemon_group_key: str | None = None
    error_handling: Strategy | None = None
    ignore_previous_run: bool | None = None
    version: Version | None = None
    force: bool | None = None


class RunChanges(Schema):
    status: Annotated[str, one_of([RunStatus.STOPPED])] | None = None


class RerunWishes(Schema):
    ignore_previous_run: bool | None = None
    force: bool | None = None


def run_payload(run: SyncJobRun) -> RunPayload:
    return {
        "id": run.id,
        "args": run.args,
        "resources": run.resources,
        "sync_job_id": run.sync_job_id,
        "integrated_account_id": run.integrated_account_id,
        "status": run.status,
        "daemon_id": run.daemon_id,
        "daemon_group_key": run.daemon_group_key,
        "webhook_id": run.webhook_id,
        "error_handling": run.error_handling,
        "ignore_previous_run": run.ignore_previous_run,
        "version": run.version,
        "resource_stats": run.resource_stats(),
        "created_at": known_time(run.created_at),
        "updated_at": known_time(run.updated_at),
        "started_at": wire_time(run.started_at),
        "finished_at": wire_time(run.finished_at),
        "error": _failure_payload(run.error),
        "error_count": run.error_count,
        "stop_requested_at": wire_time(run.stop_requested_at),
        "rate_limited_until": wire_time(run.rate_limited_until),
        "rerun_of_id": run.rerun_of_id,
        "created_by": run.created_by or None,
        "trigger": run.trigger,
        "attempt": run.attempt,
    }


def run_with_job(run: SyncJobRun) -> RunWithJob:
    return {**run_payload(run), "sync_job": embedded_job(run.sync_job)}


def event_payload(event: RunEvent) -> EventPayload:
    return {
        "id": event.id,
        "sync_job_run_id": event.run_id,
        "kind": event.kind,
        "message": event.message,
        "actor": event.actor or None,
        "created_at": known_time(event.created_at),
    }


def error_payload(error: RecordError) -> ErrorPayload:
    return {
        "id": error.id,
        "sync_job_run_id": error.run_id,
        "resource": error.resource,
        "method": error.method,
        "record_id": error.record_id or None,
        "code": error.code,
        "message": error.message,
        "status_code": error.status_code,
        "url": error.url or None,
        "excerpt": error.excerpt or None,
        "is_quarantine": error.is_quarantine,
        "created_at": known_time(error.created_at),
    }


def _failure_payload(error: dict[str, Any] | None) -> FailurePayload | None:
    if error is None:
        return None
    return {
        "code": error["code"],
        "message": error["message"],
        "resource": error.get("resource"),
        "method": error.get("method"),
        "status_code": error.get("status_code"),
    }
