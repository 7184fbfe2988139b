"""Whoever changes an address does not get the credentials that were given for another one."""

from __future__ import annotations

from typing import Any

import pytest

from runs.errors import InvalidInput
from runs.models import AccountStatus, AccountToken, AuditEntry, IntegratedAccount
from runs.services import give_credentials, save_account, save_integration
from tests import factories

pytestmark = pytest.mark.django_db

TOKEN = {"format": "bearer", "config": {"token": "{{context.token}}"}}
RESOURCES = {"orders": {"list": {"path": "/orders"}}}
FIXED = {"base_url": "https://api.example.org/v1", "authorization": TOKEN, "resources": RESOURCES}
OF_SHOP = {**FIXED, "base_url": "https://{{context.shop}}.example.org/v1"}


def account(config: dict[str, Any], **context: Any) -> IntegratedAccount:
    return factories.account(integration=factories.integration(config=config), context=context)


def stored(row: IntegratedAccount) -> IntegratedAccount:
    return IntegratedAccount.objects.get(pk=row.pk)


def changed(row: IntegratedAccount, **config: Any) -> IntegratedAccount:
    integration = row.integration
    save_integration(integration.environment, {"config": {**integration.config, **config}}, integration)
    return stored(row)


OAUTH = {"grant": "client_credentials", "client_id": "1", "client_secret": "{{context.token}}"}


@pytest.mark.parametrize(
    "config",
    [
        {"base_url": "https://evil.example.com/v1"},
        {"base_url": "http://api.example.org/v1"},
        {"base_url": "https://api.example.org:8443/v1"},
        {"base_url": "https://{{context.token}}.evil.example.com"},
        {"authorization": {"format": "oauth2", "config": {**OAUTH, "token_url": "https://evil.example.com/token"}}},
    ],
)
def test_an_integration_that_leads_elsewhere_takes_nobody_s_credentials_along(config: dict[str, Any]) -> None:
    row = account(FIXED, token="t", note="n")
    AccountToken.objects.create(account=row, value={"access_token": "a"})
    found = changed(row, **config)
    assert (found.context, found.status) == ({}, AccountStatus.NEEDS_REAUTH)
    assert not AccountToken.objects.exists()
    entry = AuditEntry.objects.get(action="account.credentials_drop")
    assert entry.details == {"keys": ["note", "token"]}


@pytest.mark.parametrize("config", [{"base_url": "https://api.example.org/v2"}, {"headers": {"X": "1"}}])
def test_another_path_of_the_same_server_may_have_them(config: dict[str, Any]) -> None:
    found = changed(account(FIXED, token="t"), **config)
    assert (found.context, found.status) == ({"token": "t"}, AccountStatus.ACTIVE)


def test_an_account_without_credentials_needs_none() -> None:
    assert changed(account(FIXED), base_url="https://other.example.org").status == AccountStatus.ACTIVE


def test_an_account_that_leads_elsewhere_must_have_its_credentials_anew() -> None:
    row = account(OF_SHOP, shop="acme", token="t", note="n")
    with pytest.raises(InvalidInput) as refused:
        save_account(row.environment, {"context": {"shop": "evil"}}, row)
    assert [failure.path for failure in refused.value.failures] == ["context.token"]
    assert stored(row).context == {"shop": "acme", "token": "t", "note": "n"}
    save_account(row.environment, {"context": {"shop": "other", "token": "u"}}, row)
    assert stored(row).context == {"shop": "other", "token": "u"}


def test_one_whose_address_was_not_complete_has_sent_them_nowhere() -> None:
    row = account(OF_SHOP, token="t")
    save_account(row.environment, {"context": {"shop": "acme"}}, row)
    assert stored(row).context == {"token": "t", "shop": "acme"}
    with pytest.raises(InvalidInput):  # nor does a way round by no address at all lead anywhere
        save_account(row.environment, {"context": {"shop": ""}}, row)


def test_values_beside_a_new_one_do_not_come_along() -> None:
    config = {**OF_SHOP, "authorization": {"format": "bearer", "config": {"token": "{{context.app.token}}"}}}
    config["base_url"] = "https://{{context.app.shop}}.example.org"
    row = account(config, app={"shop": "acme", "token": "t"})
    give_credentials(row, {"app.shop": "evil"})
    assert stored(row).context == {"app": {"shop": "evil"}}
    save_account(row.environment, {"context": {"app": {"shop": "acme", "token": "u"}}}, row)
    give_credentials(row, {"app.token": "v"})
    assert stored(row).context == {"app": {"shop": "acme", "token": "v"}}
