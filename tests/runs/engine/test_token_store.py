"""One at a time asks for an account's token, whoever dies meanwhile; it goes with the credentials it came of."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from runs.connectors import Token
from runs.engine.token_store import AccountTokens
from runs.models import AccountToken, IntegratedAccount
from runs.services import delete_account, save_account
from tests import factories
from tests.runs.connectors.token_endpoint import context, refreshing

pytestmark = pytest.mark.django_db(transaction=True)
LIMIT = 20.0  # seconds


@pytest.fixture
def account() -> IntegratedAccount:
    config = factories.integration_config(authorization=refreshing("https://login.example.com"))
    return factories.account(integration=factories.integration(config=config), context=context())


def token(value: str) -> Token:
    return Token(value, None, f"refresh for {value}", "header", "basis")


def giving(value: str) -> Callable[[Token | None], Token]:
    return lambda kept: token(value)


def test_what_was_asked_for_is_kept_encrypted(account: IntegratedAccount) -> None:
    tokens = AccountTokens(account.id)
    assert tokens.load() is None
    assert tokens.renew(giving("access-1")) == tokens.load() == token("access-1")

    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM runs_accounttoken")
        assert "access" not in cursor.fetchone()[0]


def test_the_next_one_is_asked_for_with_what_is_kept(account: IntegratedAccount) -> None:
    tokens = AccountTokens(account.id)
    tokens.renew(giving("access-1"))
    seen: list[Token | None] = []
    tokens.renew(lambda kept: seen.append(kept) or token("access-2"))

    assert seen == [token("access-1")]


def test_while_one_asks_no_other_does(account: IntegratedAccount) -> None:
    asking, answered = threading.Event(), threading.Event()

    def slowly(kept: Token | None) -> Token:
        asking.set()
        assert answered.wait(LIMIT)
        return token("access-1")

    def renew() -> Any:
        try:
            return AccountTokens(account.id).renew(slowly)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(renew)
        assert asking.wait(LIMIT)
        assert AccountTokens(account.id).renew(giving("never")) is None
        answered.set()
        assert first.result(LIMIT) == token("access-1")
    assert AccountTokens(account.id).load() == token("access-1")


def test_who_fails_keeps_nobody_from_asking(account: IntegratedAccount) -> None:
    tokens = AccountTokens(account.id)
    tokens.renew(giving("access-1"))

    def fail(kept: Token | None) -> Token:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        tokens.renew(fail)
    assert tokens.load() == token("access-1")
    assert tokens.renew(giving("access-2")) == token("access-2")


def test_who_died_is_overtaken_and_what_comes_late_is_not_kept(account: IntegratedAccount) -> None:
    tokens = AccountTokens(account.id)

    def overtaken(kept: Token | None) -> Token:
        rows = AccountToken.objects.filter(account=account)
        rows.update(claimed_until=timezone.now() - timedelta(seconds=1))
        assert tokens.renew(giving("in time")) == token("in time")
        return token("too late")

    tokens.renew(overtaken)
    assert tokens.load() == token("in time")


def test_credentials_that_are_replaced_take_the_token_with_them(account: IntegratedAccount) -> None:
    tokens = AccountTokens(account.id)
    tokens.renew(giving("access-1"))
    save_account(account.environment, {"context": {"refresh_token": "given anew"}}, account)

    assert tokens.load() is None


def test_a_token_that_is_asked_for_with_replaced_credentials_is_not_kept(account: IntegratedAccount) -> None:
    tokens = AccountTokens(account.id)

    def replaced(kept: Token | None) -> Token:
        save_account(account.environment, {"context": {"client_secret": "given anew"}}, account)
        return token("of the old ones")

    tokens.renew(replaced)
    assert tokens.load() is None


@pytest.mark.parametrize("values", [{"context": {"subdomain": "acme"}}, {"tenant_id": "acme-2"}, {"context": {}}])
def test_other_changes_cost_no_token(account: IntegratedAccount, values: dict[str, Any]) -> None:
    tokens = AccountTokens(account.id)
    tokens.renew(giving("access-1"))
    save_account(account.environment, values, account)

    assert tokens.load() == token("access-1")


def test_a_deleted_account_has_no_token_and_gets_none(account: IntegratedAccount) -> None:
    tokens = AccountTokens(account.id)
    tokens.renew(giving("access-1"))
    delete_account(account)

    assert tokens.renew(giving("access-2")) is None
    assert not AccountToken.objects.exists()


def test_a_thread_that_had_no_connection_has_none_afterwards(account: IntegratedAccount) -> None:
    def renew() -> bool:
        AccountTokens(account.id).renew(giving("access-1"))
        return connection.connection is None

    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(renew).result(LIMIT)
    assert connection.connection is not None
