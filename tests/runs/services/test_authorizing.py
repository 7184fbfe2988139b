"""An account is let in at its provider by a person: whose answer is taken, what is kept, and how it is renewed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2
import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from runs.engine.runner import execute_slice
from runs.engine.token_store import AccountTokens
from runs.errors import NotConnected
from runs.models import (
    AccountStatus,
    AccountToken,
    AuditEntry,
    AuthorizationRequest,
    IntegratedAccount,
    Integration,
    Record,
    RecordError,
    RunEvent,
    RunStatus,
    SyncJobRun,
    User,
)
from runs.services import (
    AuthorizationAnswer,
    begin_authorization,
    check_connection,
    consent,
    delete_account,
    finish_authorization,
    save_account,
    save_integration,
)
from runs.services.authorizing import LIFETIME, UNEXPECTED, forget_old
from tests import factories
from tests.authorization_server import SCOPE, Client, Provider, serving_provider

pytestmark = pytest.mark.django_db(transaction=True)

BACK = "http://127.0.0.1:8000/accounts/connected/"
SESSION = "session-of-olga"
THINGS = [{"resource": "things", "method": "list", "persist": True}]


@pytest.fixture
def provider() -> Iterator[Provider]:
    with serving_provider(client=Client({BACK})) as provider:
        yield provider


@pytest.fixture
def olga() -> User:
    return factories.user("olga", is_superuser=True)


@pytest.fixture
def account(provider: Provider) -> IntegratedAccount:
    integration = factories.integration(name="cloud", config=provider.config())
    return save_account(integration.environment, {"integration": integration, "tenant_id": "acme"})


def answered(url: str, answer: str = "allow", **over: str) -> AuthorizationAnswer:
    """What comes back once the person has given this answer on the provider's page."""
    reply = httpx2.post(url.partition("?")[0], data=dict(parse_qsl(urlsplit(url).query)) | {"answer": answer})
    return read(parse_qs(urlsplit(reply.headers["Location"]).query), **over)


def read(parameters: dict[str, list[str]], **over: str) -> AuthorizationAnswer:
    return AuthorizationAnswer.read({**parameters, **{name: [text] for name, text in over.items()}})


def sent(account: IntegratedAccount, olga: User) -> str:
    return begin_authorization(account, olga, SESSION, BACK)


def connected(account: IntegratedAccount, olga: User) -> IntegratedAccount:
    return finish_authorization(answered(sent(account, olga)), olga, SESSION).account


def refusal(answer: AuthorizationAnswer, person: User, session: str = SESSION) -> NotConnected:
    with pytest.raises(NotConnected) as caught:
        finish_authorization(answer, person, session)
    return caught.value


def present(account: IntegratedAccount) -> IntegratedAccount:
    return IntegratedAccount.objects.select_related("integration").get(pk=account.pk)


def executed(account: IntegratedAccount) -> SyncJobRun:
    run = factories.run(account=account, job=factories.job(integration=account.integration, resources=THINGS))
    execute_slice(run.id, "d1")
    run.refresh_from_db()
    return run


class TestConnecting:
    def test_makes_the_account_active_and_its_runs_work(
        self, provider: Provider, account: IntegratedAccount, olga: User
    ) -> None:
        assert account.status == AccountStatus.CONNECTING
        assert (consent(account).scope, consent(account).host) == (SCOPE, "localhost")
        assert AuthorizationRequest.objects.count() == 0
        assert connected(account, olga).status == AccountStatus.ACTIVE
        assert executed(present(account)).status == RunStatus.COMPLETED
        assert Record.objects.count() == 3
        assert provider.shown == [provider.given[0].access_token]

    def test_keeps_nothing_but_what_is_encrypted(
        self, provider: Provider, account: IntegratedAccount, olga: User
    ) -> None:
        connected(account, olga)
        executed(present(account))
        provider.revoke()
        executed(present(account))
        models: Any = (AccountToken, AuthorizationRequest, AuditEntry, SyncJobRun, RunEvent, RecordError)
        with connection.cursor() as cursor:
            for model in models:
                cursor.execute(f"SELECT * FROM {model._meta.db_table}")
                rows = str(cursor.fetchall())
                assert [secret for secret in provider.secrets if secret in rows] == []

    def test_is_told_in_the_audit_list(self, account: IntegratedAccount, olga: User) -> None:
        connected(account, olga)
        line = AuditEntry.objects.get(action="account.connect")
        assert (line.target_id, line.details) == (str(account.pk), {"changes": {"status": ["connecting", "active"]}})

    def test_that_fails_is_told_too_and_stores_nothing(
        self, provider: Provider, account: IntegratedAccount, olga: User
    ) -> None:
        error = refusal(answered(sent(account, olga), "deny"), olga)
        assert (error.code, error.account_id) == ("access_denied", account.pk)
        assert AuditEntry.objects.get(action="account.connect_refused").details == {"why": "access_denied"}
        assert (present(account).status, AccountToken.objects.count()) == (AccountStatus.CONNECTING, 0)
        assert provider.token_requests == []

    def test_by_a_provider_without_refresh_tokens_says_that_it_will_not_last(
        self, provider: Provider, account: IntegratedAccount, olga: User
    ) -> None:
        provider.gives_refresh_tokens = False
        assert not finish_authorization(answered(sent(account, olga)), olga, SESSION).lasts
        provider.end_access()
        run = executed(present(account))
        assert run.error is not None
        assert run.error["code"] == "no_refresh_token"
        assert present(account).status == AccountStatus.NEEDS_REAUTH

    def test_is_asked_for_by_a_run_of_an_account_that_is_not(
        self, provider: Provider, account: IntegratedAccount
    ) -> None:
        run = executed(account)
        assert run.error is not None
        assert (run.status, run.error["code"]) == (RunStatus.FAILED, "not_connected")
        assert check_connection(account).code == "not_connected"
        assert (provider.shown, provider.token_requests) == ([], [])

    @pytest.mark.parametrize("issuer", ["{url}", "https://evil.example.org"])
    def test_takes_the_answer_of_the_provider_that_was_asked_alone(
        self, provider: Provider, account: IntegratedAccount, olga: User, issuer: str
    ) -> None:
        provider.issuer = issuer.format(url=provider.url)
        answer = answered(sent(account, olga))
        if provider.issuer == provider.url:
            finish_authorization(answer, olga, SESSION)
        else:
            assert refusal(answer, olga).code == "wrong_issuer"
            assert provider.token_requests == []


class TestTheState:
    def test_serves_once(self, provider: Provider, account: IntegratedAccount, olga: User) -> None:
        answer = answered(sent(account, olga))
        finish_authorization(answer, olga, SESSION)
        error = refusal(answer, olga)
        assert (error.code, str(error), error.account_id) == ("unexpected", UNEXPECTED, None)
        assert len(provider.token_requests) == 1

    def test_serves_one_of_those_who_come_at_once(
        self, provider: Provider, account: IntegratedAccount, olga: User
    ) -> None:
        answer, together = answered(sent(account, olga)), threading.Barrier(4, timeout=20)

        def come(number: int) -> str:
            try:
                together.wait()
                finish_authorization(answer, olga, SESSION)
            except NotConnected as error:
                return error.code
            finally:
                connection.close()
            return "connected"

        with ThreadPoolExecutor(4) as threads:
            assert sorted(threads.map(come, range(4))) == ["connected", *["unexpected"] * 3]
        assert len(provider.token_requests) == 1

    def test_of_each_of_two_tabs_is_its_own(self, account: IntegratedAccount, olga: User) -> None:
        first, second = (answered(sent(account, olga)) for _ in range(2))
        finish_authorization(second, olga, SESSION)
        finish_authorization(first, olga, SESSION)
        assert AuthorizationRequest.objects.count() == 0

    @pytest.mark.parametrize("over", [{"state": "another"}, {"state": ""}, {"state": "a\0b"}])
    def test_that_is_not_known_is_nobodys(
        self, provider: Provider, account: IntegratedAccount, olga: User, over: dict[str, str]
    ) -> None:
        assert refusal(answered(sent(account, olga), **over), olga).code == "unexpected"
        assert provider.token_requests == []

    def test_that_is_given_twice_in_one_answer_is_nobodys(self, account: IntegratedAccount, olga: User) -> None:
        [state] = parse_qs(urlsplit(sent(account, olga)).query)["state"]
        assert refusal(AuthorizationAnswer.read({"state": [state, state], "code": ["x"]}), olga).code == "unexpected"

    def test_is_of_the_person_and_the_session(self, provider: Provider, account: IntegratedAccount, olga: User) -> None:
        otto = factories.user("otto", is_superuser=True)
        for person, session in ((otto, SESSION), (olga, "another session")):
            answer = answered(sent(account, olga))
            error = refusal(answer, person, session)
            assert (error.code, str(error), error.account_id) == ("other_session", UNEXPECTED, None)
            assert refusal(answer, olga).code == "unexpected"  # whoever has shown it, it has been shown
        assert (provider.token_requests, AccountToken.objects.count()) == ([], 0)

    def test_is_of_no_use_to_somebody_who_has_left_the_environment(
        self, provider: Provider, account: IntegratedAccount
    ) -> None:
        edda = factories.user("edda")
        edda.environments.add(account.environment)
        answer = answered(sent(account, edda))
        edda.environments.clear()
        assert refusal(answer, edda).code == "not_visible"
        assert provider.token_requests == []

    def test_holds_for_ten_minutes(self, provider: Provider, account: IntegratedAccount, olga: User) -> None:
        answer = answered(sent(account, olga))
        AuthorizationRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert refusal(answer, olga).code == "unexpected"
        assert provider.token_requests == []
        sent(account, olga)
        [left] = AuthorizationRequest.objects.all()
        assert abs(left.expires_at - timezone.now() - LIFETIME) < timedelta(seconds=5)

    def test_is_forgotten_when_nobody_comes_back(self, account: IntegratedAccount, olga: User) -> None:
        sent(account, olga)
        forget_old()
        assert AuthorizationRequest.objects.count() == 1
        AuthorizationRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        forget_old()
        assert AuthorizationRequest.objects.count() == 0


class TestWhatChangesMeanwhile:
    @pytest.mark.parametrize(
        ("over", "code"), [({"client_id": "another"}, "changed"), ({"grant": "client_credentials"}, "definition")]
    )
    def test_another_client_is_not_sent_the_code(
        self, provider: Provider, account: IntegratedAccount, olga: User, over: dict[str, str], code: str
    ) -> None:
        answer = answered(sent(account, olga))
        Integration.objects.update(config=provider.config(**over))
        assert refusal(answer, olga).code == code
        assert provider.token_requests == []

    def test_a_deleted_account_gets_no_token(self, provider: Provider, account: IntegratedAccount, olga: User) -> None:
        answer = answered(sent(account, olga))
        delete_account(account)
        assert refusal(answer, olga).code == "unexpected"
        assert (provider.token_requests, AccountToken.objects.count()) == ([], 0)

    def test_a_renewal_that_is_under_way_does_not_bring_the_old_token_back(
        self, provider: Provider, account: IntegratedAccount, olga: User
    ) -> None:
        connected(account, olga)

        def ask_while_connecting(kept: Any) -> Any:
            connected(account, olga)
            return kept

        AccountTokens(account.pk).renew(ask_while_connecting)
        token = AccountTokens(account.pk).load()
        assert token is not None
        assert token.value == provider.given[-1].access_token


class TestRenewing:
    def test_goes_on_with_each_refresh_token_that_is_rotated(
        self, provider: Provider, account: IntegratedAccount, olga: User
    ) -> None:
        connected(account, olga)
        for _ in range(3):
            provider.end_access()
            assert executed(present(account)).status == RunStatus.COMPLETED
        asked = [form["refresh_token"] for form in provider.token_requests if "refresh_token" in form]
        assert asked == [one.refresh_token for one in provider.given[:3]]

    def test_happens_before_the_access_ends(self, provider: Provider, account: IntegratedAccount, olga: User) -> None:
        connected(account, olga)
        with time_machine.travel(timezone.now() + timedelta(minutes=59, seconds=30)):
            assert executed(present(account)).status == RunStatus.COMPLETED
        assert provider.shown == [provider.given[1].access_token]

    def test_names_no_scope_so_that_a_wider_one_of_the_config_does_no_harm(
        self, provider: Provider, account: IntegratedAccount, olga: User
    ) -> None:
        connected(account, olga)
        wider = provider.config(scope=f"{SCOPE} things.write", client_secret=provider.client.secret)
        save_integration(account.environment, {"config": wider}, account.integration)
        provider.end_access()
        assert executed(present(account)).status == RunStatus.COMPLETED
        assert "scope" not in provider.token_requests[-1]

    def test_that_is_refused_asks_for_a_person_and_connecting_again_mends_it(
        self, provider: Provider, account: IntegratedAccount, olga: User
    ) -> None:
        connected(account, olga)
        provider.revoke()
        run = executed(present(account))
        assert run.error is not None
        assert (run.status, run.error["code"]) == (RunStatus.FAILED, "invalid_grant")
        assert present(account).status == AccountStatus.NEEDS_REAUTH
        connected(present(account), olga)
        assert executed(present(account)).status == RunStatus.COMPLETED
        assert present(account).status == AccountStatus.ACTIVE

    def test_goes_on_with_a_new_secret_of_the_client(
        self, provider: Provider, account: IntegratedAccount, olga: User
    ) -> None:
        connected(account, olga)
        provider.client.secret = "canary-new-s3cr3t"
        provider.end_access()
        config = provider.config(client_secret=provider.client.secret)
        save_integration(account.environment, {"config": config}, account.integration)
        assert executed(present(account)).status == RunStatus.COMPLETED


class TestTheTokenStaysWhereItWasGivenFor:
    def test_an_integration_that_leads_elsewhere_takes_it(
        self, provider: Provider, account: IntegratedAccount, olga: User
    ) -> None:
        connected(account, olga)
        moved = {**provider.config(), "base_url": "https://elsewhere.example.org"}
        save_integration(account.environment, {"config": moved}, account.integration)
        assert (present(account).status, AccountToken.objects.count()) == (AccountStatus.NEEDS_REAUTH, 0)

    def test_an_account_that_leads_elsewhere_loses_it(self, provider: Provider, olga: User) -> None:
        config = {**provider.config(), "base_url": "{{context.host}}"}
        integration = factories.integration(name="own", config=config)
        values = {"integration": integration, "context": {"host": provider.url}}
        account = connected(save_account(integration.environment, values), olga)
        save_account(account.environment, {"tenant_id": "renamed"}, account)
        assert AccountToken.objects.count() == 1
        save_account(account.environment, {"context": {"host": "https://evil.example.org"}}, account)
        assert (present(account).status, AccountToken.objects.count()) == (AccountStatus.NEEDS_REAUTH, 0)

    def test_another_client_id_of_the_account_loses_it_and_another_secret_does_not(
        self, provider: Provider, olga: User
    ) -> None:
        config = provider.config(client_id="{{context.id}}", client_secret="{{context.secret}}")
        integration = factories.integration(name="own", config=config)
        context = {"id": "syncdeck-client", "secret": provider.client.secret}
        account = connected(
            save_account(integration.environment, {"integration": integration, "context": context}), olga
        )
        save_account(account.environment, {"context": {"secret": "another"}}, account)
        assert (present(account).status, AccountToken.objects.count()) == (AccountStatus.ACTIVE, 1)
        save_account(account.environment, {"context": {"id": "another"}}, account)
        assert (present(account).status, AccountToken.objects.count()) == (AccountStatus.NEEDS_REAUTH, 0)


class TestWhatTheProviderSays:
    @pytest.mark.parametrize(
        ("parameters", "code", "told"),
        [
            ({"error": "invalid_scope"}, "invalid_scope", "does not know the scope"),
            ({"error": "<b>odd</b>\n"}, "refused", "The provider refuses (<b>odd</b>)."),
            ({"error": "server_error", "error_description": "call\r\n\0 me"}, "server_error", "It says: “call me”"),
            ({"error": "x", "error_description": "y" * 5_000}, "refused", f"“{'y' * 200}”"),
            ({"error": "x", "error_description": "token=abcdef123"}, "refused", "token=***"),
            ({}, "no_code", "neither a code nor an error"),
            ({"code": "c" * 5_000}, "no_code", "neither a code nor an error"),
        ],
    )
    def test_is_told_as_its_own_words(
        self, account: IntegratedAccount, olga: User, parameters: dict[str, str], code: str, told: str
    ) -> None:
        [state] = parse_qs(urlsplit(sent(account, olga)).query)["state"]
        error = refusal(read({}, state=state, **parameters), olga)
        assert error.code == code
        assert told in str(error)
        assert str(error).isprintable()
        assert json.dumps(AuditEntry.objects.get(action="account.connect_refused").details) == f'{{"why": "{code}"}}'

    def test_to_a_code_that_is_none_is_told(self, account: IntegratedAccount, olga: User) -> None:
        error = refusal(answered(sent(account, olga), code="odd"), olga)
        assert error.code == "invalid_grant"
        assert "refuses the account's credentials" in str(error)

    def test_of_what_is_missing_nobody_is_sent_anywhere(self, provider: Provider, olga: User) -> None:
        integration = factories.integration(name="own", config=provider.config(client_id="{{context.id}}"))
        account = save_account(integration.environment, {"integration": integration})
        for begin in (lambda: consent(account), lambda: sent(account, olga)):
            with pytest.raises(NotConnected) as caught:
                begin()
            assert caught.value.code == "missing_credential"
        assert AuthorizationRequest.objects.count() == 0
