"""Webhooks and their deliveries on the wire. The secret is told once, in the answer to its creation."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ninja import Schema
from typing_extensions import TypedDict

from runs.api.payloads.common import OWN_FIELDS, known_time, wire_time
from runs.lookups import Field, TimeField, parse_boolean, parse_choice, parse_integer, parse_uuid
from runs.models import Delivery, DeliveryStatus, Webhook

WEBHOOK_FIELDS = {
    **OWN_FIELDS,
    "target_url": Field("target_url"),
    "is_active": Field("is_active", parse_boolean),
}
DELIVERY_FIELDS = {
    "id": Field("id", parse_uuid),
    "sync_job_run_id": Field("run_id", parse_uuid),
    "event": Field("event"),
    "status": Field("status", parse_choice(DeliveryStatus.values)),
    "last_status_code": Field("last_status_code", parse_integer),
    "created_at": TimeField("created_at"),
    "updated_at": TimeField("updated_at"),
}


class WebhookPayload(TypedDict):
    id: UUID
    target_url: str
    is_active: bool
    event_types: list[str] | None
    environment_id: UUID
    created_at: str
    updated_at: str
    failing_since: str | None
    disabled_reason: str | None


class WebhookWithSecret(WebhookPayload):
    secret: str


class AttemptPayload(TypedDict):
    """One try: what the receiver answered, or why there is no answer."""

    at: str
    status_code: int | None
    error: str
    milliseconds: int


class DeliveryPayload(TypedDict):
    id: UUID
    webhook_id: UUID
    sync_job_run_id: UUID | None
    event: str
    sequence: int | None
    record_count: int
    status: str
    attempts: int
    attempt_log: list[AttemptPayload]
    last_status_code: int | None
    last_error: str | None
    next_attempt_at: str | None
    delivered_at: str | None
    created_at: str
    updated_at: str


class DeliveryWithBody(DeliveryPayload):
    body: str


class WebhookChanges(Schema):
    target_url: str | None = None
    is_active: bool | None = None
    event_types: list[str] | None = None


class WebhookTest(Schema):
    id: UUID


class Success(TypedDict):
    success: bool


def webhook_payload(webhook: Webhook) -> WebhookPayload:
    return {
        "id": webhook.id,
        "target_url": webhook.target_url,
        "is_active": webhook.is_active,
        "event_types": webhook.event_types,
        "environment_id": webhook.environment_id,
        "created_at": known_time(webhook.created_at),
        "updated_at": known_time(webhook.updated_at),
        "failing_since": wire_time(webhook.failing_since),
        "disabled_reason": webhook.disabled_reason or None,
    }


def webhook_with_secret(webhook: Webhook) -> WebhookWithSecret:
    secret: Any = webhook.secret
    return {**webhook_payload(webhook), "secret": secret}


def delivery_payload(delivery: Delivery) -> DeliveryPayload:
    return {
        "id": delivery.id,
        "webhook_id": delivery.webhook_id,
        "sync_job_run_id": delivery.run_id,
        "event": delivery.event,
        "sequence": delivery.sequence,
        "record_count": delivery.record_count,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "attempt_log": delivery.attempt_log,
        "last_status_code": delivery.last_status_code,
        "last_error": delivery.last_error or None,
        "next_attempt_at": wire_time(delivery.next_attempt_at),
        "delivered_at": wire_time(delivery.delivered_at),
        "created_at": known_time(delivery.created_at),
        "updated_at": known_time(delivery.updated_at),
    }


def delivery_with_body(delivery: Delivery) -> DeliveryWithBody:
    return {**delivery_payload(delivery), "body": bytes(delivery.body).decode()}
