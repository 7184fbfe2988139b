"""The header `Idempotency-Key` of every POST: see `runs.services.idempotency` for what it promises."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI

from runs.api.auth import BearerToken
from runs.services.idempotency import Answer, Attempt, begin, release, remember

logger = logging.getLogger(__name__)

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"

View = Callable[..., HttpResponse]


def once_per_key(view: View, api: NinjaAPI) -> View:
    """The view, which does a POST with a key once and then answers as the first time.

    Only a success is remembered. A refusal has done nothing, so the key is free for a corrected request.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, **path: Any) -> HttpResponse:
        key = request.headers.get(HEADER)
        if request.method != "POST" or key is None:
            return view(request, **path)
        try:
            token = BearerToken()(request)
            if not token:
                return view(request, **path)  # which says so
            found = begin(token, key, _fingerprint(request))
        except Exception as error:  # noqa: BLE001 - the API's handlers tell it apart, as for what views raise
            return api.on_exception(request, error)
        return _replayed(found) if isinstance(found, Answer) else _done(found, view, request, path)

    return wrapped


def _done(attempt: Attempt, view: View, request: HttpRequest, path: dict[str, Any]) -> HttpResponse:
    done = False
    try:
        response = view(request, **path)
        done = 200 <= response.status_code < 300
    finally:
        if not done:
            release(attempt)
    if done:
        _try_to_remember(attempt, response)
    return response


def _try_to_remember(attempt: Attempt, response: HttpResponse) -> None:
    """What was done stays done: a client that were told otherwise would do it again at once."""
    try:
        remember(attempt, Answer(response.status_code, response.content.decode()))
    except DatabaseError:
        logger.exception("The answer of a request with an %s was not kept.", HEADER)


def _replayed(answer: Answer) -> HttpResponse:
    response = HttpResponse(answer.body, status=answer.status, content_type="application/json; charset=utf-8")
    response[REPLAYED] = "true"
    return response


def _fingerprint(request: HttpRequest) -> str:
    """What makes it the same request: method, address and body. Raises RequestDataTooBig."""
    parts = (str(request.method), request.get_full_path(), request.body)
    return hashlib.sha256(b"\0".join(part if isinstance(part, bytes) else part.encode() for part in parts)).hexdigest()
