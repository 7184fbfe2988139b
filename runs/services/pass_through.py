"""One page of an account's API, fetched for a caller who waits for it: nothing is stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cryptography.fernet import InvalidToken
from django.conf import settings

from runs.connectors import (
    ApiSpec,
    AuthenticationFailed,
    Bounds,
    FetchedPage,
    MethodSpec,
    RequestFailed,
    RequestValues,
    SpecError,
    masking,
)
from runs.depth import nests_deeper
from runs.engine.account_client import client_of
from runs.engine.caps import bounds as bounds_of
from runs.engine.record_form import cleaned
from runs.errors import Failure, InvalidInput
from runs.keyset import BadCursor
from runs.lookups import parse_limit
from runs.models import IntegratedAccount
from runs.models.fields import cipher
from runs.services.deadlines import Deadline
from runs.services.query_strings import Params, as_sent, nested
from runs.services.run_request import spec_of

EXCERPT = 16_000
SECONDS = 25.0
BOUNDS = {"tries": 2, "backoff": 0.2, "retry_window": 5.0, "longest_wait": 0.0, "page_seconds": 20.0}


@dataclass(frozen=True)
class Asked:
    """What a caller wants of the account's API: a method of a resource, with query parameters and perhaps an id."""

    account: IntegratedAccount
    resource: str
    method: str
    params: Params
    id: str | None = None
    cursor: str | None = None


@dataclass(frozen=True)
class PassedThrough:
    """A page, and the cursor under which the caller gets the next one. `limit`: how many records were asked for."""

    page: FetchedPage
    next_cursor: str | None
    limit: int | None


def pass_through(asked: Asked, bounds: Bounds | None = None) -> PassedThrough:
    """Fetch one page, within the bounds of a web request: a limit of the source's rate is told, not waited for.

    Empty pages that have a next one are passed over: a caller takes an empty page for the end.

    Raises UnknownMethod, InvalidInput, BadCursor, and what the connector raises for the source. A 401 of the source
    makes the account `needs_reauth`.
    """
    spec = _spec(asked.account)
    place = _opened(asked) if asked.cursor else _Place({}, None)
    params = {**place.params, **asked.params}
    method, query = _with_limit(_method(spec, asked), params)
    deadline, bounds = Deadline(SECONDS, "The page"), bounds or bounds_of(**BOUNDS)
    request = RequestValues(id=asked.id, query=query)
    try:
        with masking(), client_of(asked.account, spec, wait=deadline, bounds=bounds, excerpt=EXCERPT) as client:
            page = client.fetch(method, request, place.at)
            while page.next_cursor is not None and not page.fetched:
                deadline(0)
                page = client.fetch(method, request, page.next_cursor)
    except AuthenticationFailed:
        asked.account.note_refused_login()
        raise
    page = _readable(page)
    following = None if page.next_cursor is None else _sealed(asked, _Place(params, page.next_cursor))
    return PassedThrough(page, following, method.page_size)


def _spec(account: IntegratedAccount) -> ApiSpec:
    integration = account.integration
    if integration.deleted_at is not None:
        message = f"is of the integration {integration.name}, which has been deleted."
        raise InvalidInput([Failure("integrated_account_id", message)])
    return spec_of(integration, "integrated_account_id", account=account)


def _method(spec: ApiSpec, asked: Asked) -> MethodSpec:
    try:
        return spec.method(asked.resource, asked.method)
    except SpecError as error:
        message = f"The mapping of {asked.resource} {asked.method} is not valid: {error}"
        raise InvalidInput([Failure("resource", message)]) from error


def _with_limit(method: MethodSpec, params: Params) -> tuple[MethodSpec, Mapping[str, Any]]:
    """The method with the caller's `limit` as the size of its pages, and the query.

    Only a query mapping reads objects and lists; to a source the parameters go as they came.
    """
    is_mapped = method.mapping is not None and method.mapping.query_mapping is not None
    given = params.get("limit", [""])[-1]
    if method.page_size is not None:
        if given:
            method = method.with_page_size(parse_limit(given))
        if not is_mapped:
            params = {name: values for name, values in params.items() if name != "limit"}
    return method, nested(params) if is_mapped else as_sent(params)


def _readable(page: FetchedPage) -> FetchedPage:
    """The page as any client can read it: no NaN, no lone surrogates. Raises RequestFailed if it nests too deeply."""
    records = [*page.records, *(record.record for record in page.unmapped)]
    if page.too_deep or nests_deeper(records, settings.RECORD_DEPTH + 1):  # the list itself is a level
        raise RequestFailed("too_deep", "The source's answer is nested too deeply.", status_code=page.status_code)
    unmapped = [replace(record, record=cleaned(record.record)) for record in page.unmapped]
    return replace(page, records=cleaned(page.records), unmapped=unmapped)


@dataclass(frozen=True)
class _Place:
    """Where a list goes on: the connector's cursor, and the parameters that the list was asked for with."""

    params: Params
    at: dict[str, Any] | None


def _owner(asked: Asked) -> list[str]:
    return [str(asked.account.id), asked.resource, asked.method]


def _sealed(asked: Asked, place: _Place) -> str:
    """The cursor for the caller, encrypted: a source's next link may carry a credential."""
    plain = json.dumps([_owner(asked), dict(place.params), place.at])
    return cipher().encrypt(plain.encode()).decode()


def _opened(asked: Asked) -> _Place:
    """Raises BadCursor for one that was given out for something else, or not by us."""
    try:
        owner, params, at = json.loads(cipher().decrypt((asked.cursor or "").encode()))
    except (InvalidToken, ValueError) as error:
        raise BadCursor("The cursor is not valid.") from error
    if owner != _owner(asked):
        raise BadCursor("The cursor is of another account, resource or method.")
    return _Place(params, at)
