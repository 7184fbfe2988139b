"""Sync job runs on the wire: the fields of the seed, and ours besides."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from ninja import Schema
from typing_extensions import TypedDict

from runs.api.payloads.sync_jobs import EmbeddedJob, embedded_job
from runs.filters import RUN_FIELDS as FILTERED
from runs.lookups import Field, TimeField, parse_boolean, parse_choice, parse_integer, parse_uuid
from runs.models import EventKind, RunEvent, RunStatus, RunStep, StepStatus, SyncJobRun
from runs.wire import RunPayload, Strategy, Version, known_time, one_of, run_payload, wire_time

RUN_FIELDS = {**FILTERED, "environment_id": Field("environment_id", parse_uuid)}
EVENT_FIELDS = {
    "id": Field("id", parse_uuid),
    "kind": Field("kind", parse_choice(EventKind.values)),
    "actor": Field("actor"),
    "created_at": TimeField("created_at"),
}
ENTRY_FIELDS = {
    "id": Field("id", parse_uuid),
    "name": Field("name"),
    "resource": Field("resource"),
    "method": Field("method"),
    "status": Field("status", parse_choice(StepStatus.values)),
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


class EntryPayload(TypedDict):
    """One entry of the run and how far it is. `previous_run_date` is the date that it goes by; `request_total` is null
    until it is known how many requests there will be."""

    id: UUID
    sync_job_run_id: UUID
    index: int
    name: str
    resource: str
    method: str
    status: Annotated[str, one_of(StepStatus.values)]
    fetched: int
    persisted: int
    error_count: int
    pages: int
    requests_done: int
    request_total: int | None
    previous_run_date: str | None
    started_at: str | None
    finished_at: str | None


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


def entry_payload(step: RunStep) -> EntryPayload:
    return {
        "id": step.id,
        "sync_job_run_id": step.run_id,
        "index": step.index,
        "name": step.name,
        "resource": step.resource,
        "method": step.method,
        "status": step.status,
        "fetched": step.fetched,
        "persisted": step.persisted,
        "error_count": step.error_count,
        "pages": step.pages,
        "requests_done": step.position,
        "request_total": step.request_total,
        "previous_run_date": wire_time(step.previous_run_date),
        "started_at": wire_time(step.started_at),
        "finished_at": wire_time(step.finished_at),
    }
