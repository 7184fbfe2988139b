"""The page that tries a run of a job out."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.test import Client
from werkzeug import Response

from runs.models import IntegratedAccount, SyncJob, SyncJobRun
from tests import factories
from tests.sources import Source, countries_and_cities, serving

LONGEST = "unbroken" * 25


@pytest.fixture(scope="module")
def served() -> Iterator[Source]:
    with serving(countries_and_cities(3, 120)) as found:
        yield found


@pytest.fixture
def source(served: Source) -> Iterator[Source]:
    served.served.clear()
    yield served
    served.before = None


@pytest.fixture
def account(environment: object, source: Source) -> IntegratedAccount:
    return factories.account(integration=factories.integration(config=factories.integration_config(source.url)))


@pytest.fixture
def job(account: IntegratedAccount) -> SyncJob:
    return factories.job(integration=account.integration)


def address(job: SyncJob) -> str:
    return f"/jobs/{job.pk}/dry-run/"


def test_asks_first_and_sends_nothing_before(operator: Client, job: SyncJob, source: Source) -> None:
    page = operator.get(address(job)).content.decode()
    assert "Try it</button>" in page
    assert 'name="daemon_group_key"' not in page
    assert source.served == []


def test_shows_what_a_run_would_do_and_makes_none(operator: Client, job: SyncJob, account: IntegratedAccount) -> None:
    answer = operator.post(address(job), {"account": str(account.pk)})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "2 of 2 resources answer" in page
    assert "<b>100</b> records on the first page, and there are more" in page
    assert "/cities?country=C000&amp;page=1&amp;per_page=100" in page
    assert "Country C000" in page
    assert not SyncJobRun.objects.exists()


def test_comes_as_a_part_of_the_page_where_it_is_asked_for_as_one(
    operator: Client, job: SyncJob, account: IntegratedAccount
) -> None:
    page = operator.post(address(job), {"account": str(account.pk)}, headers={"HX-Request": "true"}).content.decode()
    assert page.lstrip().startswith('<div id="dry-run"')
    assert "<html" not in page


def test_what_a_source_says_is_text_and_its_errors_are_told(
    operator: Client, job: SyncJob, account: IntegratedAccount, source: Source
) -> None:
    rows = [{"iso": "<script>alert(1)</script>", "token": "t0k3n"}, {"name": LONGEST}]
    reply = json.dumps({"data": rows})
    source.before = lambda request: Response(*((reply, 200) if request.path == "/countries" else ("<b>no</b>", 500)))
    page = operator.post(address(job), {"account": str(account.pk)}).content.decode()
    assert "<script>alert" not in page
    assert "t0k3n" not in page
    assert "1 of them would be kept aside" in page
    assert "<b>1 fails</b>" in page
    assert "1 of 2 resources answers" in page


def test_what_a_run_would_be_refused_for_stands_at_its_field(
    operator: Client, account: IntegratedAccount, source: Source
) -> None:
    job = factories.job(integration=account.integration, args_schema={"size": {"type": "integer", "required": True}})
    answer = operator.post(address(job), {"account": str(account.pk)})
    assert answer.status_code == 400
    assert "wrong-because" in answer.content.decode()
    assert source.served == []


def test_without_an_account_it_says_how_to_connect_one(operator: Client, environment: object) -> None:
    page = operator.get(address(factories.job())).content.decode()
    assert "No account to try it for" in page
