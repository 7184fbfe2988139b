"""Webhooks: checked before they are stored, tested, switched on again; and what was sent to them, sent again."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from runs.connectors import AddressRefused, Answer, check_name, check_target
from runs.engine.caps import private_hosts
from runs.engine.deliveries import Letter, cancel_unsent, note_health, outcome, receiver_client, write
from runs.engine.outbox import new_delivery
from runs.errors import Failure, NotAllowed, RemoteError
from runs.models import Delivery, DeliveryStatus, Environment, Webhook, WebhookEvent
from runs.models.base import Now
from runs.services.audit import note, note_saved, values_of
from runs.services.saving import assign, locked, raise_if

MAX_URL = 2000
FIELDS = ("target_url", "is_active", "event_types", "secret")
TEST_PAYLOAD = {"foo": "bar"}


def save_webhook(
    environment: Environment,
    values: Mapping[str, Any],
    webhook: Webhook | None = None,
    *,
    known: list[Failure] | None = None,
) -> Webhook:
    """Create the webhook, or change the one given. Raises InvalidInput with every fault of it.

    Switching it on forgets its failures; switching it off cancels what it was still to be told. A `secret` is made
    unless one is given. `known`: what `name_failures` says of the address, from a caller who holds a transaction.
    """
    if known is None:
        known = name_failures(values.get("target_url"), "target_url")
    return _saved(environment, values, webhook, known)


@transaction.atomic
def _saved(
    environment: Environment, values: Mapping[str, Any], webhook: Webhook | None, known: list[Failure]
) -> Webhook:
    row = locked(webhook) if webhook else Webhook(environment=environment)
    before = values_of(row, FIELDS)
    assign(row, values, FIELDS)
    found = [*url_failures(row.target_url, "target_url"), *known, *_event_failures(row.event_types)]
    raise_if([*found, *(_secret_failures(row.secret) if "secret" in values else [])])
    if values.get("is_active"):
        row.failing_since, row.failure_count, row.disabled_reason = None, 0, ""
    row.save()
    if not row.is_active:
        cancel_unsent([row.id])
    note_saved("webhook", row, before, switch={True: "activate", False: "deactivate"})
    return row


def send_test(webhook: Webhook) -> Delivery:
    """Send the event `test` at once, in a single attempt, also to a webhook that is switched off.

    Raises RemoteError if the receiver does not take it; the attempt is kept either way.
    """
    delivery = new_delivery(webhook, WebhookEvent.TEST, TEST_PAYLOAD)
    delivery.next_attempt_at = None  # no courier is to take it
    delivery.save(force_insert=True)
    client = receiver_client()
    try:
        answer = Letter.of(delivery).post(client)
    finally:
        client.close()
    write(delivery, answer, outcome(delivery, answer, retries=()))
    note_health(webhook.id, answer)
    note("webhook.test", webhook, taken=answer.accepted, status_code=answer.status_code)
    if not answer.accepted:
        raise _refused(answer)
    return Delivery.objects.get(id=delivery.id)


def resend(delivery: Delivery) -> Delivery:
    """Have a courier send the event again: the same id and bytes, with new tries. Returns the row, read again.

    A run's counts stay as they are: they tell what was taken while it ran. Raises NotAllowed where nothing can be sent.
    """
    if not delivery.webhook.takes_events:
        raise NotAllowed("The webhook is switched off or deleted: nothing is sent to it.")
    settled = Delivery.objects.filter(id=delivery.id).exclude(status=DeliveryStatus.PENDING)
    again = {"status": DeliveryStatus.PENDING, "attempts": 0, "is_awaited": False, "delivered_at": None}
    with transaction.atomic():
        if not settled.update(**again, next_attempt_at=Now(), updated_at=Now()):
            raise NotAllowed("The event is still on its way.")
        note("webhook.resend", delivery.webhook, event=delivery.event, delivery_id=str(delivery.id))
    return Delivery.objects.select_related("webhook").get(id=delivery.id)


def _refused(answer: Answer) -> RemoteError:
    return RemoteError(answer.error, status_code=answer.status_code, raw_response=answer.text)


def url_failures(url: str, path: str) -> list[Failure]:
    """Why nothing may be sent to the address, as a fault of what is at the path."""
    if not url:
        return [Failure(path, "is required.")]
    if len(url) > MAX_URL:
        return [Failure(path, f"must be at most {MAX_URL} characters long.")]
    try:
        check_target(url, private_hosts())
    except AddressRefused as refused:
        return [Failure(path, refused.message)]
    return []


def name_failures(url: Any, path: str) -> list[Failure]:
    """The same of what the address's name leads to. Looked up before a transaction, since a resolver takes its time.

    None where the address is not given, or its text is at fault already.
    """
    if not isinstance(url, str) or url_failures(url, path):
        return []
    try:
        check_name(url, private_hosts())
    except AddressRefused as refused:
        return [Failure(path, refused.message)]
    return []


def _secret_failures(secret: str) -> list[Failure]:
    """Why it can't be signed with, by the Standard Webhooks specification: `whsec_` and base64 of 24 to 64 bytes."""
    try:
        size = len(b64decode(secret.removeprefix("whsec_"), validate=True)) if secret.startswith("whsec_") else 0
    except ValueError:
        size = 0
    return [] if 24 <= size <= 64 else [Failure("secret", "must be whsec_ and base64 of 24 to 64 bytes.")]


def _event_failures(event_types: Any) -> list[Failure]:
    known = WebhookEvent.values
    if event_types is None:
        return []
    if not isinstance(event_types, list):
        return [Failure("event_types", f"must be a list of: {', '.join(known)}.")]
    return [
        Failure(f"event_types.{index}", f"must be one of: {', '.join(known)}.")
        for index, name in enumerate(event_types)
        if name not in known
    ]
