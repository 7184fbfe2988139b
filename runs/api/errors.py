"""Every refusal in one form: `{"statusCode", "error", "message", "details"}`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from runs.api.rate_limit import TooManyRequests
from runs.database import RETRY_AFTER, is_busy, is_outage
from runs.errors import Failure, InvalidInput, LiveRunExists, MissingKey, NotAllowed
from runs.keyset import BadCursor
from runs.services.idempotency import StillRunning

logger = logging.getLogger(__name__)

PLAIN_MESSAGES = {
    400: "The request is not valid.",
    401: "A valid token is required: Authorization: Bearer <token>.",
    403: "This is not allowed.",
    404: "There is nothing here.",
    405: "This method is not allowed here.",
    413: "The body is too large.",
    500: "Something went wrong on our side.",
    503: "The database can't be reached. Try again in a moment.",
}

BUSY_MESSAGE = "The database is busy: somebody else may be changing the same. Try again in a moment."

# In place of what pydantic says of these faults, which speaks of Python.
_MESSAGES = {
    "missing": "is required.",
    "uuid_type": "must be a UUID.",
    "uuid_parsing": "must be a UUID.",
    "dict_type": "must be an object.",
    "list_type": "must be a list.",
}


class ReadOnlyToken(Exception):
    """The token may read only."""


class UnsupportedMediaType(Exception):
    """The body is something else than JSON."""


def error_response(
    status: int, message: str = "", details: dict[str, Any] | None = None, *, more: dict[str, Any] | None = None
) -> JsonResponse:
    """The contract's error object; without a message, the plain one of the status. `more`: fields beside these."""
    body: dict[str, Any] = {
        "statusCode": status,
        "error": HTTPStatus(status).phrase,
        "message": message or PLAIN_MESSAGES.get(status, HTTPStatus(status).phrase),
    }
    if details is not None:
        body["details"] = details
    return JsonResponse({**body, **(more or {})}, status=status)


def add_error_handlers(api: NinjaAPI) -> None:
    """Translate what the domain, Django and the API's own parsing raise."""
    for kind, handler in _HANDLERS.items():
        api.add_exception_handler(kind, handler)


def _invalid_input(request: HttpRequest, error: InvalidInput) -> HttpResponse:
    failures = [asdict(failure) for failure in error.failures]
    return error_response(400, str(error), {"failures": failures})


def _validation_error(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """What pydantic found. An id in the path that is none names nothing: that is a 404."""
    if any(fault["loc"][0] == "path" for fault in error.errors):
        return error_response(404)
    return _invalid_input(request, InvalidInput([_failure(fault) for fault in error.errors]))


def _failure(fault: dict[str, Any]) -> Failure:
    """Without where pydantic found it: "body" and the name of our parameter mean nothing to a client."""
    path = ".".join(str(part) for part in fault["loc"][2:])
    if not path:
        return Failure("body", "a JSON object is required")
    return Failure(path, _MESSAGES.get(fault["type"]) or fault["msg"][:1].lower() + fault["msg"][1:])


def _live_run_exists(request: HttpRequest, error: LiveRunExists) -> HttpResponse:
    return error_response(409, str(error), {"live_run_id": str(error.live_run_id)})


def _still_running(request: HttpRequest, error: StillRunning) -> HttpResponse:
    response = error_response(409, str(error))
    response["Retry-After"] = "1"
    return response


def _not_allowed(request: HttpRequest, error: NotAllowed) -> HttpResponse:
    return error_response(409, str(error))


def _bad_cursor(request: HttpRequest, error: BadCursor) -> HttpResponse:
    return _invalid_input(
        request,
        InvalidInput([Failure("next_cursor", "is not a cursor that was given out for this list in this order")]),
    )


def _too_many_requests(request: HttpRequest, error: TooManyRequests) -> HttpResponse:
    response = error_response(429, str(error))
    response["Retry-After"] = str(error.wait)
    return response


def _unauthorized(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    response = error_response(401)
    response["WWW-Authenticate"] = "Bearer"
    return response


def _read_only_token(request: HttpRequest, error: ReadOnlyToken) -> HttpResponse:
    return error_response(403, str(error))


def _unreadable_body(request: HttpRequest, error: HttpError) -> HttpResponse:
    """The framework hides what its body parser raised behind a 400; what was meant is the cause."""
    match error.__cause__:
        case UnsupportedMediaType() as cause:
            return error_response(415, str(cause))
        case InvalidInput() as cause:
            return _invalid_input(request, cause)
    return error_response(error.status_code, str(error))


def _not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    return error_response(404, str(error))


def _too_big(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    return error_response(413)


def _suspicious(request: HttpRequest, error: SuspiciousOperation) -> HttpResponse:
    return error_response(400)


def _missing_key(request: HttpRequest, error: MissingKey) -> HttpResponse:
    logger.error("%s", error)
    return error_response(503, str(error))


def _unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
    """Nothing of it is told to the client: it may hold anything."""
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    if not is_outage(error):
        return error_response(500)
    response = error_response(503, BUSY_MESSAGE if is_busy(error) else "")
    response["Retry-After"] = str(RETRY_AFTER)
    return response


_HANDLERS: dict[type[Exception], Callable[[HttpRequest, Any], HttpResponse]] = {
    InvalidInput: _invalid_input,
    ValidationError: _validation_error,
    LiveRunExists: _live_run_exists,
    StillRunning: _still_running,
    NotAllowed: _not_allowed,
    TooManyRequests: _too_many_requests,
    BadCursor: _bad_cursor,
    AuthenticationError: _unauthorized,
    ReadOnlyToken: _read_only_token,
    HttpError: _unreadable_body,
    Http404: _not_found,
    RequestDataTooBig: _too_big,
    SuspiciousOperation: _suspicious,
    MissingKey: _missing_key,
    Exception: _unexpected,
}
