"""What operators do to webhooks: make, change, switch on and off, delete."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.marks import webhook_mark
from dashboard.pages.access import PageRequest, go_to, operator_page, visible
from dashboard.pages.questions import ask
from dashboard.webhook_form import NewWebhookForm, WebhookForm
from runs.errors import InvalidInput
from runs.models import Webhook
from runs.services import delete_webhook, save_webhook

CREATED = 201
BAD_REQUEST = 400


@never_cache
@operator_page
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_new(request: PageRequest) -> HttpResponse:
    """The answer to the POST is the only page that shows the signing secret, so it does not redirect."""
    form = NewWebhookForm(request.user.visible_environments(), request.POST or None)
    if form.is_valid():
        try:
            webhook = save_webhook(form.cleaned_data["environment"], form.values())
        except InvalidInput as error:
            form.refuse(error.failures)
        else:
            return render(request, "webhooks/created.html", {"webhook": webhook}, status=CREATED)
    return _form_page(request, form, {})


@operator_page
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_edit(request: PageRequest, webhook_id: UUID) -> HttpResponse:
    webhook = _webhook(request, webhook_id)
    form = WebhookForm(request.POST or None, webhook=webhook)
    if form.is_valid():
        try:
            save_webhook(webhook.environment, form.values(), webhook)
        except InvalidInput as error:
            form.refuse(error.failures)
        else:
            words = _("The webhook is changed. What was written for it before is sent to its address of now.")
            messages.success(request, words)
            return go_to(request, _address(webhook))
    return _form_page(request, form, {"webhook": _webhook(request, webhook_id)})


@operator_page
@require_POST
def webhook_activate(request: PageRequest, webhook_id: UUID) -> HttpResponse:
    return _switched(request, webhook_id, on=True, words=_("Switched on. It is told of what happens from now on."))


@operator_page
@require_POST
def webhook_deactivate(request: PageRequest, webhook_id: UUID) -> HttpResponse:
    words = _("Switched off. What it was still to be told is cancelled.")
    return _switched(request, webhook_id, on=False, words=words)


@operator_page
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_delete(request: PageRequest, webhook_id: UUID) -> HttpResponse:
    webhook = _webhook(request, webhook_id)
    if request.method != "POST":
        crumbs = [(reverse("webhook_list"), _("Webhooks")), (_address(webhook), webhook.target_url)]
        schedules = webhook.cron_triggers.live().filter(is_active=True).count()
        mark = webhook_mark(webhook)
        return ask(request, "webhooks/_delete.html", crumbs, webhook=webhook, mark=mark, schedules=schedules)
    try:
        delete_webhook(webhook)
    except InvalidInput as error:
        messages.error(request, _("It was not deleted. {why}").format(why=_said(error)))
        return go_to(request, _address(webhook))
    messages.success(request, _("Deleted: {webhook}.").format(webhook=webhook))
    return go_to(request, reverse("webhook_list"))


def _switched(request: PageRequest, webhook_id: UUID, *, on: bool, words: str) -> HttpResponse:
    webhook = _webhook(request, webhook_id)
    try:
        save_webhook(webhook.environment, {"is_active": on}, webhook)
        messages.success(request, words)
    except InvalidInput as error:
        messages.error(request, _("Nothing was changed. {why}").format(why=_said(error)))
    return go_to(request, _address(webhook))


def _said(error: InvalidInput) -> str:
    """The faults in a sentence; those of the webhook as such name no field."""
    subjects = {"id": _("The webhook")}
    return " ".join(f"{subjects.get(failure.path, failure.path)} {failure.message}" for failure in error.failures)


def _form_page(request: PageRequest, form: WebhookForm, context: dict[str, Webhook]) -> HttpResponse:
    status = BAD_REQUEST if form.errors else 200
    return render(request, "webhooks/form.html", {**context, "form": form}, status=status)


def _webhook(request: PageRequest, webhook_id: UUID) -> Webhook:
    webhooks = visible(Webhook.objects.live().select_related("environment").defer("secret"), request.user)
    return get_object_or_404(webhooks, pk=webhook_id)


def _address(webhook: Webhook) -> str:
    return reverse("webhook_detail", args=[webhook.pk])
