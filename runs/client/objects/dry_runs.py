"""What a dry run of a job has found."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from runs.client.objects.base import Object


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
