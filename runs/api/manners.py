"""What HTTP and its clients expect of every path, whatever its view does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from runs.api.errors import error_response

View = Callable[..., HttpResponse]


def with_head(view: View) -> View:
    """The view, which answers HEAD as it does GET; the body is left out later (RFC 9110, section 9.3.2)."""

    @wraps(view)
    def wrapped(request: HttpRequest, **path: Any) -> HttpResponse:
        if request.method != "HEAD":
            return view(request, **path)
        request.method = "GET"
        try:
            return view(request, **path)
        finally:
            request.method = "HEAD"

    return wrapped


def with_json_405(view: View) -> View:
    """The framework answers a wrong method in plain text, past all handlers; here it gets the contract's form."""

    @wraps(view)
    def wrapped(request: HttpRequest, **path: Any) -> HttpResponse:
        response = view(request, **path)
        if response.status_code != 405 or "Allow" not in response:  # without it, the refusal is a source's
            return response
        answer = error_response(405)
        allowed = set(response["Allow"].split(", "))
        answer["Allow"] = ", ".join(sorted(allowed | {"HEAD"} if "GET" in allowed else allowed))
        return answer

    return wrapped


def with_trailing_slashes(patterns: Iterable[URLPattern]) -> list[URLPattern]:
    """The patterns, each also with a slash at its end, which some clients write. A redirect would lose a body."""
    listed = list(patterns)
    return listed + [path(f"{pattern.pattern}/", pattern.callback) for pattern in listed if str(pattern.pattern)]
