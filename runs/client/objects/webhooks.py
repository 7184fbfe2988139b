"""Webhooks and what was sent to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from runs.client.objects.base import Object


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
