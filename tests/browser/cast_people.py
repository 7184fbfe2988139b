"""The people and the tokens of an installation, in every state that the settings show."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from runs.models import ApiToken, Environment, Role, Scope, User
from runs.services import issue_token, revoke_token
from tests import factories

LONG = "unbroken" * 18


def people() -> dict[str, User]:
    """One of each role, and those who do not get in; in three environments, one of which has a long name."""
    staging, long = factories.environment("Staging"), factories.environment("Environment" * 9)
    home = factories.environment()
    made = {
        "admin": factories.user("anna", role=Role.ADMIN, first_name="Anna", last_name="Amsel", email="a@example.org"),
        "operator": factories.user("olga", role=Role.OPERATOR, first_name="Olga", last_name="Ohm"),
        "viewer": factories.user("victor", role=Role.VIEWER, last_login=timezone.now() - timedelta(hours=3)),
        "out": factories.user("gone", role=Role.VIEWER, is_active=False, last_login=timezone.now() - timedelta(90)),
        "long": factories.user(LONG, role=Role.OPERATOR, first_name="Unbroken" * 12),
    }
    for person in made.values():
        person.environments.set([home, staging])
    made["long"].environments.add(long)
    made["viewer"].set_unusable_password()
    made["viewer"].save()
    return made


def tokens() -> dict[str, ApiToken]:
    """Tokens in every state."""
    home, now = Environment.objects.get(name="Test"), timezone.now()
    made = {
        "unused": issue_token(home, name="Terraform", actor="anna", expires_at=now + timedelta(days=90))[0],
        "used": issue_token(home, name="Data warehouse loader", actor="anna", scopes=[Scope.READ])[0],
        "expired": issue_token(home, name="Trial of the new importer", actor="olga")[0],
        "revoked": issue_token(home, name="x" * 100, actor=LONG)[0],
    }
    change = ApiToken.objects.filter
    change(pk=made["used"].pk).update(last_used_at=now - timedelta(minutes=4), created_at=now - timedelta(days=200))
    change(pk=made["expired"].pk).update(expires_at=now - timedelta(days=2), last_used_at=now - timedelta(days=3))
    revoke_token(made["revoked"])
    return made
