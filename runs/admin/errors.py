"""Error groups and their sightings, to be read. Notes are written on the group's page, which keeps who wrote them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from runs.admin.common import EnvironmentFilter, ReadOnlyAdmin
from runs.models import ErrorGroup, ErrorSighting


@admin.register(ErrorGroup)
class ErrorGroupAdmin(ReadOnlyAdmin):
    list_display = ("title", "code", "status_code", "resource", "method", "created_at", "note_by")
    list_filter = (EnvironmentFilter,)
    search_fields = ("title", "code", "resource")


@admin.register(ErrorSighting)
class ErrorSightingAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "last_at", "count", "group", "integrated_account", "run")
    list_filter = (EnvironmentFilter,)
    list_select_related = ("group", "integrated_account", "run")
    raw_id_fields = ("group", "integrated_account", "run", "sync_job")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("integrated_account__context")
