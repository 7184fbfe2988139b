"""Bulk actions and their items, to be read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from runs.admin.common import ReadOnlyAdmin, person
from runs.models import BulkAction, BulkItem


@admin.register(BulkAction)
class BulkActionAdmin(ReadOnlyAdmin):
    """Seen by whoever sees all of its runs."""

    list_display = (
        "created_at",
        "kind",
        "actor",
        "status",
        "run_count",
        "done_count",
        "already_count",
        "refused_count",
    )
    list_filter = ("kind", "status")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return BulkAction.objects.seen_by(person(request))


@admin.register(BulkItem)
class BulkItemAdmin(ReadOnlyAdmin):
    environment_path = "run__environment"
    list_display = ("run", "outcome", "words", "other_run", "action", "decided_at")
    list_filter = ("outcome",)
    list_select_related = ("run", "action", "other_run")
    raw_id_fields = ("run", "other_run", "action")
