"""`/proxy` and `/unified`: one page of an account's API, fetched now and not stored."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict
from ninja import Router

from runs.api.auth import TokenRequest
from runs.api.integrated_accounts import accounts_of
from runs.api.listing import find
from runs.api.payloads.pass_through import PagePayload, page_payload, record_of
from runs.errors import Failure, InvalidInput
from runs.lookups import parse_uuid
from runs.models import IntegratedAccount
from runs.services import Asked, pass_through

proxy = Router()
unified = Router()

OURS = ("integrated_account_id", "next_cursor")
PARAMETERS: dict[str, Any] = {
    "parameters": [
        {
            "in": "query",
            "name": "integrated_account_id",
            "required": True,
            "schema": {"type": "string", "format": "uuid"},
            "description": "Whose API. All other parameters go to it: `a=1&a=2`, `a[]=1` and `a[b]=1` too.",
        }
    ],
    "responses": {
        "502": {"description": "The source failed, or answered what can't be read."},
        "503": {"description": "The source says that it is not available."},
        "504": {"description": "The source did not answer in time."},
    },
}
PAGING = {
    "in": "query",
    "name": "next_cursor",
    "required": False,
    "schema": {"type": "string"},
    "description": "Where to go on: the `next_cursor` of the page before. It remembers the other parameters.",
}
LIST_PARAMETERS = {**PARAMETERS, "parameters": [*PARAMETERS["parameters"], PAGING]}


@proxy.get("/{resource}", response=PagePayload, openapi_extra=LIST_PARAMETERS)
def list_raw(request: TokenRequest, resource: str) -> PagePayload:
    """One page of the resource's method `list`, the records as the source sends them."""
    return _page(request, resource)


@proxy.get("/{resource}/{path:record_id}", response=Any, openapi_extra=PARAMETERS)
def get_raw(request: TokenRequest, resource: str, record_id: str) -> Any:
    """One record, by the resource's method `get`."""
    return _record(request, resource, record_id)


@unified.get("/{model}/{resource}", response=PagePayload, openapi_extra=LIST_PARAMETERS)
def list_unified(request: TokenRequest, model: str, resource: str) -> PagePayload:
    """One page of unified records, each with the raw one as `remote_data`.

    Records that the mapping fails on are told in `errors`, and the others are in `result`.
    """
    return _page(request, f"{model}/{resource}")


@unified.get("/{model}/{resource}/{path:record_id}", response=Any, openapi_extra=PARAMETERS)
def get_unified(request: TokenRequest, model: str, resource: str, record_id: str) -> Any:
    """One unified record. Where the mapping fails on it, that is a 400: the mapping is yours to change."""
    return _record(request, f"{model}/{resource}", record_id)


def _page(request: TokenRequest, resource: str) -> PagePayload:
    account = _account(request)
    cursor = request.GET.get("next_cursor") or None
    return page_payload(pass_through(Asked(account, resource, "list", _params(request.GET), cursor=cursor)))


def _record(request: TokenRequest, resource: str, record_id: str) -> Any:
    return record_of(pass_through(Asked(_account(request), resource, "get", _params(request.GET), id=record_id)))


def _account(request: TokenRequest) -> IntegratedAccount:
    text = request.GET.get("integrated_account_id")
    if not text:
        raise InvalidInput([Failure("integrated_account_id", "is required")])
    try:
        return find(accounts_of(request), parse_uuid(text))
    except ValueError as error:
        raise InvalidInput([Failure("integrated_account_id", str(error))]) from error


def _params(query: QueryDict) -> dict[str, list[str]]:
    return {name: values for name, values in query.lists() if name not in OURS}
