"""Stored records on the wire."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from typing_extensions import TypedDict

from runs.api.payloads.common import known_time, wire_time
from runs.lookups import Field, TimeField, parse_uuid
from runs.models import Record

RECORD_FIELDS = {
    "id": Field("id", parse_uuid),
    "integrated_account_id": Field("integrated_account_id", parse_uuid),
    "resource": Field("resource"),
    "record_id": Field("record_id"),
    "first_run_id": Field("first_run_id", parse_uuid),
    "last_run_id": Field("last_run_id", parse_uuid),
    "created_at": TimeField("created_at"),
    "updated_at": TimeField("updated_at"),
    "deleted_at": TimeField("deleted_at"),
}


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
