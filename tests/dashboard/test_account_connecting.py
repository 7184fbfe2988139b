"""Connecting an account: the form of a key-based one, the way to a provider, and the page that people come back to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2
import pytest
from django.conf import settings
from django.test import Client

from runs.models import (
    AccountStatus,
    AccountToken,
    AuthorizationRequest,
    Environment,
    IntegratedAccount,
    Integration,
    Role,
    User,
)
from runs.services import catalog_entry, load_entry, save_account
from tests import factories
from tests.authorization_server import CLIENT_SECRET, Provider, serving_provider
from tests.authorization_server import Client as Registered
from tests.dashboard.conftest import HTMX, logged_in, member

BACK = f"{settings.PUBLIC_URL}/accounts/connected/"


@pytest.fixture
def admin(environment: Environment) -> Client:
    return logged_in(member("ada", environment, role=Role.ADMIN))


@pytest.fixture
def provider() -> Iterator[Provider]:
    with serving_provider(client=Registered({BACK})) as provider:
        yield provider


@pytest.fixture
def cloud(environment: Environment, provider: Provider) -> Integration:
    return factories.integration(name="cloud", label="Cloud", config=provider.config())


@pytest.fixture
def account(cloud: Integration) -> IntegratedAccount:
    return save_account(cloud.environment, {"integration": cloud, "tenant_id": "acme"})


def way_of(account: IntegratedAccount) -> str:
    return f"/accounts/{account.pk}/connect/"


def sent(client: Client, account: IntegratedAccount) -> str:
    """The address that a script goes to."""
    answer = client.post(way_of(account), headers=HTMX)
    assert answer.status_code == 200, answer.content.decode()
    return str(answer.headers["HX-Redirect"])


def came_back(url: str, answer: str = "allow") -> str:
    """Where the provider sends the person to."""
    reply = httpx2.post(url.partition("?")[0], data=dict(parse_qsl(urlsplit(url).query)) | {"answer": answer})
    assert reply.headers["Location"].startswith(f"{BACK}?")
    return str(reply.headers["Location"].removeprefix(settings.PUBLIC_URL))


def status(account: IntegratedAccount) -> str:
    return IntegratedAccount.objects.get(pk=account.pk).status


def words(answer: Any) -> str:
    """The messages of the page that it leads to."""
    return re.sub(r"\s+", " ", " ".join(str(message) for message in answer.context["messages"]))


class TestANewAccount:
    def test_begins_with_its_integration(self, admin: Client, environment: Environment) -> None:
        assert "Connect an account" in admin.get("/accounts/").content.decode()
        assert "No integration yet" in admin.get("/accounts/new/").content.decode()
        integration = factories.integration()
        assert str(integration.pk) in admin.get("/accounts/new/").content.decode()
        assert admin.get("/accounts/new/?integration=odd").status_code == 400

    def test_names_environments_only_where_there_are_several(self, admin: Client, environment: Environment) -> None:
        for name in ("one", "two"):
            factories.integration(name=name)
        assert "· Test" not in admin.get("/accounts/new/").content.decode()
        elsewhere = factories.environment("Elsewhere")
        factories.integration(environment=elsewhere, name="three")
        member_of_both = User.objects.get(username="ada")
        member_of_both.environments.add(elsewhere)
        page = admin.get("/accounts/new/").content.decode()
        assert "· Test" in page
        assert "· Elsewhere" in page

    def test_of_a_key_is_made_from_the_declared_fields(self, admin: Client, environment: Environment) -> None:
        load_entry(environment, catalog_entry("gitlab"))
        integration = Integration.objects.get(name="gitlab")
        address = f"/accounts/new/?integration={integration.pk}"
        form = admin.get(address).context["form"]
        assert [(name, "required" in field.widget.attrs) for name, field in form.fields.items()] == [
            ("account:tenant", False),
            ("token", True),
            ("host", False),
        ]
        made = admin.post(address, {"account:tenant": "acme", "token": " s3cr3t-t0k3n\n"}, follow=True)
        account = IntegratedAccount.objects.get()
        assert made.redirect_chain[-1][0] == f"/accounts/{account.pk}/"
        assert (account.tenant_id, account.context, account.status) == ("acme", {"token": "s3cr3t-t0k3n"}, "active")
        assert "s3cr3t-t0k3n" not in made.content.decode()

    def test_lacks_nothing_that_is_needed_and_shows_nothing_that_was_sent(
        self, admin: Client, environment: Environment
    ) -> None:
        load_entry(environment, catalog_entry("gitlab"))
        address = f"/accounts/new/?integration={Integration.objects.get().pk}"
        for values in ({"host": "s3cr3t.example.org"}, {"token": "x" * 10_001}, {"token": "a\0b"}):
            answer = admin.post(address, {"account:tenant": "acme", **values})
            assert answer.status_code == 400
            assert "wrong-because" in answer.content.decode()
            assert "s3cr3t" not in answer.content.decode()
        assert IntegratedAccount.objects.count() == 0

    def test_of_another_environment_can_not_be_made(self, admin: Client) -> None:
        elsewhere = factories.integration(environment=factories.environment("Elsewhere"))
        answer = admin.post(f"/accounts/new/?integration={elsewhere.pk}", {"token": "x"})
        assert (answer.status_code, IntegratedAccount.objects.count()) == (400, 0)

    def test_that_is_connected_in_a_browser_goes_on_to_its_provider(self, admin: Client, cloud: Integration) -> None:
        made = admin.post(f"/accounts/new/?integration={cloud.pk}", {"account:tenant": "acme"})
        account = IntegratedAccount.objects.get()
        assert (made.url, account.status) == (way_of(account), AccountStatus.CONNECTING)


class TestTheWayThere:
    def test_says_first_where_it_leads(self, admin: Client, provider: Provider, account: IntegratedAccount) -> None:
        page = admin.get(way_of(account)).content.decode()
        for text in ("Go on to localhost", "things.read profile", BACK):
            assert text in page
        assert CLIENT_SECRET not in page
        assert AuthorizationRequest.objects.count() == 0

    def test_is_a_link_where_there_are_no_scripts_and_is_never_kept(
        self, admin: Client, provider: Provider, account: IntegratedAccount
    ) -> None:
        answer = admin.post(way_of(account))
        [address] = re.findall(rf'href="({provider.url}/authorize[^"]+)"', answer.content.decode())
        assert "no-store" in answer.headers["Cache-Control"]
        assert parse_qs(urlsplit(address.replace("&amp;", "&")).query)["redirect_uri"] == [BACK]
        assert AuthorizationRequest.objects.count() == 1

    def test_warns_whoever_is_at_another_address_than_comes_back(
        self, admin: Client, account: IntegratedAccount
    ) -> None:
        assert "would come back" not in admin.get(way_of(account)).content.decode()
        elsewhere = admin.get(way_of(account), headers={"host": "localhost:8001"})
        assert "would come back there without your login" in elsewhere.content.decode()

    def test_is_not_there_before_the_client_is_known(self, admin: Client, provider: Provider) -> None:
        config = provider.config(client_id="{{context.client_id}}")
        integration = factories.integration(name="own", config=config)
        account = save_account(integration.environment, {"integration": integration})
        assert sent(admin, account) == way_of(account)  # which tells why
        for answer in (admin.get(way_of(account)), admin.post(way_of(account))):
            page = answer.content.decode()
            assert answer.status_code == 400
            assert "Nobody can be sent to the provider yet" in page
            assert f"/accounts/{account.pk}/credentials/" in page
        given = admin.post(f"/accounts/{account.pk}/credentials/", {"client_id": "syncdeck-client"})
        assert (given.url, status(account)) == (way_of(account), AccountStatus.CONNECTING)
        assert admin.get(way_of(account)).status_code == 200

    def test_is_not_there_for_an_integration_without_it(self, admin: Client, environment: Environment) -> None:
        answer = admin.get(way_of(factories.account()))
        assert answer.status_code == 400
        assert "does not describe how its accounts are connected" in answer.content.decode()

    def test_of_another_environments_account_is_not_there(self, account: IntegratedAccount) -> None:
        other = logged_in(member("otto", factories.environment("Elsewhere"), role=Role.ADMIN))
        assert [other.get(way_of(account)).status_code, other.post(way_of(account)).status_code] == [404, 404]


class TestComingBack:
    def test_connects_and_leads_away_from_the_code_at_once(
        self, admin: Client, provider: Provider, account: IntegratedAccount
    ) -> None:
        answer = admin.get(came_back(sent(admin, account)))
        assert (answer.status_code, answer.url) == (302, f"/accounts/{account.pk}/")
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.content == b""
        page = admin.get(answer.url)
        assert status(account) == AccountStatus.ACTIVE
        assert "Connected. Test the connection" in words(page)
        assert "Connect again" in page.content.decode()

    def test_tells_a_denial_in_plain_words(self, admin: Client, provider: Provider, account: IntegratedAccount) -> None:
        page = admin.get(came_back(sent(admin, account), "deny"), follow=True)
        assert page.redirect_chain[-1][0] == f"/accounts/{account.pk}/"
        assert "Access was denied at the provider." in words(page)
        assert (status(account), AccountToken.objects.count()) == (AccountStatus.CONNECTING, 0)

    def test_shows_the_providers_words_as_text(
        self, admin: Client, provider: Provider, account: IntegratedAccount
    ) -> None:
        provider.refuses = ("server_error", "<script>alert(1)</script>")
        page = admin.get(came_back(sent(admin, account)), follow=True).content.decode()
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert "<script>alert(1)" not in page

    def test_a_second_time_is_refused(self, admin: Client, provider: Provider, account: IntegratedAccount) -> None:
        back = came_back(sent(admin, account))
        admin.get(back)
        page = admin.get(back, follow=True)
        assert page.redirect_chain[-1][0] == "/accounts/"
        assert "Nobody waits for this answer" in words(page)
        assert (len(provider.given), status(account)) == (1, AccountStatus.ACTIVE)

    @pytest.mark.parametrize("query", ["", "?code=x", "?state=x&code=y", "?state=x&state=y&code=z", "?state=%00"])
    def test_without_having_been_sent_is_refused(self, admin: Client, account: IntegratedAccount, query: str) -> None:
        assert "Nobody waits for this answer" in words(admin.get(f"/accounts/connected/{query}", follow=True))

    def test_as_somebody_else_or_in_another_session_is_refused(
        self, admin: Client, provider: Provider, account: IntegratedAccount
    ) -> None:
        again = logged_in(member("anna", account.environment, role=Role.ADMIN))
        answer = again.get(came_back(sent(admin, account)), follow=True)
        assert "Nobody waits for this answer" in words(answer)
        assert (provider.token_requests, status(account)) == ([], AccountStatus.CONNECTING)

    def test_logged_out_leads_to_the_login_without_the_code(
        self, admin: Client, provider: Provider, account: IntegratedAccount, client: Client
    ) -> None:
        back = came_back(sent(admin, account))
        answer = client.get(back)
        assert answer.url == "/login/?next=/accounts/"
        assert provider.token_requests == []

    def test_without_the_right_is_refused_and_stores_nothing(
        self, provider: Provider, account: IntegratedAccount
    ) -> None:
        person = member("erna", account.environment, role=Role.ADMIN)
        client = logged_in(person)
        back = came_back(sent(client, account))
        person.groups.clear()
        answer = client.get(back)
        assert (answer.status_code, answer.headers["Referrer-Policy"]) == (403, "no-referrer")
        assert (provider.token_requests, AccountToken.objects.count()) == ([], 0)

    def test_is_done_by_a_browser_that_loads_the_page_alone(
        self, admin: Client, provider: Provider, account: IntegratedAccount
    ) -> None:
        back = came_back(sent(admin, account))
        assert [admin.head(back).status_code, admin.post(back).status_code] == [405, 405]
        admin.get(back)
        assert status(account) == AccountStatus.ACTIVE


class TestTheAccountsPage:
    def test_offers_it_to_those_who_may(
        self, admin: Client, viewer: Client, operator: Client, account: IntegratedAccount
    ) -> None:
        for client, offers in ((admin, True), (viewer, False), (operator, False)):
            page = client.get(f"/accounts/{account.pk}/").content.decode()
            assert ("connect/" in page) == offers
            assert "Nobody has let it in at its provider yet" in page

    def test_does_not_offer_it_for_a_key(self, admin: Client, environment: Environment) -> None:
        assert "connect/" not in admin.get(f"/accounts/{factories.account().pk}/").content.decode()

    def test_says_so_when_it_has_to_be_done_again(self, admin: Client, account: IntegratedAccount) -> None:
        IntegratedAccount.objects.update(status=AccountStatus.NEEDS_REAUTH)
        page = admin.get(f"/accounts/{account.pk}/").content.decode()
        assert "until it is connected again" in page
        assert "Connect again" in page
        assert "Connect again" in admin.get(f"/accounts/{account.pk}/credentials/").content.decode()
