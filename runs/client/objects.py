"""The API's objects, with exactly the fields of the wire. Fields that a newer Syncdeck adds are left out.

Kinds and states are plain texts, since a newer Syncdeck may know more of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

CREATED, RUNNING = "created", "running"
COMPLETED, FAILED, STOPPED = "completed", "failed", "stopped"
FINAL = (COMPLETED, FAILED, STOPPED)


class Object(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer holds. Times are in UTC."""


class Ping(Object, frozen=True):
    ping: str


class Integration(Object, frozen=True):
    id: UUID
    name: str
    label: str
    category: str
    config: dict[str, Any]
    environment_id: UUID
    created_at: datetime
    updated_at: datetime


class IntegrationName(Object, frozen=True):
    id: UUID
    name: str


class Account(Object, frozen=True):
    id: UUID
    tenant_id: str
    integration_name: str
    integration: IntegrationName
    status: str
    unified_model_override: dict[str, Any]
    environment_id: UUID
    created_at: datetime
    updated_at: datetime


class ConnectionFault(Object, frozen=True):
    code: str
    message: str
    advice: str


class ConnectionTest(Object, frozen=True):
    works: bool
    asked: str | None
    status_code: int | None
    records: int | None
    milliseconds: int
    error: ConnectionFault | None


class Mapping(Object, frozen=True):
    id: UUID
    model: str
    resource: str
    integration: str
    integration_id: UUID
    method: str
    config: dict[str, Any]
    override: dict[str, Any]
    environment_id: UUID
    created_at: datetime
    updated_at: datetime


class EmbeddedJob(Object, frozen=True):
    id: UUID
    integration_name: str
    args_schema: dict[str, Any]
    resources: list[Any]
    environment_id: UUID
    created_at: datetime
    updated_at: datetime
    label: str


class Job(EmbeddedJob, frozen=True):
    default_runtime_version: int | None


class RunFailure(Object, frozen=True):
    """Why a run failed."""

    code: str
    message: str
    resource: str | None
    method: str | None
    status_code: int | None


class Run(Object, frozen=True):
    id: UUID
    args: dict[str, Any]
    resources: list[Any]
    sync_job_id: UUID
    integrated_account_id: UUID
    status: str
    daemon_id: str | None
    daemon_group_key: str | None
    webhook_id: UUID | None
    error_handling: str
    ignore_previous_run: bool
    version: int
    resource_stats: dict[str, dict[str, dict[str, int]]]
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: RunFailure | None
    error_count: int
    stop_requested_at: datetime | None
    rate_limited_until: datetime | None
    rerun_of_id: UUID | None
    created_by: str | None
    trigger: str
    attempt: int

    @property
    def has_ended(self) -> bool:
        return self.status in FINAL

    @property
    def fetched(self) -> int:
        return self._sum("fetched")

    @property
    def persisted(self) -> int:
        return self._sum("persisted")

    def _sum(self, name: str) -> int:
        return sum(counts.get(name, 0) for methods in self.resource_stats.values() for counts in methods.values())


class RunWithJob(Run, frozen=True):
    sync_job: EmbeddedJob


class Entry(Object, frozen=True):
    """One entry of a run and how far it is."""

    id: UUID
    sync_job_run_id: UUID
    index: int
    name: str
    resource: str
    method: str
    status: str
    fetched: int
    persisted: int
    error_count: int
    pages: int
    requests_done: int
    request_total: int | None
    previous_run_date: datetime | None
    started_at: datetime | None
    finished_at: datetime | None


class Event(Object, frozen=True):
    """A line of a run's timeline."""

    id: UUID
    sync_job_run_id: UUID
    kind: str
    message: str
    actor: str | None
    created_at: datetime


class RunError(Object, frozen=True):
    """A request or a record that went wrong in a run."""

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
    created_at: datetime


class CronTrigger(Object, frozen=True):
    id: UUID
    sync_job_id: UUID
    integrated_account_id: UUID
    args: dict[str, Any]
    cron_expression: str
    webhook_id: UUID | None
    daemon_group_key: str | None
    error_handling: str
    ignore_previous_run: bool
    is_active: bool
    next_run_at: datetime | None
    last_run_id: UUID | None
    last_skipped_at: datetime | None
    last_skip_code: str | None
    last_skip_reason: str | None
    environment_id: UUID
    created_at: datetime
    updated_at: datetime


class Webhook(Object, frozen=True):
    id: UUID
    target_url: str
    is_active: bool
    event_types: list[str] | None
    environment_id: UUID
    created_at: datetime
    updated_at: datetime
    failing_since: datetime | None
    disabled_reason: str | None


class WebhookWithSecret(Webhook, frozen=True):
    """As it is told once, when it is made. The secret is not in its `repr`."""

    secret: str

    def __repr__(self) -> str:
        return f"WebhookWithSecret(id={self.id!r}, target_url={self.target_url!r}, secret='…')"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("id", self.id), ("target_url", self.target_url)]


class Attempt(Object, frozen=True):
    at: datetime
    status_code: int | None
    error: str
    milliseconds: int


class Delivery(Object, frozen=True):
    """An event that a webhook was sent, or is still to be sent."""

    id: UUID
    webhook_id: UUID
    sync_job_run_id: UUID | None
    event: str
    sequence: int | None
    record_count: int
    status: str
    attempts: int
    attempt_log: list[Attempt]
    last_status_code: int | None
    last_error: str | None
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    created_at: datetime
    updated_at: datetime


class DeliveryWithBody(Delivery, frozen=True):
    body: str


class Record(Object, frozen=True):
    id: UUID
    integrated_account_id: UUID
    resource: str
    record_id: str
    data: Any
    first_run_id: UUID
    last_run_id: UUID
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None


class RecordFault(Object, frozen=True):
    """A record that a unified mapping fails on."""

    code: str
    message: str
    remote_data: Any


class SourcePage(Object, frozen=True):
    """One page of a source, as it came through."""

    result: list[Any]
    next_cursor: str | None
    limit: int | None
    errors: list[RecordFault]


class Daemon(Object, frozen=True):
    id: UUID
    daemon_id: str
    group_key: str
    status: str
    last_active_at: datetime
    metadata: dict[str, Any]


class Success(Object, frozen=True):
    success: bool


class PlannedRequest(Object, frozen=True):
    """The request of an entry's first page, without its headers."""

    method: str
    url: str
    body: Any


class DryFault(Object, frozen=True):
    code: str
    message: str
    status_code: int | None


class RefusedRecord(Object, frozen=True):
    record_id: str | None
    code: str
    message: str


class Sample(Object, frozen=True):
    record: Any
    excerpt: str | None
    size: int


class DryEntry(Object, frozen=True):
    """What an entry would do."""

    name: str
    resource: str
    method: str
    kind: str
    depends_on: str | None
    persist: bool
    outcome: str
    why: str | None
    previous_run_date: datetime | None
    request_total: int | None
    request: PlannedRequest | None
    unfilled: list[str]
    status_code: int | None
    milliseconds: int
    fetched: int
    has_more: bool
    refused_count: int
    refused: list[RefusedRecord]
    samples: list[Sample]
    error: DryFault | None


class DryRun(Object, frozen=True):
    """What a run would do; `works` is false where an entry has an error."""

    sync_job_id: UUID
    integrated_account_id: UUID
    args: dict[str, Any]
    works: bool
    milliseconds: int
    usual_fetched: int | None
    usual_seconds: float | None
    entries: list[DryEntry]
