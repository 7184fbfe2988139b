"""API tokens: made, shown once, revoked."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from runs.errors import Failure
from runs.models import ApiToken, Environment, Scope
from runs.services.audit import note
from runs.services.saving import assign, raise_if


@transaction.atomic
def issue_token(
    environment: Environment,
    *,
    name: str = "",
    actor: str = "",
    expires_at: datetime | None = None,
    scopes: Collection[str] = tuple(Scope),
) -> tuple[ApiToken, str]:
    """A new token of the environment, and its secret, which can't be read again. Raises InvalidInput."""
    token = ApiToken(environment=environment, created_by=actor, expires_at=expires_at)
    assign(token, {"name": name}, ("name",))
    raise_if([*_expiry_failures(expires_at), *_scope_failures(scopes)])
    token.scopes = [scope.value for scope in Scope if scope in scopes]
    secret = token.draw_secret()
    token.save(force_insert=True)
    until = expires_at and expires_at.isoformat()
    note("token.issue", token, actor=actor, scopes=token.scopes, expires_at=until)
    return token, secret


@transaction.atomic
def revoke_token(token: ApiToken) -> bool:
    """From now on the token opens nothing. False: it had been revoked already, and nothing has changed."""
    now = timezone.now()
    revoked = ApiToken.objects.filter(id=token.id, revoked_at=None).update(revoked_at=now, updated_at=now)
    if revoked:
        note("token.revoke", token)
    return bool(revoked)


def _expiry_failures(expires_at: datetime | None) -> list[Failure]:
    past = expires_at is not None and expires_at <= timezone.now()
    return [Failure("expires_at", "must be in the future.")] if past else []


def _scope_failures(scopes: Collection[str]) -> list[Failure]:
    """A token that may not even read would open nothing."""
    known = set(scopes) <= set(Scope.values) and Scope.READ in scopes
    return [] if known else [Failure("scopes", "must be read, or read and write.")]
