"""Integrations, accounts and jobs; the mappings and the schedules."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from runs.admin.common import EnvironmentFilter, ReadOnlyAdmin, RemovedByService, ScopedAdmin, person
from runs.admin.forms import AccountForm, IntegrationForm, JobForm, MappingForm, ServiceForm, TriggerForm
from runs.models import (
    AccountToken,
    AuthorizationRequest,
    CronTrigger,
    IntegratedAccount,
    Integration,
    SyncJob,
    UnifiedMapping,
)
from runs.services import delete_account, delete_integration, delete_job, delete_mapping, delete_trigger


class DefinitionAdmin(RemovedByService):
    """Saved by the form's service; tied for good to what it was created for."""

    fixed: ClassVar[tuple[str, ...]] = ("integration",)
    list_filter: ClassVar[tuple[Any, ...]] = (EnvironmentFilter,)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("created_at", "updated_at", *(self.fixed if obj else ()))

    def save_model(self, request: HttpRequest, obj: Any, form: ServiceForm, change: bool) -> None:
        """Nothing is left to write: the form's service has written it."""


@admin.register(Integration)
class IntegrationAdmin(DefinitionAdmin):
    form = IntegrationForm
    fixed = ("environment",)
    fields = ("environment", "name", "label", "category", "config", "created_at", "updated_at")
    list_display = ("name", "label", "category", "environment", "updated_at")
    list_select_related = ("environment",)
    search_fields = ("name", "label")

    def remove(self, request: HttpRequest, row: Integration) -> None:
        delete_integration(row)


@admin.register(IntegratedAccount)
class IntegratedAccountAdmin(DefinitionAdmin):
    form = AccountForm
    fields = (
        "integration",
        "tenant_id",
        "status",
        "credentials",
        "unified_model_override",
        "created_at",
        "updated_at",
    )
    list_display = ("__str__", "integration", "status", "environment", "updated_at")
    list_filter = (EnvironmentFilter, "status")
    list_select_related = ("integration", "environment")
    search_fields = ("tenant_id", "id__exact")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("context")

    def remove(self, request: HttpRequest, row: IntegratedAccount) -> None:
        delete_account(row, actor=person(request).get_username())


@admin.register(AccountToken)
class AccountTokenAdmin(ReadOnlyAdmin):
    """Which accounts have an access token, and who asks for one: never the token itself."""

    environment_path = "account__environment"
    fields = ("account", "claimed_until")
    list_display = ("account", "claimed_until")
    list_select_related = ("account",)
    search_fields = ("account__tenant_id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("value", "account__context")


@admin.register(AuthorizationRequest)
class AuthorizationRequestAdmin(ReadOnlyAdmin):
    """Who is at which account's provider at the moment: nothing that would let anybody answer in their stead."""

    environment_path = "account__environment"
    fields = ("account", "person", "expires_at")
    list_display = ("account", "person", "expires_at")
    list_select_related = ("account", "person")
    search_fields = ("account__tenant_id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("kept", "account__context")


@admin.register(SyncJob)
class SyncJobAdmin(DefinitionAdmin):
    form = JobForm
    fields = (
        "integration",
        "label",
        "args_schema",
        "resources",
        "default_runtime_version",
        "created_at",
        "updated_at",
    )
    list_display = ("label", "integration", "environment", "updated_at")
    list_select_related = ("integration", "environment")
    search_fields = ("label", "id__exact")

    def remove(self, request: HttpRequest, row: SyncJob) -> None:
        delete_job(row)


@admin.register(UnifiedMapping)
class UnifiedMappingAdmin(DefinitionAdmin):
    form = MappingForm
    fields = ("integration", "model", "resource", "method", "config", "override", "created_at", "updated_at")
    list_display = ("__str__", "integration", "environment", "updated_at")
    list_select_related = ("integration", "environment")
    search_fields = ("model", "resource")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """A mapping has no history and is really deleted; those of a deleted integration are not shown."""
        return ScopedAdmin.get_queryset(self, request).filter(integration__deleted_at=None)

    def remove(self, request: HttpRequest, row: UnifiedMapping) -> None:
        delete_mapping(row)


@admin.register(CronTrigger)
class CronTriggerAdmin(DefinitionAdmin):
    form = TriggerForm
    fixed = ("sync_job", "integrated_account", "next_run_at", "last_run", "last_skipped_at", "last_skip_reason")
    fields = (
        *("sync_job", "integrated_account", "cron_expression", "args", "webhook", "daemon_group_key"),
        *("error_handling", "ignore_previous_run", "is_active"),
        *("created_at", "updated_at"),
    )
    raw_id_fields = ("integrated_account",)  # there may be thousands, too many for a select
    list_display = ("__str__", "integrated_account", "is_active", "next_run_at", "environment")
    list_filter = (EnvironmentFilter, "is_active")
    list_select_related = ("sync_job", "integrated_account", "environment")
    search_fields = ("sync_job__label", "integrated_account__tenant_id")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """What the scheduler writes is shown once there is something to show."""
        return (*self.fields, *self.fixed[2:]) if obj else self.fields

    def remove(self, request: HttpRequest, row: CronTrigger) -> None:
        delete_trigger(row)
