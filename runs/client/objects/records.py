"""Records, and a page of the source as it came."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from runs.client.objects.base import Object


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
