"""API tokens: made, shown once, revoked."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from runs.models import ApiToken, Environment


def issue_token(
    environment: Environment, *, name: str = "", actor: str = "", expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """A new token of the environment, and its secret, which can't be read again."""
    token = ApiToken(environment=environment, name=name, created_by=actor, expires_at=expires_at)
    secret = token.draw_secret()
    token.save()
    return token, secret


def revoke_token(token: ApiToken) -> None:
    """From now on the token opens nothing. Revoking it again changes nothing."""
    ApiToken.objects.filter(id=token.id, revoked_at=None).update(revoked_at=timezone.now(), updated_at=timezone.now())
