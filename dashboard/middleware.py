"""What every request of a person brings with it."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.locale import LocaleMiddleware
from django.utils import timezone, translation

from runs.acting import Actor, acting
from runs.log_ids import tell_ids


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


class LanguageMiddleware(LocaleMiddleware):
    """Answers people in the language that they have chosen, or that their browser asks for, where there is a catalogue.

    Programs are answered in English, whatever their HTTP library asks for: who reads their logs is not known.
    """

    def process_request(self, request: HttpRequest) -> None:
        if "Authorization" in request.headers:
            request.LANGUAGE_CODE = settings.LANGUAGE_CODE
            return translation.activate(settings.LANGUAGE_CODE)
        return super().process_request(request)


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
        actor = Actor(request.user.get_username(), client_address(request))
        tell_ids(user_id=request.user.pk)
        with acting(actor):
            return self.get_response(request)


def client_address(request: HttpRequest) -> str | None:
    """Where the request came from, as far as that can be known; None if it can't.

    Behind a proxy that is the last address in X-Forwarded-For, which the proxy itself has written: what stands before
    it was sent by the client, who may write anything there.
    """
    told = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_PROXY:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
        return _address(forwarded.rpartition(",")[2]) or _address(told)
    return _address(told)


def _address(text: str) -> str | None:
    """The address without port and zone, which the database does not take; None for what is none."""
    text = text.strip().partition("%")[0]
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def _zone(name: str) -> ZoneInfo:
    """The named zone; UTC for a name that this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
