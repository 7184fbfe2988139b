"""The audit list, to be read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from runs.admin.common import ReadOnlyAdmin, person
from runs.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """What concerns no single environment is shown to superusers only."""

    environment_path = "environment_id"
    list_display = ("created_at", "actor", "action", "target_label", "reason", "ip")
    search_fields = ("target_id__exact", "actor__exact", "action__exact")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return AuditEntry.objects.all() if person(request).is_superuser else super().get_queryset(request)
