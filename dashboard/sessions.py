"""How long a login holds: as long as it is used, and not for ever (ASVS 5.0, 7.3.1 and 7.3.2)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import time

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.base import SessionBase
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

SINCE = "since"  # seconds since the epoch: when the person logged in
SEEN = "seen"  # the same: when the session was written last
WRITTEN = 24  # times within the hours that it may lie idle: a page that polls does not write it at every poll


@receiver(user_logged_in)
def begin(sender: object, request: HttpRequest, **rest: object) -> None:
    request.session[SINCE] = request.session[SEEN] = time()


def ends_at(session: SessionBase) -> datetime:
    """When the person has to log in again, however much they do."""
    since = datetime.fromtimestamp(session.get(SINCE, time()), UTC)
    return since + timedelta(days=settings.SESSION_DAYS)


class SessionAgeMiddleware:
    """Ends a login that is too old, and prolongs one that is used."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            _end_or_prolong(request)
        return self.get_response(request)


def _end_or_prolong(request: HttpRequest) -> None:
    session, now = request.session, time()
    if now - session.setdefault(SINCE, now) > settings.SESSION_DAYS * 86_400:
        logout(request)
    elif now - session.get(SEEN, 0) > settings.SESSION_COOKIE_AGE / WRITTEN:
        session[SEEN] = now
