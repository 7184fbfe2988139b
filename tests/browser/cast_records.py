"""Records as customers have them: unified with their raw form, large, with ids and names without end, and gone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from runs.models import Record, SyncJobRun

RAW = {
    "id": 901, "first": "Ada", "last": "Lovelace", "active": True, "score": 98.5, "owner": None, "tags": ["vip", "eu"],
    "addresses": [{"street": "12 St James's Square", "city": "London"}, {"street": "Ockham Park", "city": "Surrey"}],
    "notes": "Met at the exhibition.\nAsks for the analytical engine <beta>.",
}  # fmt: skip
UNIFIED = {
    "id": "901", "name": "Ada Lovelace", "emails": [{"email": "ada@example.org", "type": "work"}], "remote_data": RAW,
}  # fmt: skip


def records(run: SyncJobRun) -> dict[str, Record]:
    """One of each kind, by name; the plain ones are there already."""
    now = timezone.now()
    large = {"items": [{"number": number, "text": "x" * 60} for number in range(9000)], "name": "A whole archive"}
    return {
        "unified": _stored(run, "crm/contacts", "901", UNIFIED),
        "gone": _stored(run, "crm/contacts", "902", {**UNIFIED, "id": "902"}, deleted_at=now - timedelta(days=2)),
        "large": _stored(run, "archives", "all-of-2025", large),
        "long": _stored(run, "n" * 200, "urn:li:" + "unbroken" * 24, {"k" * 120: "v" * 900, "name": "w" * 400}),
    }


def _stored(run: SyncJobRun, resource: str, record_id: str, data: Any, **over: Any) -> Record:
    now = timezone.now()
    return Record.objects.create(
        integrated_account=run.integrated_account, resource=resource, record_id=record_id, data=data,
        content_hash=bytes(16), first_run=run, last_run=run, created_at=now, updated_at=now, **over,
    )  # fmt: skip
