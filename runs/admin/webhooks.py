"""Webhooks, and what was sent to them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import URLField
from django.http import HttpRequest

from runs.admin.common import EnvironmentFilter, ReadOnlyAdmin, ScopedAdmin
from runs.models import Delivery, Webhook


@admin.register(Webhook)
class WebhookAdmin(ScopedAdmin):
    """Its secret is shown when it is created, and never again."""

    list_display = ("target_url", "is_active", "environment", "updated_at")
    list_filter = (EnvironmentFilter, "is_active")
    list_select_related = ("environment",)
    search_fields = ("target_url",)
    formfield_overrides = {URLField: {"assume_scheme": "https"}}
    fields = ("environment", "target_url", "is_active", "event_types")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("environment",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Webhook, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            messages.warning(request, f"The signing secret is {obj.secret} - copy it now, it is not shown again.")


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    environment_path = "webhook__environment"
    list_display = ("created_at", "event", "status", "attempts", "last_status_code", "webhook")
    list_filter = ("status",)
    list_select_related = ("webhook",)
    exclude = ("body",)
