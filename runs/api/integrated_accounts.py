"""`/integrated-account`: the customers' connections. Credentials go in and never come out."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from ninja import Router

from runs.api.auth import TokenRequest, actor_of, environment_of
from runs.api.listing import find, list_parameters, page_of
from runs.api.naming import with_integration
from runs.api.payloads.common import Deleted, ListOf, given
from runs.api.payloads.integrations import (
    ACCOUNT_FIELDS,
    AccountChanges,
    AccountPayload,
    ConnectionPayload,
    NewAccount,
    account_payload,
    connection_payload,
)
from runs.models import IntegratedAccount
from runs.services import check_connection, delete_account, save_account

router = Router()


def accounts_of(request: TokenRequest) -> QuerySet[IntegratedAccount]:
    return environment_of(request).accounts.live().select_related("integration")


@router.get("", response=ListOf[AccountPayload], openapi_extra=list_parameters(ACCOUNT_FIELDS))
def list_accounts(request: TokenRequest) -> ListOf[AccountPayload]:
    accounts = accounts_of(request).defer("context", "integration__config")
    return page_of(accounts, request.GET, ACCOUNT_FIELDS, account_payload)


@router.post("", response={201: AccountPayload})
def create_account(request: TokenRequest, body: NewAccount) -> AccountPayload:
    environment = environment_of(request)
    return account_payload(save_account(environment, with_integration(given(body), environment)))


@router.get("/{account_id}", response=AccountPayload)
def get_account(request: TokenRequest, account_id: UUID) -> AccountPayload:
    return account_payload(find(accounts_of(request), account_id))


@router.patch("/{account_id}", response=AccountPayload)
def change_account(request: TokenRequest, account_id: UUID, body: AccountChanges) -> AccountPayload:
    """A given context is merged into the stored one."""
    account = find(accounts_of(request), account_id)
    return account_payload(save_account(account.environment, given(body), account))


@router.delete("/{account_id}", response=Deleted)
def remove_account(request: TokenRequest, account_id: UUID) -> Deleted:
    """Stops its runs, erases its credentials and its stored records; its runs stay as history."""
    account = find(accounts_of(request), account_id)
    delete_account(account, actor=actor_of(request))
    return {"id": account.id}


@router.post("/{account_id}/test", response=ConnectionPayload)
def test_account(request: TokenRequest, account_id: UUID) -> ConnectionPayload:
    """One real request with the account's credentials, within ten seconds, of which nothing is stored.

    The answer is a 200 whether the connection works or not; `error.advice` says what to do.
    """
    return connection_payload(check_connection(find(accounts_of(request), account_id)))
