"""Logins in the audit list: who came in, who tried, and who was locked out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.db.models import Q
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from dashboard.middleware import client_address
from runs.models import AuditEntry, User
from runs.services import note

MOST_A_MINUTE = 10
LONGEST_NAME = 255  # characters: more do not fit where attempts are counted


def attempted_name(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """Under which name an attempt to log in is counted: the one that was given, as far as anybody can have it."""
    given = (credentials or request.POST).get(User.USERNAME_FIELD) or ""
    return str(given)[:LONGEST_NAME]


@receiver(user_logged_in)
def note_login(sender: object, request: HttpRequest, user: User, **rest: Any) -> None:
    """A login without a request from outside is a program's own."""
    if request.method:
        note("person.login", user, actor=user.get_username())


@receiver(user_login_failed)
def note_failed_login(
    sender: object, credentials: dict[str, Any], request: HttpRequest | None = None, **rest: Any
) -> None:
    """Of a name that nobody has, the name is not kept: people type their password there."""
    if request is None or not request.method or getattr(request, "axes_locked_out", False):
        return
    if _is_new("person.login_failed", request):
        note("person.login_failed", _named(credentials.get("username")))


@receiver(user_locked_out)
def note_lockout(sender: object, request: HttpRequest, username: str, **rest: Any) -> None:
    if _is_new("person.lock_out", request, most=1):
        note("person.lock_out", _named(username))


def _named(username: str | None) -> User | None:
    return User.objects.filter(username=username).first() if username and "\0" not in username else None


def _is_new(action: str, request: HttpRequest, most: int = MOST_A_MINUTE) -> bool:
    """Whether the list has few such lines from this address in the last minute: nobody may fill it from outside."""
    lately = Q(created_at__gt=timezone.now() - timedelta(minutes=1), ip=client_address(request), action=action)
    return AuditEntry.objects.filter(lately).order_by()[:most].count() < most
