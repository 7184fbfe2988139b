"""New credentials for an account: what its integration asks for, and how they are put in without being shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runs.errors import InvalidInput
from runs.models import AccountStatus, AuditEntry, IntegratedAccount
from runs.services import credential_fields, give_credentials
from tests import factories

pytestmark = pytest.mark.django_db

OAUTH = {
    "base_url": "https://{{context.shop}}.example.org",
    "authorization": {
        "format": "oauth2",
        "config": {
            "grant": "refresh_token",
            "token_url": "https://{{context.shop}}.example.org/token",
            "client_id": "{{context.app.id}}",
            "client_secret": "{{context.app.secret}}",
            "refresh_token": "{{context.refresh_token}}",
        },
    },
    "resources": {"orders": {"list": {"path": "/orders", "query": {"tag": "{{query.tag}}"}}}},
}


def needy(**over: Any) -> IntegratedAccount:
    integration = factories.integration(config=OAUTH)
    context = {"shop": "acme", "app": {"id": "1", "secret": "old"}, "note": "kept"}
    return factories.account(integration=integration, context=context, status=AccountStatus.NEEDS_REAUTH, **over)


def context_of(account: IntegratedAccount) -> Any:
    return IntegratedAccount.objects.get(pk=account.pk).context


class TestFields:
    def test_are_what_the_config_has_placeholders_for(self) -> None:
        fields = credential_fields(factories.integration(config=OAUTH))
        assert [field.path for field in fields] == ["app.id", "app.secret", "refresh_token", "shop"]
        assert [field.is_secret for field in fields] == [True, True, True, False]

    def test_have_the_words_of_the_catalogue_where_it_knows_the_integration(self) -> None:
        config = {"base_url": "https://{{context.subdomain}}.zendesk.com", "headers": {"X": "{{context.api_token}}"}}
        fields = credential_fields(factories.integration(name="zendesk", config=config))
        assert [(field.label, field.is_secret) for field in fields] == [("Subdomain", False), ("API token", True)]

    def test_are_none_where_the_config_names_none_or_is_not_valid(self) -> None:
        assert credential_fields(factories.integration(config={"base_url": 3})) == []


class TestGiving:
    def test_changes_what_is_given_keeps_the_rest_and_makes_the_account_active(self) -> None:
        account = needy()
        give_credentials(account, {"app.secret": "new", "refresh_token": "r"})
        expected = {"shop": "acme", "app": {"id": "1", "secret": "new"}, "note": "kept", "refresh_token": "r"}
        assert context_of(account) == expected
        assert IntegratedAccount.objects.get(pk=account.pk).status == AccountStatus.ACTIVE

    def test_is_told_in_the_audit_list_without_a_value(self) -> None:
        give_credentials(needy(), {"app.secret": "n3wvalue"})
        lines = {line.action: line for line in AuditEntry.objects.all()}
        assert lines["account.credentials"].details == {"keys": ["app"]}
        assert lines["account.change"].details == {"changes": {"status": ["needs_reauth", "active"]}}
        assert "n3wvalue" not in json.dumps([line.details for line in lines.values()])

    @pytest.mark.parametrize(
        ("values", "path"),
        [
            ({}, "context"),
            ({"other": "x"}, "other"),
            ({"shop": "x" * 10_001}, "shop"),
            ({"shop": "a\0b"}, "context.shop"),
        ],
    )
    def test_refuses_what_is_no_credential(self, values: dict[str, str], path: str) -> None:
        account = needy()
        before = context_of(account)
        with pytest.raises(InvalidInput) as caught:
            give_credentials(account, values)
        assert [failure.path for failure in caught.value.failures] == [path]
        assert context_of(account) == before
