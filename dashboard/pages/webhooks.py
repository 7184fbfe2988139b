"""The receivers of events: what each is sent, how it answered, a test, and sending again."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from dashboard.marks import delivery_mark, webhook_mark
from dashboard.pages.access import PageRequest, operator_page, staff_page, visible
from dashboard.pages.listing import listed
from runs.errors import NotAllowed, RemoteError
from runs.lookups import parse_uuid
from runs.models import Delivery, DeliveryStatus, Webhook
from runs.services import resend, send_test

SHOWN_BODY = 100_000  # characters


@staff_page
@require_safe
def webhook_list(request: PageRequest) -> HttpResponse:
    context = listed(request, _webhooks(request).select_related("environment"))
    lines = [(webhook, webhook_mark(webhook)) for webhook in context["rows"]]
    return render(request, "webhooks/list.html", {**context, "lines": lines})


@staff_page
@require_safe
def webhook_detail(request: PageRequest, webhook_id: UUID) -> HttpResponse:
    """One webhook and its deliveries, the latest first; of one run or status where the address says so."""
    webhook = _webhook(request, webhook_id)
    chosen = _chosen(request)
    context = listed(request, webhook.deliveries.filter(**chosen).defer("body"))
    lines = [(delivery, delivery_mark(delivery)) for delivery in context["rows"]]
    more = {"webhook": webhook, "mark": webhook_mark(webhook), "lines": lines, "statuses": DeliveryStatus.choices}
    return render(request, "webhooks/detail.html", {**context, **more, "chosen": chosen})


@staff_page
@require_safe
def delivery_detail(request: PageRequest, webhook_id: UUID, delivery_id: UUID) -> HttpResponse:
    """One event with its body and every attempt to deliver it."""
    delivery = _delivery(request, webhook_id, delivery_id)
    body = json.dumps(json.loads(bytes(delivery.body)), indent=2, ensure_ascii=False)
    context = {"delivery": delivery, "webhook": delivery.webhook, "mark": delivery_mark(delivery)}
    shown = {"body": body[:SHOWN_BODY], "is_cut": len(body) > SHOWN_BODY}
    return render(request, "webhooks/delivery.html", {**context, **shown, "may_resend": _may_resend(request, delivery)})


@operator_page
@require_POST
def webhook_test(request: PageRequest, webhook_id: UUID) -> HttpResponse:
    webhook = get_object_or_404(_webhooks(request), pk=webhook_id)
    try:
        send_test(webhook)
        messages.success(request, gettext("The receiver has taken the test."))
    except RemoteError as refused:
        messages.error(request, gettext("The test was not taken. {why}").format(why=refused))
    return redirect("webhook_detail", webhook.pk)


@operator_page
@require_POST
def delivery_resend(request: PageRequest, webhook_id: UUID, delivery_id: UUID) -> HttpResponse:
    delivery = _delivery(request, webhook_id, delivery_id)
    try:
        resend(delivery)
        messages.success(request, gettext("The event is sent again, with the same id and body."))
    except NotAllowed as refused:
        messages.error(request, gettext("Nothing was sent. {why}").format(why=refused))
    return redirect("delivery_detail", webhook_id, delivery_id)


def _webhooks(request: PageRequest) -> QuerySet[Webhook]:
    return visible(Webhook.objects.live().defer("secret"), request.user)


def _webhook(request: PageRequest, webhook_id: UUID) -> Webhook:
    """The webhook, also one that was deleted: its deliveries are history. 404 outside the person's environments."""
    return get_object_or_404(visible(Webhook.objects.defer("secret"), request.user), pk=webhook_id)


def _delivery(request: PageRequest, webhook_id: UUID, delivery_id: UUID) -> Delivery:
    webhook = _webhook(request, webhook_id)
    return get_object_or_404(webhook.deliveries.select_related("webhook"), pk=delivery_id)


def _chosen(request: PageRequest) -> dict[str, Any]:
    """The filters of the address; what can't be read filters nothing."""
    chosen: dict[str, Any] = {}
    if request.GET.get("status") in DeliveryStatus.values:
        chosen["status"] = request.GET["status"]
    try:
        chosen["run"] = parse_uuid(request.GET.get("run", ""))
    except ValueError:
        return chosen
    return chosen


def _may_resend(request: PageRequest, delivery: Delivery) -> bool:
    settled = delivery.status != DeliveryStatus.PENDING
    return request.user.can_operate and settled and delivery.webhook.takes_events
