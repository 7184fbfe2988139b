"""Stored records on the wire: which fields of them a list can be filtered by."""

from __future__ import annotations

from runs.lookups import Field, TimeField, parse_uuid
from runs.wire import RecordPayload as RecordPayload
from runs.wire import record_payload as record_payload

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
