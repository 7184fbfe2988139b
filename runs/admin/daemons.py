"""The workers, which serve every environment and so are everybody's to see."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from runs.admin.common import ReadOnlyAdmin
from runs.models import Daemon


@admin.register(Daemon)
class DaemonAdmin(ReadOnlyAdmin):
    list_display = ("daemon_id", "group_key", "status_now", "last_active_at")
    list_filter = ("group_key",)
    search_fields = ("daemon_id",)
    exclude = ("status",)
    readonly_fields = ("status_now",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return Daemon.objects.order_by("-last_active_at")

    @admin.display(description=_("Status"))
    def status_now(self, daemon: Daemon) -> Any:
        return daemon.status_now.label
