"""`/unified-mapping`: how integrations look in the Unified API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from ninja import Router

from runs.api.auth import TokenRequest, environment_of
from runs.api.listing import find, list_parameters, page_of
from runs.api.naming import with_integration
from runs.api.payloads.common import Deleted, ListOf, given
from runs.api.payloads.unified_mappings import (
    MAPPING_FIELDS,
    MappingChanges,
    MappingPayload,
    NewMapping,
    mapping_payload,
)
from runs.models import UnifiedMapping
from runs.services import delete_mapping, save_mapping

router = Router()


def mappings_of(request: TokenRequest) -> QuerySet[UnifiedMapping]:
    mappings = UnifiedMapping.objects.filter(environment=environment_of(request), integration__deleted_at=None)
    return mappings.select_related("integration").defer("integration__config")


@router.get("", response=ListOf[MappingPayload], openapi_extra=list_parameters(MAPPING_FIELDS))
def list_mappings(request: TokenRequest) -> ListOf[MappingPayload]:
    return page_of(mappings_of(request), request.GET, MAPPING_FIELDS, mapping_payload)


@router.post("", response={201: MappingPayload})
def create_mapping(request: TokenRequest, body: NewMapping) -> MappingPayload:
    """Refused with 400 where the JSONata can't be read, or the integration does not describe what is to be called."""
    environment = environment_of(request)
    values: dict[str, Any] = given(body)
    named = with_integration(values, environment, "integration" if "integration" in values else "integration_name")
    return mapping_payload(save_mapping(environment, named))


@router.get("/{mapping_id}", response=MappingPayload)
def get_mapping(request: TokenRequest, mapping_id: UUID) -> MappingPayload:
    return mapping_payload(find(mappings_of(request), mapping_id))


@router.patch("/{mapping_id}", response=MappingPayload)
def change_mapping(request: TokenRequest, mapping_id: UUID, body: MappingChanges) -> MappingPayload:
    """The next run with a changed mapping is a full sync: all records go through it again."""
    mapping = find(mappings_of(request), mapping_id)
    return mapping_payload(save_mapping(mapping.environment, given(body), mapping))


@router.delete("/{mapping_id}", response=Deleted)
def remove_mapping(request: TokenRequest, mapping_id: UUID) -> Deleted:
    mapping = find(mappings_of(request), mapping_id)
    delete_mapping(mapping)
    return {"id": mapping.id}
