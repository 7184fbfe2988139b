"""Stored records on the wire: which fields of them a list can be filtered by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from runs.lookups import Field, TimeField, parse_uuid
from runs.models.base import first_uuid7
from runs.models.record import CLOCK_SLACK
from runs.wire import RecordPayload as RecordPayload
from runs.wire import record_payload as record_payload


@dataclass(frozen=True)
class _Creation(TimeField):
    """The time of creation, which no index has: it is looked for among the ids that were drawn about then."""

    def compared(self, operator: str, value: datetime) -> Q:
        drawn = Q(id__gte=first_uuid7(value - CLOCK_SLACK))
        if operator.startswith("l"):
            drawn = Q(id__lt=first_uuid7(value + CLOCK_SLACK))
        return super().compared(operator, value) & drawn


RECORD_FIELDS = {
    "id": Field("id", parse_uuid),
    "integrated_account_id": Field("integrated_account_id", parse_uuid),
    "resource": Field("resource"),
    "record_id": Field("record_id"),
    "first_run_id": Field("first_run_id", parse_uuid),
    "last_run_id": Field("last_run_id", parse_uuid),
    "created_at": _Creation("created_at"),
    "updated_at": TimeField("updated_at"),
    "deleted_at": TimeField("deleted_at"),
}
