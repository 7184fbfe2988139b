"""Saved views of the run list: each is its owner's, so only superusers see those of others."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from runs.admin.common import ReadOnlyAdmin, person
from runs.models import SavedView


@admin.register(SavedView)
class SavedViewAdmin(ReadOnlyAdmin):
    list_display = ("user", "name", "query", "is_default")
    list_select_related = ("user",)
    search_fields = ("name", "user__username")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        reader = person(request)
        return SavedView.objects.all() if reader.is_superuser else SavedView.objects.filter(user=reader)
