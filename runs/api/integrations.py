"""`/integration`: descriptions of HTTP APIs."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from ninja import Router

from runs.api.auth import TokenRequest, environment_of
from runs.api.listing import find, list_parameters, page_of
from runs.api.payloads.common import Deleted, ListOf, given
from runs.api.payloads.integrations import (
    INTEGRATION_FIELDS,
    IntegrationChanges,
    IntegrationPayload,
    integration_payload,
)
from runs.models import Integration
from runs.services import delete_integration, save_integration

router = Router()


def integrations_of(request: TokenRequest) -> QuerySet[Integration]:
    return Integration.objects.live().filter(environment=environment_of(request))


@router.get("", response=ListOf[IntegrationPayload], openapi_extra=list_parameters(INTEGRATION_FIELDS))
def list_integrations(request: TokenRequest) -> ListOf[IntegrationPayload]:
    return page_of(integrations_of(request), request.GET, INTEGRATION_FIELDS, integration_payload)


@router.post("", response={201: IntegrationPayload})
def create_integration(request: TokenRequest, body: IntegrationChanges) -> IntegrationPayload:
    return integration_payload(save_integration(environment_of(request), given(body)))


@router.get("/{integration_id}", response=IntegrationPayload)
def get_integration(request: TokenRequest, integration_id: UUID) -> IntegrationPayload:
    return integration_payload(find(integrations_of(request), integration_id))


@router.patch("/{integration_id}", response=IntegrationPayload)
def change_integration(request: TokenRequest, integration_id: UUID, body: IntegrationChanges) -> IntegrationPayload:
    integration = find(integrations_of(request), integration_id)
    return integration_payload(save_integration(integration.environment, given(body), integration))


@router.delete("/{integration_id}", response=Deleted)
def remove_integration(request: TokenRequest, integration_id: UUID) -> Deleted:
    integration = find(integrations_of(request), integration_id)
    delete_integration(integration)
    return {"id": integration.id}
