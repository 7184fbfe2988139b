"""What leaves Syncdeck as JSON in more than one way: the API answers it, and webhooks are sent it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from typing_extensions import TypedDict

from runs.models import ErrorHandling, Record, RecordError, RunStatus, RunTrigger, SyncJobRun


@dataclass(frozen=True, eq=False)
class Documented:
    """The documentation of a value, as pydantic asks annotations for it. It is the API's, and not loaded here."""

    schema: dict[str, Any]

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        return dict(self.schema)


def one_of(choices: Iterable[str]) -> Documented:
    """The documentation of a text that is one of these; services and database see to it that it is."""
    return Documented({"type": "string", "enum": list(choices)})


Status = Annotated[str, one_of(RunStatus.values)]
Strategy = Annotated[str, one_of(ErrorHandling.values)]
Version = Annotated[int, Documented({"type": "integer", "enum": [1, 2]})]


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
    fingerprint: str
    is_quarantine: bool
    created_at: str


class RecordPayload(TypedDict):
    id: UUID
    integrated_account_id: UUID
    resource: str
    record_id: str
    data: Any
    first_run_id: UUID
    last_run_id: UUID
    created_at: str
    updated_at: str
    deleted_at: str | None


def wire_time(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC, with milliseconds and `Z`."""
    return None if moment is None else known_time(moment)


def known_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def wire_bytes(value: Any) -> bytes:
    """The value as JSON. orjson stops at integers of 64 bits; the standard library does not."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, default=str, separators=(",", ":"), ensure_ascii=False).encode()


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
        "fingerprint": error.fingerprint,
        "is_quarantine": error.is_quarantine,
        "created_at": known_time(error.created_at),
    }


def record_payload(record: Record) -> RecordPayload:
    return {
        "id": record.id,
        "integrated_account_id": record.integrated_account_id,
        "resource": record.resource,
        "record_id": record.record_id,
        "data": record.data,
        "first_run_id": record.first_run_id,
        "last_run_id": record.last_run_id,
        "created_at": known_time(record.created_at),
        "updated_at": known_time(record.updated_at),
        "deleted_at": wire_time(record.deleted_at),
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
