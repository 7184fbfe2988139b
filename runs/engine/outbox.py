"""What webhooks are to be told, written down with the change that it tells of.

Guarantee: an event and its change are committed together, or neither is. Its id, its bytes and its place in the queue
of its webhook and run are settled then; sending it (`runs.engine.deliveries`) changes none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max, Q, UUIDField
from django.utils import timezone
from uuid_utils.compat import uuid7

from runs.connectors import masked
from runs.engine.error_groups import count_errors
from runs.models import (
    Delivery,
    DeliveryStatus,
    ErrorHandling,
    EventKind,
    RecordError,
    RunStep,
    SyncJobRun,
    Webhook,
    WebhookEvent,
)
from runs.models.base import Now
from runs.prepared import Given, PreparedRead
from runs.wire import error_payload, known_time, run_payload, wire_bytes

ERRORS_PER_EVENT = 100
ANNOUNCED = {
    EventKind.CREATED: WebhookEvent.CREATED,
    EventKind.STARTED: WebhookEvent.STARTED,
    EventKind.RATE_LIMITED: WebhookEvent.RATE_LIMITED,
    EventKind.STEP_FINISHED: WebhookEvent.UPDATED,
    EventKind.STOP_REQUESTED: WebhookEvent.UPDATED,
    EventKind.WORKER_LOST: WebhookEvent.UPDATED,
    EventKind.COMPLETED: WebhookEvent.COMPLETED,
    EventKind.FAILED: WebhookEvent.FAILED,
    EventKind.STOPPED: WebhookEvent.STOPPED,
}
# The run's own webhook gets these whatever it subscribes to, and the run waits for these (contract 4).
UNASKED = {WebhookEvent.STARTED, WebhookEvent.RECORD, WebhookEvent.RECORD_ERROR}
AWAITED = {WebhookEvent.STARTED, WebhookEvent.RECORD}


class Outbox:
    """The events of one run. To be used within a transaction that has locked the run's row, which keeps the order."""

    def __init__(self, run: SyncJobRun) -> None:
        self._run = run
        self._sequences: dict[UUID, int] = {}

    def tell(self, event: WebhookEvent, payload: Any) -> None:
        """Write the event for every webhook that is to be told of it."""
        for webhook in self.recipients(event):
            self.put(webhook, event, payload)

    def recipients(self, event: WebhookEvent) -> list[Webhook]:
        """The active webhooks of the environment that subscribe, and the run's own where it is told unasked."""
        own = Q(id=self._run.webhook_id) if event in UNASKED else Q(pk__in=[])
        webhooks = Webhook.objects.live().filter(Q(is_active=True) | own, environment=self._run.environment_id)
        told_unasked = self._run.webhook_id if event in UNASKED else None
        found = webhooks.defer("secret").order_by("id")
        return [webhook for webhook in found if webhook.id == told_unasked or webhook.subscribes(event)]

    def put(self, webhook: Webhook, event: WebhookEvent, payload: Any, **credit: Any) -> None:
        """Write the event for this webhook. `credit`: the step, and the number of its records that the event holds."""
        awaited = webhook.id == self._run.webhook_id and event in AWAITED
        delivery = new_delivery(webhook, event, payload)
        delivery.run, delivery.sequence, delivery.is_awaited = self._run, self._next_sequence(webhook.id), awaited
        for name, value in credit.items():
            setattr(delivery, name, value)
        delivery.save(force_insert=True)

    def _next_sequence(self, webhook_id: UUID) -> int:
        if webhook_id not in self._sequences:
            queue = Delivery.objects.filter(run=self._run, webhook=webhook_id)
            self._sequences[webhook_id] = queue.aggregate(last=Max("sequence"))["last"] or 0
        self._sequences[webhook_id] += 1
        return self._sequences[webhook_id]


def new_delivery(webhook: Webhook, event: WebhookEvent, payload: Any) -> Delivery:
    """An unsaved delivery, due at once. Its body is the envelope of the contract, its id the envelope's."""
    delivery_id = uuid7()
    envelope = {
        "id": delivery_id,
        "event": event.value,
        "payload": payload,
        "environment_id": webhook.environment_id,
        "webhook_id": webhook.id,
        "created_at": known_time(timezone.now()),
    }
    return Delivery(id=delivery_id, webhook=webhook, event=event, body=wire_bytes(envelope), next_attempt_at=Now())


def announce(run_id: UUID, kind: EventKind) -> None:
    """Tell the webhooks of what has just happened to the run, if it is something that they are told of."""
    event = ANNOUNCED.get(kind)
    if event is None or not _has_webhooks(run_id):
        return
    with transaction.atomic(savepoint=False):
        run = SyncJobRun.objects.select_for_update().get(id=run_id)
        outbox = Outbox(run)
        webhooks = outbox.recipients(event)
        payload = run_payload(run) if webhooks else None
        for webhook in webhooks:
            outbox.put(webhook, event, payload)


def _has_webhooks(run_id: UUID) -> bool:
    """Whether anybody might be told: only then is the run locked. Most environments have no webhook at all."""
    return _WEBHOOK.first(run=run_id) is not None


_WEBHOOK = PreparedRead(
    lambda: Webhook.objects.live().filter(environment__runs=Given("run", UUIDField())).order_by().values_list("id")[:1]
)


def note_errors(run: SyncJobRun, errors: Sequence[RecordError]) -> None:
    """Keep the errors without any secret, count them in their groups, and tell of them as the run's error handling
    wants: each by itself, or in full groups so far.

    With `fail_fast` there is nothing to tell: the run's own end follows.
    """
    for error in errors:
        for column in ("record_id", "message", "url", "excerpt"):
            setattr(error, column, masked(getattr(error, column)))
    count_errors(run, errors)
    RecordError.objects.bulk_create(errors)
    if errors and run.error_handling == ErrorHandling.IGNORE:
        outbox = Outbox(run)
        for webhook in outbox.recipients(WebhookEvent.RECORD_ERROR):
            for error in errors:
                outbox.put(webhook, WebhookEvent.RECORD_ERROR, _of(error) | {"error": error_payload(error)})
    elif errors and run.error_handling == ErrorHandling.BATCH:
        _tell_groups(run, at_least=ERRORS_PER_EVENT)


def flush_errors(run: SyncJobRun) -> None:
    """Tell of the errors that a run which tells in groups has not told of yet."""
    if run.error_handling == ErrorHandling.BATCH:
        _tell_groups(run, at_least=1)


def cancel_awaited(run_id: UUID, why: str) -> None:
    """The run has ended: what it still waited to deliver is not sent any more, and says so."""
    awaited = Delivery.objects.filter(run=run_id, is_awaited=True, status=DeliveryStatus.PENDING)
    awaited.update(status=DeliveryStatus.CANCELLED, last_error=why, next_attempt_at=None, updated_at=Now())


def _tell_groups(run: SyncJobRun, at_least: int) -> None:
    untold = run.record_errors.filter(is_told=False)
    errors = list(untold.order_by("resource", "method", "created_at", "id"))
    groups = [group for group in _groups(errors) if len(group) >= at_least]
    outbox = Outbox(run)
    for group in groups:
        payload = _of(group[0]) | {"errors": [error_payload(error) for error in group]}
        outbox.tell(WebhookEvent.RECORD_ERROR, payload)
    told = [error.id for group in groups for error in group]
    untold.filter(id__in=told).update(is_told=True, updated_at=Now())


def _groups(errors: Iterable[RecordError]) -> Iterator[list[RecordError]]:
    """Up to a hundred of one resource and method each."""
    for _, same in groupby(errors, key=lambda error: (error.resource, error.method)):
        rows = list(same)
        yield from (rows[at : at + ERRORS_PER_EVENT] for at in range(0, len(rows), ERRORS_PER_EVENT))


def _of(error: RecordError | RunStep) -> dict[str, Any]:
    return {"resource": error.resource, "method": error.method, "sync_job_run_id": error.run_id}
