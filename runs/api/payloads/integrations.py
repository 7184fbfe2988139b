"""Integrations and integrated accounts on the wire."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from ninja import Schema
from pydantic import Field as Constraint
from typing_extensions import TypedDict

from runs.api.payloads.common import OWN_FIELDS, known_time, one_of
from runs.lookups import Field, parse_choice
from runs.models import AccountStatus, IntegratedAccount, Integration
from runs.services import ConnectionTest, advice

INTEGRATION_FIELDS = {
    **OWN_FIELDS,
    "name": Field("name"),
    "label": Field("label"),
    "category": Field("category"),
}
ACCOUNT_FIELDS = {
    **OWN_FIELDS,
    "tenant_id": Field("tenant_id"),
    "status": Field("status", parse_choice(AccountStatus.values)),
    "integration_name": Field("integration__name"),
    "integration.name": Field("integration__name"),
}


AccountState = Annotated[str, one_of(AccountStatus.values)]


class IntegrationPayload(TypedDict):
    id: UUID
    name: str
    label: str
    category: str
    config: dict[str, Any]
    environment_id: UUID
    created_at: str
    updated_at: str


class IntegrationName(TypedDict):
    id: UUID
    name: str


class AccountPayload(TypedDict):
    """Without the context: credentials are never answered."""

    id: UUID
    tenant_id: str
    integration_name: str
    integration: IntegrationName
    status: AccountState
    unified_model_override: dict[str, Any]
    environment_id: UUID
    created_at: str
    updated_at: str


class ConnectionFault(TypedDict):
    code: str
    message: str
    advice: str


class ConnectionPayload(TypedDict):
    """What came of one request to the source; `error` is null if all is well."""

    works: bool
    asked: str | None
    status_code: int | None
    records: int | None
    milliseconds: int
    error: ConnectionFault | None


class IntegrationChanges(Schema):
    name: str | None = Constraint(None, max_length=100)
    label: str | None = Constraint(None, max_length=200)
    category: str | None = Constraint(None, max_length=100)
    config: dict[str, Any] | None = None


class AccountChanges(Schema):
    tenant_id: str | None = Constraint(None, max_length=200)
    status: AccountState | None = None
    context: dict[str, Any] | None = None
    unified_model_override: dict[str, Any] | None = None


class NewAccount(AccountChanges):
    integration_name: str | None = None


def integration_payload(integration: Integration) -> IntegrationPayload:
    return {
        "id": integration.id,
        "name": integration.name,
        "label": integration.label,
        "category": integration.category,
        "config": integration.config,
        "environment_id": integration.environment_id,
        "created_at": known_time(integration.created_at),
        "updated_at": known_time(integration.updated_at),
    }


def account_payload(account: IntegratedAccount) -> AccountPayload:
    return {
        "id": account.id,
        "tenant_id": account.tenant_id,
        "integration_name": account.integration.name,
        "integration": {"id": account.integration.id, "name": account.integration.name},
        "status": account.status,
        "unified_model_override": account.unified_model_override,
        "environment_id": account.environment_id,
        "created_at": known_time(account.created_at),
        "updated_at": known_time(account.updated_at),
    }


def connection_payload(found: ConnectionTest) -> ConnectionPayload:
    fault: ConnectionFault = {"code": found.code, "message": found.error, "advice": advice(found)}
    return {
        "works": found.is_well,
        "asked": found.asked or None,
        "status_code": found.status_code,
        "records": found.records,
        "milliseconds": found.milliseconds,
        "error": None if found.is_well else fault,
    }
