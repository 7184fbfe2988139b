"""What the ends of runs have left on their accounts, to be read."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from runs.admin.common import ReadOnlyAdmin
from runs.models import AccountDay, AccountFreshness, JobFreshness


class OfAccountAdmin(ReadOnlyAdmin):
    """Rows of one account."""

    environment_path = "account__environment"
    list_select_related: ClassVar[tuple[str, ...]] = ("account",)
    search_fields = ("account__tenant_id", "account__id__exact")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("account__context")


@admin.register(AccountFreshness)
class AccountFreshnessAdmin(OfAccountAdmin):
    list_display = ("account", "last_completed_at", "last_ending", "last_ended_at")


@admin.register(JobFreshness)
class JobFreshnessAdmin(OfAccountAdmin):
    list_display = ("account", "sync_job", "last_completed_at", "last_ending", "last_ended_at")
    list_select_related = ("account", "sync_job")
    ordering = ("-id",)


@admin.register(AccountDay)
class AccountDayAdmin(OfAccountAdmin):
    list_display = ("account", "day", "completed", "warned", "failed", "stopped")
    ordering = ("-id",)
