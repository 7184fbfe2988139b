"""Integrations, accounts, mappings, jobs and their schedules."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from runs.client.objects.base import Object


class Integration(Object, frozen=True):
    id: UUID
    name: str
    label: str
    category: str
    config: dict[str, Any]
    environment_id: UUID
    created_at: datetime
    updated_at: datetime


class IntegrationName(Object, frozen=True):
    id: UUID
    name: str


class Account(Object, frozen=True):
    id: UUID
    tenant_id: str
    integration_name: str
    integration: IntegrationName
    status: str
    unified_model_override: dict[str, Any]
    environment_id: UUID
    created_at: datetime
    updated_at: datetime


class ConnectionFault(Object, frozen=True):
    code: str
    message: str
    advice: str


class ConnectionTest(Object, frozen=True):
    works: bool
    asked: str | None
    status_code: int | None
    records: int | None
    milliseconds: int
    error: ConnectionFault | None


class Mapping(Object, frozen=True):
    id: UUID
    model: str
    resource: str
    integration: str
    integration_id: UUID
    method: str
    config: dict[str, Any]
    override: dict[str, Any]
    environment_id: UUID
    created_at: datetime
    updated_at: datetime


class EmbeddedJob(Object, frozen=True):
    id: UUID
    integration_name: str
    args_schema: dict[str, Any]
    resources: list[Any]
    environment_id: UUID
    created_at: datetime
    updated_at: datetime
    label: str


class Job(EmbeddedJob, frozen=True):
    default_runtime_version: int | None


class CronTrigger(Object, frozen=True):
    id: UUID
    sync_job_id: UUID
    integrated_account_id: UUID
    args: dict[str, Any]
    cron_expression: str
    webhook_id: UUID | None
    daemon_group_key: str | None
    error_handling: str
    ignore_previous_run: bool
    is_active: bool
    next_run_at: datetime | None
    last_run_id: UUID | None
    last_skipped_at: datetime | None
    last_skip_code: str | None
    last_skip_reason: str | None
    environment_id: UUID
    created_at: datetime
    updated_at: datetime
