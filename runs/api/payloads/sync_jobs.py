"""Sync jobs on the wire."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ninja import Schema
from pydantic import Field as Constraint
from typing_extensions import TypedDict

from runs.api.payloads.common import OWN_FIELDS, known_time
from runs.lookups import Field, parse_integer
from runs.models import SyncJob

JOB_FIELDS = {
    **OWN_FIELDS,
    "integration_name": Field("integration__name"),
    "label": Field("label"),
    "default_runtime_version": Field("default_runtime_version", parse_integer),
}


class EmbeddedJob(TypedDict):
    """The parent job within a run: the eight fields of the seed."""

    id: UUID
    integration_name: str
    args_schema: dict[str, Any]
    resources: list[Any]
    environment_id: UUID
    created_at: str
    updated_at: str
    label: str


class JobPayload(EmbeddedJob):
    default_runtime_version: int | None


class JobChanges(Schema):
    label: str | None = Constraint(None, max_length=200)
    args_schema: dict[str, Any] | None = None
    resources: list[Any] | None = None
    default_runtime_version: int | None = None


class NewJob(JobChanges):
    integration_name: str | None = None


def embedded_job(job: SyncJob) -> EmbeddedJob:
    return {
        "id": job.id,
        "integration_name": job.integration.name,
        "args_schema": job.args_schema,
        "resources": job.resources,
        "environment_id": job.environment_id,
        "created_at": known_time(job.created_at),
        "updated_at": known_time(job.updated_at),
        "label": job.label,
    }


def job_payload(job: SyncJob) -> JobPayload:
    return {**embedded_job(job), "default_runtime_version": job.default_runtime_version}
