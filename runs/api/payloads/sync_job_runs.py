"""Sync job runs on the wire: the fields of the seed, and ours besides."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from ninja import Schema
from typing_extensions import TypedDict

from runs.api.payloads.sync_jobs import EmbeddedJob, embedded_job
from runs.filters import RUN_FIELDS as FILTERED
from runs.lookups import Field, TimeField, parse_boolean, parse_choice, parse_integer, parse_uuid
from runs.models import EventKind, RunEvent, RunStatus, SyncJobRun
from runs.wire import RunPayload, Strategy, Version, known_time, one_of, run_payload

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
    "fingerprint": Field("fingerprint"),
    "is_quarantine": Field("is_quarantine", parse_boolean),
    "created_at": TimeField("created_at"),
}


class RunWithJob(RunPayload):
    sync_job: EmbeddedJob


class EventPayload(TypedDict):
    id: UUID
    sync_job_run_id: UUID
    kind: Annotated[str, one_of(EventKind.values)]
    message: str
    actor: str | None
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
