"""Sync job cron triggers on the wire."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ninja import Schema
from pydantic import Field as Constraint
from typing_extensions import TypedDict

from runs.api.payloads.common import OWN_FIELDS, known_time, wire_time
from runs.lookups import Field, TimeField, parse_boolean, parse_choice, parse_uuid
from runs.models import CronTrigger, ErrorHandling

TRIGGER_FIELDS = {
    **OWN_FIELDS,
    "sync_job_id": Field("sync_job_id", parse_uuid),
    "integrated_account_id": Field("integrated_account_id", parse_uuid),
    "webhook_id": Field("webhook_id", parse_uuid),
    "daemon_group_key": Field("daemon_group_key"),
    "cron_expression": Field("cron_expression"),
    "ignore_previous_run": Field("ignore_previous_run", parse_boolean),
    "error_handling": Field("error_handling", parse_choice(ErrorHandling.values)),
    "is_active": Field("is_active", parse_boolean),
    "next_run_at": TimeField("next_run_at"),
    "last_run_id": Field("last_run_id", parse_uuid),
    "last_skipped_at": TimeField("last_skipped_at"),
}


class TriggerPayload(TypedDict):
    """The contract's fields, and ours: the run that it started last, and why its latest skipped slot was skipped."""

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
    next_run_at: str | None
    last_run_id: UUID | None
    last_skipped_at: str | None
    last_skip_code: str | None
    last_skip_reason: str | None
    environment_id: UUID
    created_at: str
    updated_at: str


class Scheduled(TypedDict):
    success: bool


class TriggerChanges(Schema):
    args: dict[str, Any] | None = None
    cron_expression: str | None = Constraint(None, description="Five fields, in UTC, such as `30 6 * * 1-5`.")
    webhook_id: UUID | None = None
    daemon_group_key: str | None = None
    error_handling: str | None = None
    ignore_previous_run: bool | None = None
    is_active: bool | None = None


class NewTrigger(TriggerChanges):
    sync_job_id: UUID
    integrated_account_id: UUID


def trigger_payload(trigger: CronTrigger) -> TriggerPayload:
    return {
        "id": trigger.id,
        "sync_job_id": trigger.sync_job_id,
        "integrated_account_id": trigger.integrated_account_id,
        "args": trigger.args,
        "cron_expression": trigger.cron_expression,
        "webhook_id": trigger.webhook_id,
        "daemon_group_key": trigger.daemon_group_key,
        "error_handling": trigger.error_handling,
        "ignore_previous_run": trigger.ignore_previous_run,
        "is_active": trigger.is_active,
        "next_run_at": wire_time(trigger.next_run_at),
        "last_run_id": trigger.last_run_id,
        "last_skipped_at": wire_time(trigger.last_skipped_at),
        "last_skip_code": trigger.last_skip_code or None,
        "last_skip_reason": trigger.last_skip_reason or None,
        "environment_id": trigger.environment_id,
        "created_at": known_time(trigger.created_at),
        "updated_at": known_time(trigger.updated_at),
    }
