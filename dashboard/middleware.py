"""What every request of a person brings with it."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from runs.acting import Actor, acting


class BodilessHeadMiddleware:
    """An answer to HEAD has the headers of the one to GET, and no body (RFC 9110, section 9.3.2).

    The server sends whatever it is given, and a body that nobody expects would be read as the next answer.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.method == "HEAD" and not response.streaming:
            response.headers.setdefault("Content-Length", str(len(response.content)))
            response.content = b""
        return response


class TimeZoneMiddleware:
    """Writes and reads times in the zone of whoever is logged in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(_zone(getattr(request.user, "time_zone", "UTC"))):
            return self.get_response(request)


class ActingMiddleware:
    """Says on whose behalf the request is answered; the API names the token once it has read it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        actor = Actor(request.user.get_username(), request.META.get("REMOTE_ADDR") or None)
        with acting(actor):
            return self.get_response(request)


def _zone(name: str) -> ZoneInfo:
    """The named zone; UTC for a name that this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
