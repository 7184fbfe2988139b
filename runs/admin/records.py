"""The record store, to be read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from runs.admin.common import ReadOnlyAdmin
from runs.models import Record


@admin.register(Record)
class RecordAdmin(ReadOnlyAdmin):
    environment_path = "integrated_account__environment"
    list_display = ("record_id", "resource", "integrated_account", "created_at", "updated_at", "deleted_at")
    list_select_related = ("integrated_account",)
    exclude = ("content_hash",)
    raw_id_fields = ("integrated_account", "first_run", "last_run")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("integrated_account__context")
