"""Stored records, as a run leaves them."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from runs.models import Record, SyncJobRun


def store(run: SyncJobRun, record_id: str, data: Any, resource: str = "cities", **over: Any) -> Record:
    now = timezone.now()
    values = {
        "integrated_account": run.integrated_account, "resource": resource, "record_id": record_id, "data": data,
        "content_hash": bytes(16), "first_run": run, "last_run": run, "created_at": now, "updated_at": now,
    }  # fmt: skip
    return Record.objects.create(**{**values, **over})
