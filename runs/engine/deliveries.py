"""Sending what the outbox holds: who may send what now, what an attempt's answer means, and what is noted of it.

Guarantee: at least once. An event is sent again until it is acknowledged or its tries are used up, with the same id
and the same bytes; a sender that dies between the acknowledgement and its note sends it once more.

Of the pending events of a webhook and run only the first is ever sent, so each receiver sees a run's events in order.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, Min, OuterRef, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from runs.connectors import Answer, ReceiverClient, Redactor, signature_headers
from runs.connectors.receiver import SECONDS
from runs.engine.caps import private_hosts
from runs.engine.record_form import storable_text
from runs.models import Delivery, DeliveryStatus, Webhook
from runs.models.base import Now
from runs.wire import known_time

log = structlog.get_logger(__name__)

RETRIES = (1.0, 2.0, 4.0)  # seconds before each try after the first (contract 4)
LONGEST_WAIT = 10.0
LEASE = timedelta(seconds=SECONDS + 5)
KEPT_ATTEMPTS = 20
LEAST_FAILURES = 10  # a receiver that is hardly ever sent anything is not switched off for a single failure
EXCERPT = 300
REMOVED_AT_ONCE = 500
OFF = "The webhook is switched off or deleted."
# What the log tells of a message's run, without loading it.
RUN_OF_MESSAGE = {"job_id": F("run__sync_job_id"), "account_id": F("run__integrated_account_id")}


@dataclass(frozen=True)
class Letter:
    """All that is needed to send an event, read beforehand: sending it touches no database."""

    delivery_id: UUID
    url: str
    body: bytes = field(repr=False)
    secret: str = field(repr=False)

    @classmethod
    def of(cls, delivery: Delivery) -> Letter:
        webhook = delivery.webhook
        return cls(delivery.id, webhook.target_url, bytes(delivery.body), webhook.secret)

    def post(self, client: ReceiverClient) -> Answer:
        """One attempt, signed for this moment. The answer comes without any secret that the receiver tells again."""
        encoding = settings.WEBHOOK_SIGNATURE_ENCODING
        headers = signature_headers(self.secret, str(self.delivery_id), self.body, datetime.now(UTC), encoding)
        answer = client.post(self.url, self.body, headers)
        if answer.accepted:
            return answer
        mask = Redactor([self.secret])
        return replace(answer, error=mask(answer.error), text=mask(answer.text))


def receiver_client(connections: int = 1) -> ReceiverClient:
    return ReceiverClient(private=private_hosts(), connections=connections)


def pending() -> QuerySet[Delivery]:
    return Delivery.objects.filter(status=DeliveryStatus.PENDING)


def heads() -> QuerySet[Delivery]:
    """The first pending event of each webhook and run. Events of no run, such as tests, wait for nothing."""
    earlier = pending().filter(webhook=OuterRef("webhook"), run=OuterRef("run"), sequence__lt=OuterRef("sequence"))
    return pending().filter(~Exists(earlier))


def due_webhooks(busy: Collection[UUID], at_most: int) -> list[UUID]:
    """Webhooks with an event that may be sent now and that no run sends itself, the longest waiting first."""
    due = heads().filter(is_awaited=False, next_attempt_at__lte=Now()).exclude(webhook__in=list(busy)).order_by()
    waiting = due.values("webhook").annotate(since=Min("next_attempt_at")).order_by("since")
    return [row["webhook"] for row in waiting[:at_most]]


def due_heads(webhook_id: UUID, at_most: int) -> list[Delivery]:
    """The webhook's events that may be sent now; to be taken before."""
    due = heads().filter(webhook=webhook_id, is_awaited=False, next_attempt_at__lte=Now()).annotate(**RUN_OF_MESSAGE)
    return list(due.select_related("webhook").order_by("next_attempt_at")[:at_most])


def take(delivery: Delivery) -> bool:
    """Whether the caller may send it now: nobody else does for as long as an attempt may take."""
    due = pending().filter(id=delivery.id, next_attempt_at__lte=Now())
    return bool(due.update(next_attempt_at=Now() + LEASE, updated_at=Now()))


def deliver(delivery: Delivery, client: ReceiverClient) -> None:
    """Send an event that the caller has taken, and note what came of it."""
    if not delivery.webhook.takes_events:
        cancel(pending().filter(id=delivery.id), OFF)
        return
    answer = Letter.of(delivery).post(client)
    write(delivery, answer, outcome(delivery, answer))
    note_health(delivery.webhook_id, answer)


def outcome(delivery: Delivery, answer: Answer, retries: Collection[float] = RETRIES) -> dict[str, Any]:
    """What the answer means for the delivery: delivered, given up, or tried again after a wait."""
    if answer.accepted:
        return {"status": DeliveryStatus.DELIVERED, "delivered_at": Now(), "next_attempt_at": None}
    if answer.is_gone or delivery.attempts >= len(retries):
        return given_up()
    backoff = list(retries)[delivery.attempts]
    wait = min(max(backoff, answer.retry_after or 0.0), LONGEST_WAIT)
    return {"next_attempt_at": Now() + timedelta(seconds=wait)}


def given_up() -> dict[str, Any]:
    return {"status": DeliveryStatus.FAILED, "next_attempt_at": None}


def write(delivery: Delivery, answer: Answer, changes: dict[str, Any]) -> bool:
    """Note the attempt. False if another sender has noted one meanwhile, or the event is pending no more."""
    text = excerpt_of(answer) if answer.error else ""
    error = f"{storable_text(answer.error)} {text}".strip()
    attempt = {
        "at": known_time(timezone.now()),
        "status_code": answer.status_code,
        "error": error,
        "milliseconds": round(answer.seconds * 1000),
    }
    same = pending().filter(id=delivery.id, attempts=delivery.attempts)
    return bool(
        same.update(
            **changes,
            attempts=delivery.attempts + 1,
            attempt_log=[*delivery.attempt_log, attempt][-KEPT_ATTEMPTS:],
            last_status_code=answer.status_code,
            last_error=error,
            updated_at=Now(),
        )
    )


def excerpt_of(answer: Answer) -> str:
    """The beginning of what the receiver said."""
    return storable_text(answer.text)[:EXCERPT].strip()


def note_health(webhook_id: UUID, answer: Answer) -> None:
    """Remember since when the receiver fails. One that fails for long, or says that it is gone, is switched off."""
    rows = Webhook.objects.filter(id=webhook_id)
    if answer.accepted:
        rows.exclude(failure_count=0).update(failing_since=None, failure_count=0)
        return
    rows.update(failing_since=Coalesce("failing_since", Now()), failure_count=F("failure_count") + 1)
    hours = settings.WEBHOOK_DISABLE_AFTER / 3600
    if answer.is_gone:
        switch_off(rows, "The receiver answered 410 Gone.")
    elif settings.WEBHOOK_DISABLE_AFTER:
        long_ago = Now() - timedelta(seconds=settings.WEBHOOK_DISABLE_AFTER)
        tired = rows.filter(failing_since__lt=long_ago, failure_count__gte=LEAST_FAILURES)
        switch_off(tired, f"No attempt has succeeded for {hours:g} hours; the last: {answer.error}")


def switch_off(rows: QuerySet[Webhook], reason: str) -> None:
    """Send nothing more to these webhooks. What they were still to be told is cancelled, visibly."""
    with transaction.atomic():
        ids = list(rows.filter(is_active=True).values_list("id", flat=True))
        changes = {"is_active": False, "disabled_reason": reason, "updated_at": Now()}
        if Webhook.objects.filter(id__in=ids, is_active=True).update(**changes):
            cancel_unsent(ids)
            log.warning("A webhook is switched off.", webhook_ids=[str(found) for found in ids], reason=reason)


def cancel_unsent(webhook_ids: Collection[UUID]) -> None:
    """For webhooks that take no events any more. What a run waits for is left: the run sees why, and ends by it."""
    cancel(pending().filter(webhook__in=list(webhook_ids), is_awaited=False), OFF)


def forget_old() -> int:
    """Remove settled deliveries older than `DELIVERY_DAYS`, some at a time. Returns their number."""
    limit = timezone.now() - timedelta(days=settings.DELIVERY_DAYS)
    old = Delivery.objects.exclude(status=DeliveryStatus.PENDING).filter(created_at__lt=limit)
    removed = 0
    while ids := list(old.order_by("created_at").values_list("id", flat=True)[:REMOVED_AT_ONCE]):
        removed += Delivery.objects.filter(id__in=ids).delete()[0]
    return removed


def cancel(rows: QuerySet[Delivery], why: str) -> None:
    rows.update(status=DeliveryStatus.CANCELLED, last_error=why, next_attempt_at=None, updated_at=Now())
