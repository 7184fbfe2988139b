"""Issuing and revoking tokens."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from runs.acting import Actor, acting
from runs.errors import InvalidInput
from runs.models import ApiToken, AuditEntry, Environment, Scope
from runs.services import issue_token, revoke_token
from tests import factories

pytestmark = pytest.mark.django_db


def test_a_token_may_do_everything_unless_told_otherwise(environment: Environment) -> None:
    token, secret = issue_token(environment, name="ci")
    assert token.scopes == ["read", "write"]
    assert not token.is_read_only
    assert ApiToken.objects.for_secret(secret) == token


def test_a_token_may_be_one_that_reads_only(environment: Environment) -> None:
    token, _ = issue_token(environment, scopes=[Scope.READ])
    assert ApiToken.objects.get(pk=token.pk).is_read_only


@pytest.mark.parametrize("scopes", [[], ["write"], ["read", "admin"]])
def test_scopes_that_make_no_sense_are_refused(environment: Environment, scopes: list[str]) -> None:
    with pytest.raises(InvalidInput, match="scopes"):
        issue_token(environment, scopes=scopes)
    assert not ApiToken.objects.exists()


def test_an_end_in_the_past_is_refused(environment: Environment) -> None:
    with pytest.raises(InvalidInput, match="expires_at"):
        issue_token(environment, expires_at=timezone.now() - timedelta(seconds=1))


def test_a_name_that_no_database_can_hold_is_refused(environment: Environment) -> None:
    with pytest.raises(InvalidInput, match="name"):
        issue_token(environment, name="a\x00b")


def test_the_audit_list_tells_who_issued_it_and_never_the_secret(environment: Environment) -> None:
    with acting(Actor("olga", "192.0.2.7")):
        token, secret = issue_token(environment, name="ci", actor="olga", scopes=[Scope.READ])
    [line] = AuditEntry.objects.all()
    assert (line.action, line.actor, line.ip, line.target_id) == ("token.issue", "olga", "192.0.2.7", str(token.pk))
    assert line.environment_id == environment.pk
    assert line.details == {"scopes": ["read"], "expires_at": None}
    assert secret not in str(line.__dict__)


def test_revoking_twice_is_revoking_once(environment: Environment) -> None:
    factories.token(environment)
    token = ApiToken.objects.get()
    assert token.is_usable
    assert revoke_token(token)
    revoked_at = ApiToken.objects.get().revoked_at
    assert not revoke_token(token)
    assert ApiToken.objects.get().revoked_at == revoked_at
    assert not ApiToken.objects.get().is_usable
    assert [line.action for line in AuditEntry.objects.all()] == ["token.revoke"]
