"""Runs, what happened in them, and the daemons that work on them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from runs.client.objects.base import Object
from runs.client.objects.definitions import EmbeddedJob

CREATED, RUNNING = "created", "running"
COMPLETED, FAILED, STOPPED = "completed", "failed", "stopped"
FINAL = (COMPLETED, FAILED, STOPPED)


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


class Daemon(Object, frozen=True):
    id: UUID
    daemon_id: str
    group_key: str
    status: str
    last_active_at: datetime
    metadata: dict[str, Any]
