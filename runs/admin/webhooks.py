"""Webhooks, and what was sent to them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext

from runs.admin.common import EnvironmentFilter, ReadOnlyAdmin, RemovedByService
from runs.admin.forms import WebhookForm
from runs.models import Delivery, Webhook
from runs.services import delete_webhook


@admin.register(Webhook)
class WebhookAdmin(RemovedByService):
    """Saved by the form's service. Its secret is shown when it is created, and never again."""

    form = WebhookForm

    list_display = ("target_url", "is_active", "environment", "updated_at")
    list_filter = (EnvironmentFilter, "is_active")
    list_select_related = ("environment",)
    search_fields = ("target_url",)
    fields = ("environment", "target_url", "is_active", "event_types", "disabled_reason", "failing_since")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("disabled_reason", "failing_since", *(("environment",) if obj else ()))

    def remove(self, request: HttpRequest, row: Webhook) -> None:
        delete_webhook(row)

    def save_model(self, request: HttpRequest, obj: Webhook, form: Any, change: bool) -> None:
        """The form's service has written it; what is left is to tell the secret."""
        if not change:
            told = gettext("The signing secret is {secret} - copy it now, it is not shown again.")
            messages.warning(request, told.format(secret=obj.secret))


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    environment_path = "webhook__environment"
    list_display = ("created_at", "event", "status", "attempts", "last_status_code", "webhook")
    list_filter = ("status",)
    list_select_related = ("webhook",)
    exclude = ("body", "step")
