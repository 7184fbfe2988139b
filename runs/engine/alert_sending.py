"""Sending the messages of alert rules: who may send what now, and what is noted of an attempt.

Guarantee: at least once, as for the deliveries of webhooks (`runs.engine.deliveries`): an attempt is noted after it was
made, and a sender that dies in between sends the message again, under the same id.

Between the tries lie longer waits than for a delivery: nothing queues behind a message, and a mail server that puts off
an unknown sender (RFC 6647, greylisting) wants to be asked again after minutes.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from runs.connectors import Answer, ReceiverClient
from runs.engine.alert_channels import attempt
from runs.engine.deliveries import REMOVED_AT_ONCE, RUN_OF_MESSAGE, excerpt_of
from runs.engine.record_form import storable_text
from runs.models import AlertChannel, AlertMessage, AlertRule, MessageStatus
from runs.models.base import Now

RETRIES = (5.0, 30.0, 120.0, 600.0, 1800.0)  # seconds before each try after the first
LEASE = timedelta(seconds=120)  # a mail server may take its time at each of its commands
OFF = "The rule is switched off or deleted."
PERMANENT = range(500, 600)  # of SMTP (RFC 5321, section 4.2.1)


def pending() -> QuerySet[AlertMessage]:
    return AlertMessage.objects.filter(status=MessageStatus.PENDING)


def due_messages(busy: Collection[UUID], at_most: int) -> list[AlertMessage]:
    """Messages that may be sent now, the longest waiting first; of no rule that is busy."""
    due = pending().filter(next_attempt_at__lte=Now()).exclude(rule__in=list(busy)).annotate(**RUN_OF_MESSAGE)
    return list(due.select_related("rule").order_by("next_attempt_at")[:at_most])


def take(message: AlertMessage) -> bool:
    """Whether the caller may send it now: nobody else does for as long as an attempt may take."""
    due = pending().filter(id=message.id, next_attempt_at__lte=Now())
    return bool(due.update(next_attempt_at=Now() + LEASE, updated_at=Now()))


def send(message: AlertMessage, client: ReceiverClient) -> None:
    """Send a message that the caller has taken, and note what came of it."""
    if not message.rule.sends:
        cancel(pending().filter(id=message.id), OFF)
        return
    answer = attempt(message, client)
    note_attempt(message, answer, retries=RETRIES)


def note_attempt(message: AlertMessage, answer: Answer, retries: tuple[float, ...] = ()) -> None:
    """What the answer means for the message: sent, given up, or tried again after a wait."""
    error = "" if answer.accepted else f"{storable_text(answer.error)} {excerpt_of(answer)}".strip()
    changes = _outcome(message, answer, retries)
    same = AlertMessage.objects.filter(id=message.id, status=MessageStatus.PENDING, attempts=message.attempts)
    if same.update(**changes, attempts=message.attempts + 1, last_error=error, updated_at=Now()):
        _note_health(message.rule_id, changes.get("status"))


def cancel(rows: QuerySet[AlertMessage], why: str) -> None:
    rows.update(status=MessageStatus.CANCELLED, last_error=why, next_attempt_at=None, updated_at=Now())


def forget_old() -> int:
    """Remove settled messages older than `DELIVERY_DAYS`, some at a time. Returns their number."""
    limit = timezone.now() - timedelta(days=settings.DELIVERY_DAYS)
    old = AlertMessage.objects.exclude(status=MessageStatus.PENDING).filter(created_at__lt=limit)
    removed = 0
    while ids := list(old.order_by("created_at").values_list("id", flat=True)[:REMOVED_AT_ONCE]):
        removed += AlertMessage.objects.filter(id__in=ids).delete()[0]
    return removed


def _outcome(message: AlertMessage, answer: Answer, retries: tuple[float, ...]) -> dict[str, Any]:
    if answer.accepted:
        return {"status": MessageStatus.SENT, "sent_at": Now(), "next_attempt_at": None}
    refused = message.rule.channel == AlertChannel.MAIL and answer.status_code in PERMANENT
    if answer.is_gone or refused or message.attempts >= len(retries):
        return {"status": MessageStatus.FAILED, "next_attempt_at": None}
    wait = max(retries[message.attempts], min(answer.retry_after or 0.0, retries[-1]))
    return {"next_attempt_at": Now() + timedelta(seconds=wait)}


def _note_health(rule_id: UUID, status: MessageStatus | None) -> None:
    """Remember since when messages get lost, so that a page can say so."""
    rows = AlertRule.objects.filter(id=rule_id)
    if status == MessageStatus.SENT:
        rows.exclude(failing_since=None).update(failing_since=None)
    elif status == MessageStatus.FAILED:
        rows.update(failing_since=Coalesce("failing_since", Now()))
