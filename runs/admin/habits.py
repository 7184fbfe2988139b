"""What is usual for a job and account, as the ends of runs have written it."""

from __future__ import annotations

from django.contrib import admin

from runs.admin.common import EnvironmentFilter, ReadOnlyAdmin
from runs.models import RunHabit


@admin.register(RunHabit)
class RunHabitAdmin(ReadOnlyAdmin):
    environment_path = "sync_job__environment"
    list_display = ("sync_job", "integrated_account", "mode", "sample_count", "median_seconds", "median_fetched")
    list_filter = (EnvironmentFilter, "mode")
    list_select_related = ("sync_job", "integrated_account")
    search_fields = ("sync_job__label", "integrated_account__tenant_id")
