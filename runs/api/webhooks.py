"""`/webhook`: receivers of events, and what was sent to them."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from ninja import Router

from runs.api.auth import TokenRequest, environment_of
from runs.api.listing import find, list_parameters, page_of
from runs.api.payloads.common import Deleted, ListOf, given
from runs.api.payloads.webhooks import (
    DELIVERY_FIELDS,
    WEBHOOK_FIELDS,
    DeliveryPayload,
    DeliveryWithBody,
    Success,
    WebhookChanges,
    WebhookPayload,
    WebhookTest,
    WebhookWithSecret,
    delivery_payload,
    delivery_with_body,
    webhook_payload,
    webhook_with_secret,
)
from runs.models import Delivery, Webhook
from runs.services import delete_webhook, resend, save_webhook, send_test

router = Router()


def webhooks_of(request: TokenRequest) -> QuerySet[Webhook]:
    return Webhook.objects.live().filter(environment=environment_of(request))


def deliveries_of(request: TokenRequest, webhook_id: UUID) -> QuerySet[Delivery]:
    """Those of the webhook. Raises Http404 for one of another environment."""
    return Delivery.objects.filter(webhook=find(webhooks_of(request).defer("secret"), webhook_id))


@router.get("", response=ListOf[WebhookPayload], openapi_extra=list_parameters(WEBHOOK_FIELDS))
def list_webhooks(request: TokenRequest) -> ListOf[WebhookPayload]:
    return page_of(webhooks_of(request).defer("secret"), request.GET, WEBHOOK_FIELDS, webhook_payload)


@router.post("", response={201: WebhookWithSecret})
def create_webhook(request: TokenRequest, body: WebhookChanges) -> WebhookWithSecret:
    """The only answer that tells the signing secret. Without `event_types` the webhook is told of everything."""
    return webhook_with_secret(save_webhook(environment_of(request), given(body)))


@router.post("/test", response=Success)
def test_webhook(request: TokenRequest, body: WebhookTest) -> Success:
    """Sends the event `test` at once. A receiver that does not take it is told as a remote error."""
    send_test(find(webhooks_of(request), body.id))
    return {"success": True}


@router.get("/{webhook_id}", response=WebhookPayload)
def get_webhook(request: TokenRequest, webhook_id: UUID) -> WebhookPayload:
    return webhook_payload(find(webhooks_of(request).defer("secret"), webhook_id))


@router.patch("/{webhook_id}", response=WebhookPayload)
def change_webhook(request: TokenRequest, webhook_id: UUID, body: WebhookChanges) -> WebhookPayload:
    """`is_active` true switches it on again; `event_types` null means all."""
    webhook = find(webhooks_of(request), webhook_id)
    return webhook_payload(save_webhook(webhook.environment, given(body), webhook))


@router.delete("/{webhook_id}", response=Deleted)
def remove_webhook(request: TokenRequest, webhook_id: UUID) -> Deleted:
    """Refused while a live run sends to it."""
    webhook = find(webhooks_of(request), webhook_id)
    delete_webhook(webhook)
    return {"id": webhook.id}


@router.get("/{webhook_id}/delivery", response=ListOf[DeliveryPayload], openapi_extra=list_parameters(DELIVERY_FIELDS))
def list_deliveries(request: TokenRequest, webhook_id: UUID) -> ListOf[DeliveryPayload]:
    """What it was sent or is still to be sent, the latest first, with every attempt."""
    rows = deliveries_of(request, webhook_id).defer("body")
    return page_of(rows, request.GET, DELIVERY_FIELDS, delivery_payload)


@router.get("/{webhook_id}/delivery/{delivery_id}", response=DeliveryWithBody)
def get_delivery(request: TokenRequest, webhook_id: UUID, delivery_id: UUID) -> DeliveryWithBody:
    return delivery_with_body(find(deliveries_of(request, webhook_id), delivery_id))


@router.post("/{webhook_id}/delivery/{delivery_id}/resend", response=DeliveryPayload)
def resend_delivery(request: TokenRequest, webhook_id: UUID, delivery_id: UUID) -> DeliveryPayload:
    """Sends the same event again, with the same id and bytes; refused with 409 while it is on its way."""
    return delivery_payload(resend(find(deliveries_of(request, webhook_id).select_related("webhook"), delivery_id)))
