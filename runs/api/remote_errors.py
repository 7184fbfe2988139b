"""What went wrong at a source, in the contract's form: `truto_is_remote_error` and `raw_response`.

A refusal (4xx) keeps its status; whatever is the source's own failure is one of 502, 503 and 504, because the request
to us was all right. What we did not even send is a 400.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI

from runs.api.errors import error_response
from runs.connectors import RateLimited, RequestFailed, UnknownMethod
from runs.depth import nests_deeper
from runs.engine.record_form import cleaned
from runs.errors import RemoteError

TIMEOUT = "timeout"
NOT_SENT = ("missing_value", "missing_credential", "unsafe_path", "bad_header", "mapping_failed", "address_refused")
_KNOWN = {status.value for status in HTTPStatus}


def add_remote_error_handlers(api: NinjaAPI) -> None:
    """Translate what the connectors raise while a caller waits."""
    for kind, handler in _HANDLERS.items():
        api.add_exception_handler(kind, handler)


def _unknown_method(request: HttpRequest, error: UnknownMethod) -> HttpResponse:
    return error_response(404, str(error))


def _rate_limited(request: HttpRequest, error: RateLimited) -> HttpResponse:
    """Waiting is left to the client, who is told for how long."""
    response = error_response(
        429, str(error), more={"truto_is_remote_error": True, "raw_response": _raw(error.excerpt)}
    )
    response["Retry-After"] = str(math.ceil(error.seconds))
    return response


def _request_failed(request: HttpRequest, error: RequestFailed) -> HttpResponse:
    if error.code in NOT_SENT:
        return error_response(400, error.message)
    told = {"truto_is_remote_error": True, "raw_response": _raw(error.excerpt)}
    return error_response(_status(error), error.message, more=told)


def _remote_error(request: HttpRequest, error: RemoteError) -> HttpResponse:
    """A receiver that does not take an event: the request to us named it, so it is a 400. Marked if it has answered."""
    if error.status_code is None:
        return error_response(400, str(error))
    return error_response(
        400, str(error), more={"truto_is_remote_error": True, "raw_response": _raw(error.raw_response)}
    )


def _status(error: RequestFailed) -> int:
    told = error.status_code
    if told is None:
        return 504 if error.code == TIMEOUT else 502
    if 400 <= told < 500:
        return told if told in _KNOWN else 400
    return told if told in (503, 504) else 502


def _raw(excerpt: str) -> Any:
    """What the source said: its JSON, or its text, or null."""
    try:
        said = json.loads(excerpt)
    except (ValueError, RecursionError):
        return excerpt or None
    return excerpt if nests_deeper(said) else cleaned(said)


_HANDLERS: dict[type[Exception], Callable[[HttpRequest, Any], HttpResponse]] = {
    UnknownMethod: _unknown_method,
    RateLimited: _rate_limited,
    RequestFailed: _request_failed,
    RemoteError: _remote_error,
}
