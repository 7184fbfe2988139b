"""Alert rules and what they have sent. Rules are changed on their own pages, which keep targets to themselves."""

from __future__ import annotations

from django.contrib import admin

from runs.admin.common import EnvironmentFilter, ReadOnlyAdmin
from runs.models import AlertMessage, AlertRule, AlertState


@admin.register(AlertRule)
class AlertRuleAdmin(ReadOnlyAdmin):
    list_display = ("name", "channel", "is_active", "muted_until", "environment", "updated_at")
    list_filter = (EnvironmentFilter, "channel", "is_active")
    list_select_related = ("environment",)
    search_fields = ("name",)
    exclude = ("target", "secret")


@admin.register(AlertState)
class AlertStateAdmin(ReadOnlyAdmin):
    environment_path = "rule__environment"
    list_display = ("rule", "sync_job", "integrated_account", "failures", "alerted_since", "updated_at")
    list_select_related = ("rule", "sync_job", "integrated_account")


@admin.register(AlertMessage)
class AlertMessageAdmin(ReadOnlyAdmin):
    environment_path = "rule__environment"
    list_display = ("created_at", "kind", "status", "attempts", "last_error", "rule")
    list_filter = ("status", "kind")
    list_select_related = ("rule",)
