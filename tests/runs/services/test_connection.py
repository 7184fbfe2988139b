"""The connection test: one request to a source on a real socket, told in words, and nothing stored."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from werkzeug import Request, Response

from runs.connectors import Bounds, parse_integration
from runs.models import AuditEntry, IntegratedAccount, Record
from runs.services import check_connection
from runs.services.connection import probe
from tests import factories
from tests.runs.api.program import Program
from tests.sources import Source, countries_and_cities, serving

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def served() -> Iterator[Source]:
    with serving(countries_and_cities(1, 5)) as found:
        yield found


@pytest.fixture
def source(served: Source) -> Iterator[Source]:
    served.served.clear()
    yield served
    served.before = None


@pytest.fixture
def account(source: Source) -> IntegratedAccount:
    return factories.account(integration=factories.integration(config=factories.integration_config(source.url)))


def answering(status: int, text: str = "") -> Any:
    return lambda request: Response(text, status)


def test_a_connection_that_works_tells_what_was_asked_and_what_came(account: IntegratedAccount, source: Source) -> None:
    found = check_connection(account)
    assert (found.is_well, found.asked, found.status_code, found.records) == (True, "cities list", 200, 5)
    assert len(source.served) == 1
    assert source.served[0].headers["Authorization"] == "Bearer t0k3n"


def test_nothing_is_stored_but_a_line_in_the_audit_list(account: IntegratedAccount, source: Source) -> None:
    before = IntegratedAccount.objects.values().get()
    check_connection(account)
    source.before = answering(401)
    check_connection(account)
    assert IntegratedAccount.objects.values().get() == before
    assert not Record.objects.exists()
    lines = AuditEntry.objects.filter(action="account.test").order_by("created_at", "id")
    assert [line.details["outcome"] == "works" for line in lines] == [True, False]


@pytest.mark.parametrize(
    ("status", "text", "says"),
    [(401, "", "401"), (403, "no", "403"), (404, "", "404"), (500, "", "500"), (200, "<html>", "JSON")],
)
def test_what_the_source_refuses_is_told_with_its_status_and_asked_once(
    account: IntegratedAccount, source: Source, status: int, text: str, says: str
) -> None:
    source.before = answering(status, text)
    found = check_connection(account)
    assert (found.is_well, found.status_code, found.records) == (False, status, None)
    assert says in found.error
    assert len(source.served) == 1


def test_a_source_that_echoes_the_credentials_tells_them_to_nobody(account: IntegratedAccount, source: Source) -> None:
    source.before = lambda request: Response(f"bad {request.headers['Authorization']}", 400)
    found = check_connection(account)
    assert "t0k3n" not in repr(found)
    assert "t0k3n" not in repr(AuditEntry.objects.get().details)


def test_a_missing_credential_is_called_by_its_name(source: Source) -> None:
    integration = factories.integration(config=factories.integration_config(source.url))
    found = check_connection(factories.account(integration=integration, context={}))
    assert "context.token" in found.error
    assert source.served == []


def test_a_source_that_limits_its_rate_is_not_waited_for(account: IntegratedAccount, source: Source) -> None:
    source.before = lambda request: Response("", 429, {"Retry-After": "3"})
    began = time.monotonic()
    found = check_connection(account)
    assert not found.is_well
    assert time.monotonic() - began < 2


def test_a_source_that_has_told_us_to_wait_is_not_asked(account: IntegratedAccount, source: Source) -> None:
    account.rate_limited_until = timezone.now() + timedelta(minutes=1)
    assert "limits the rate" in check_connection(account).error
    assert source.served == []


def test_a_source_that_drips_for_ever_is_given_up(account: IntegratedAccount, source: Source) -> None:
    def drip(request: Request) -> Response:
        def body() -> Iterator[bytes]:
            for _ in range(100):
                yield b" "
                time.sleep(0.05)

        return Response(body(), mimetype="application/json")

    source.before = drip
    began = time.monotonic()
    found = check_connection(account, Bounds(tries=1, longest_wait=0.0, page_seconds=5.0, total_seconds=0.4))
    assert "too long" in found.error
    assert time.monotonic() - began < 3


def test_an_integration_that_is_not_valid_says_so(account: IntegratedAccount) -> None:
    account.integration.config = {"base_url": 3}
    assert "not valid" in check_connection(account).error


class TestWhatIsAsked:
    def spec(self, resources: dict[str, Any]) -> Any:
        return parse_integration({"base_url": "https://api.example.org", "resources": resources})

    def asked(self, resources: dict[str, Any]) -> str | None:
        method = probe(self.spec(resources))
        return method and f"{method.resource} {method.name}"

    def test_is_the_first_list_that_needs_nothing(self) -> None:
        resources = {
            "me": {"get": {"path": "/me"}},
            "comments": {"list": {"path": "/tickets/{{query.ticket_id}}/comments"}},
            "tickets": {"list": {"path": "/{{context.shop}}/tickets"}},
        }
        assert self.asked(resources) == "tickets list"

    def test_else_a_method_that_only_reads(self) -> None:
        resources = {"tickets": {"create": {"path": "/tickets"}, "get": {"path": "/tickets/{{id}}"}}}
        assert self.asked(resources) is None
        assert self.asked({**resources, "me": {"get": {"path": "/me"}}}) == "me get"


class TestByCommand:
    def test_says_that_it_works(self, account: IntegratedAccount, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            call_command("check_account", account.tenant_id)
        assert ended.value.code == 0
        assert capsys.readouterr().out.startswith("It works: cities list answered 200 with 5 records after ")

    def test_says_what_to_do(
        self, account: IntegratedAccount, source: Source, capsys: pytest.CaptureFixture[str]
    ) -> None:
        source.before = answering(401)
        with pytest.raises(SystemExit) as ended:
            call_command("check_account", str(account.id))
        assert ended.value.code == 1
        told = capsys.readouterr().out
        assert told.startswith("It does not work. cities list, after ")
        assert told.rstrip().endswith("give the account new ones.")
        assert "t0k3n" not in told

    def test_names_the_accounts_where_there_is_no_such(self, account: IntegratedAccount) -> None:
        with pytest.raises(CommandError, match="There is no account nobody"):
            call_command("check_account", "nobody")


class TestByApi:
    @pytest.fixture
    def program(self, account: IntegratedAccount) -> Program:
        return Program(factories.token(account.environment))

    def test_answers_what_came(self, program: Program, account: IntegratedAccount) -> None:
        answer = program.post(f"/integrated-account/{account.id}/test", {})
        assert answer.status_code == 200
        told = answer.json()
        assert told.pop("milliseconds") >= 0
        expected = {"works": True, "asked": "cities list", "status_code": 200, "records": 5, "error": None}
        assert told == expected

    def test_answers_what_to_do(self, program: Program, account: IntegratedAccount, source: Source) -> None:
        source.before = answering(404)
        answer = program.post(f"/integrated-account/{account.id}/test", {})
        assert (answer.status_code, answer.json()["works"]) == (200, False)
        assert answer.json()["error"]["advice"].startswith("The source has nothing at this address")

    def test_knows_no_account_of_another_environment(self, program: Program) -> None:
        elsewhere = factories.environment("Elsewhere")
        foreign = factories.account(integration=factories.integration(environment=elsewhere))
        assert program.post(f"/integrated-account/{foreign.id}/test", {}).status_code == 404
