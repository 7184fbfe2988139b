"""Webhooks in every state that a page can show, and what they were sent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from runs.engine.outbox import new_delivery
from runs.models import Delivery, DeliveryStatus, SyncJobRun, Webhook, WebhookEvent
from runs.wire import wire_time
from tests import factories
from tests.browser.cast import LONG_NAME

LONG_URL = "https://hooks.example.org/" + "a-part-of-a-path-without-a-space/" * 6 + "?token=" + "0123456789abcdef" * 4


def webhooks(run: SyncJobRun) -> dict[str, Webhook]:
    """By their state: one that fails now and then, one that was switched off for it, one by a person, a new one."""
    environment, now = run.environment, timezone.now()
    return {
        "failing": failing(run),
        "off": factories.webhook(
            environment=environment,
            target_url=LONG_URL,
            is_active=False,
            failing_since=now - timedelta(days=3),
            failure_count=1_204,
            disabled_reason="Every attempt failed since 22 Nov 08:14, last: The receiver answered 502 Bad Gateway.",
            event_types=[WebhookEvent.COMPLETED, WebhookEvent.FAILED, WebhookEvent.RECORD_ERROR],
        ),
        "paused": factories.webhook(
            environment=environment, target_url="https://old.example.org/in", is_active=False, event_types=[]
        ),
        "new": factories.webhook(environment=environment, target_url="https://new.example.org/in"),
    }


def failing(run: SyncJobRun) -> Webhook:
    """A receiver that fails now and then, and what it was sent of the run."""
    now = timezone.now()
    hook = factories.webhook(
        environment=run.environment,
        target_url="https://hooks.example.org/syncdeck/v1",
        failing_since=now,
        failure_count=2,
    )
    error = "The receiver answered 503 Service Unavailable. The queue is full; come back later."
    failed = {"at": wire_time(now), "status_code": 503, "error": error, "milliseconds": 1_240}
    taken = {**failed, "status_code": 200, "error": "", "milliseconds": 84}
    states: list[tuple[WebhookEvent, dict[str, Any]]] = [
        (WebhookEvent.STARTED, {"status": DeliveryStatus.DELIVERED, "attempts": 1, "attempt_log": [taken]}),
        (WebhookEvent.RECORD, {"status": DeliveryStatus.DELIVERED, "attempts": 2, "attempt_log": [failed, taken]}),
        (WebhookEvent.UPDATED, {"status": DeliveryStatus.PENDING, "attempts": 1, "attempt_log": [failed]}),
        (WebhookEvent.COMPLETED, {"status": DeliveryStatus.CANCELLED}),
        (WebhookEvent.RECORD_ERROR, {"status": DeliveryStatus.FAILED, "attempts": 4, "attempt_log": [failed] * 4}),
    ]
    for number, (event, values) in enumerate(states, start=1):
        delivery: Delivery = new_delivery(hook, event, {"id": str(run.pk), "args": {"name": LONG_NAME}})
        log = values.get("attempt_log") or [{"status_code": None, "error": "The webhook is switched off or deleted."}]
        told = {
            "last_status_code": log[-1]["status_code"],
            "last_error": log[-1]["error"],
            "sequence": number,
            "run": run,
            "next_attempt_at": None,
        }
        count = 100 if event == WebhookEvent.RECORD else 0
        for name, value in {**values, **told, "record_count": count}.items():
            setattr(delivery, name, value)
        delivery.save(force_insert=True)
    return hook
