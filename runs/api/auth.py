"""Tokens. A session of the dashboard never opens the API, so no request needs protection from forgery."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer

from runs.acting import name_actor
from runs.api.errors import ReadOnlyToken
from runs.api.rate_limit import count_request
from runs.log_ids import tell_ids
from runs.models import ApiToken, Environment, RunTrigger
from runs.services import Origin

NOTED_EVERY = timedelta(minutes=1)
READING = ("GET", "HEAD", "OPTIONS")


class TokenRequest(HttpRequest):
    """A request that a token has opened."""

    auth: ApiToken


class BearerToken(HttpBearer):
    """`Authorization: Bearer <token>`: the token's environment is all that the request may see."""

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        """The token's row, found and counted once however often one request is asked for it. None: it opens nothing.

        Raises ReadOnlyToken for one that may not do what the request asks.
        """
        if not hasattr(request, "opened_by"):
            request.opened_by = _opened_by(token.strip())  # type: ignore[attr-defined]
        found: ApiToken | None = request.opened_by  # type: ignore[attr-defined]
        if found is not None and found.is_read_only and request.method not in READING:
            raise ReadOnlyToken(f"This token may read only; a {request.method} needs one with the scope write.")
        return found


def environment_of(request: TokenRequest) -> Environment:
    return request.auth.environment


def actor_of(request: TokenRequest) -> str:
    return request.auth.name or request.auth.prefix


def origin_of(request: TokenRequest) -> Origin:
    return Origin(RunTrigger.API, actor_of(request))


def _opened_by(secret: str) -> ApiToken | None:
    """Raises TooManyRequests."""
    found = ApiToken.objects.for_secret(secret)
    if found is not None:
        name_actor(found.name or found.prefix)
        tell_ids(opened_by=found.id, environment_id=found.environment_id)  # the mask takes a token_id for a secret
        count_request(found.id)
        _note_use(found)
    return found


def _note_use(token: ApiToken) -> None:
    """At most one write a minute and token, however many requests come at once."""
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at < now - NOTED_EVERY:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - NOTED_EVERY)
        ApiToken.objects.filter(stale, id=token.id).update(last_used_at=now)
