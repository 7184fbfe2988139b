"""What operations take: the fields of each body. Those without `Required` may be left out."""

from __future__ import annotations

from typing import Any, Required, TypedDict
from uuid import UUID


class IntegrationFields(TypedDict, total=False):
    name: str
    label: str
    category: str
    config: dict[str, Any]


class AccountFields(TypedDict, total=False):
    """A given context is merged into the stored one."""

    tenant_id: str
    status: str
    context: dict[str, Any]
    unified_model_override: dict[str, Any]


class NewAccount(AccountFields, total=False):
    integration_name: str


class MappingFields(TypedDict, total=False):
    model: str
    resource: str
    method: str
    config: dict[str, Any]
    override: dict[str, Any]


class NewMapping(MappingFields, total=False):
    """`integration` is the name or the id of one; `integration_name` is taken as well."""

    integration: str | UUID
    integration_name: str


class JobFields(TypedDict, total=False):
    label: str
    args_schema: dict[str, Any]
    resources: list[Any]
    default_runtime_version: int | None


class NewJob(JobFields, total=False):
    integration_name: str


class DryRunWishes(TypedDict, total=False):
    """`resources`: entries to be tried in place of the job's own."""

    integrated_account_id: UUID | str
    args: dict[str, Any]
    resources: list[Any]
    webhook_id: UUID | str
    ignore_previous_run: bool


class NewRun(TypedDict, total=False):
    sync_job_id: Required[UUID | str]
    integrated_account_id: Required[UUID | str]
    args: dict[str, Any]
    resources: list[Any]
    webhook_id: UUID | str
    daemon_group_key: str
    error_handling: str
    ignore_previous_run: bool
    version: int
    force: bool


class RerunWishes(TypedDict, total=False):
    ignore_previous_run: bool
    force: bool


class TriggerFields(TypedDict, total=False):
    args: dict[str, Any]
    cron_expression: str
    webhook_id: UUID | str
    daemon_group_key: str
    error_handling: str
    ignore_previous_run: bool
    is_active: bool


class NewTrigger(TriggerFields, total=False):
    sync_job_id: Required[UUID | str]
    integrated_account_id: Required[UUID | str]


class WebhookFields(TypedDict, total=False):
    target_url: str
    is_active: bool
    event_types: list[str] | None
