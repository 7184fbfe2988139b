"""Unified mappings on the wire."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ninja import Schema
from typing_extensions import TypedDict

from runs.api.payloads.common import OWN_FIELDS, known_time
from runs.lookups import Field, parse_uuid
from runs.models import UnifiedMapping

MAPPING_FIELDS = {
    **OWN_FIELDS,
    "model": Field("model"),
    "resource": Field("resource"),
    "method": Field("method"),
    "integration": Field("integration__name"),
    "integration_name": Field("integration__name"),
    "integration_id": Field("integration_id", parse_uuid),
}


class MappingPayload(TypedDict):
    id: UUID
    model: str
    resource: str
    integration: str
    integration_id: UUID
    method: str
    config: dict[str, Any]
    override: dict[str, Any]
    environment_id: UUID
    created_at: str
    updated_at: str


class MappingChanges(Schema):
    """`override` is laid over `config`: objects are merged, everything else is replaced whole."""

    model: str | None = None
    resource: str | None = None
    method: str | None = None
    config: dict[str, Any] | None = None
    override: dict[str, Any] | None = None


class NewMapping(MappingChanges):
    """`integration` is the name or the id of one; `integration_name` is taken as well."""

    integration: str | None = None
    integration_name: str | None = None


def mapping_payload(mapping: UnifiedMapping) -> MappingPayload:
    return {
        "id": mapping.id,
        "model": mapping.model,
        "resource": mapping.resource,
        "integration": mapping.integration.name,
        "integration_id": mapping.integration_id,
        "method": mapping.method,
        "config": mapping.config,
        "override": mapping.override,
        "environment_id": mapping.environment_id,
        "created_at": known_time(mapping.created_at),
        "updated_at": known_time(mapping.updated_at),
    }
