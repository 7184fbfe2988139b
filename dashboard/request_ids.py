"""The ids in the log lines of a web request: its own, and that of the person or token that it is answered for.

Bound from the first signal of a request to its last, and not in a middleware: Django itself logs refusals when all
middleware has been left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.signals import request_finished, request_started
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from structlog.contextvars import clear_contextvars, get_contextvars

from runs.log_ids import tell_ids

HEADER = "X-Request-ID"
_SOUND = re.compile(r"[A-Za-z0-9_.:-]{1,100}", re.ASCII)


@receiver(request_started, dispatch_uid="request_ids")
def begin(environ: Mapping[str, Any] | None = None, **_: Any) -> None:
    clear_contextvars()
    tell_ids(request_id=_given(environ or {}) or uuid4())


@receiver(request_finished, dispatch_uid="request_ids")
def end(**_: Any) -> None:
    clear_contextvars()


class RequestIdMiddleware:
    """Tells the client the id, by which the request's lines are found."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request_id := get_contextvars().get("request_id"):
            response.headers.setdefault(HEADER, request_id)
        return response


def _given(environ: Mapping[str, Any]) -> str | None:
    """What the proxy in front calls the request; of anybody else no id is taken."""
    told = str(environ.get("HTTP_X_REQUEST_ID", ""))
    return told if settings.BEHIND_PROXY and _SOUND.fullmatch(told) else None
