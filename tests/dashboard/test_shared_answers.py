"""Many tabs on the same: what one was told is told to the others, and nobody learns what is not theirs."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
import time_machine
from django.core.cache import caches
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone, translation
from pytest_django import DjangoAssertNumQueries

from dashboard.live import TICK, TOLD_FOR, shared
from runs.models import Environment, SyncJobRun
from tests.dashboard import states
from tests.dashboard.conftest import HTMX, logged_in, member

PAGES = ("/runs/", "/runs/{run.pk}/")


@pytest.fixture(autouse=True)
def _nothing_told_yet() -> None:
    caches["answers"].clear()


@pytest.fixture(params=PAGES)
def place(request: pytest.FixtureRequest, run: SyncJobRun) -> str:
    states.running(run)
    return str(request.param).format(run=run)


def question(page: HttpResponse) -> str:
    """What the browser asks next."""
    found = re.search(r'id="poller"[^>]* hx-get="([^"]*)"', page.content.decode())
    assert found, "The page does not poll."
    return unescape(found[1])


def ask(client: Client, address: str) -> HttpResponse:
    return client.get(address, headers=HTMX)


def colleague(environment: Environment) -> Client:
    return logged_in(member("vera", environment))


def test_that_nothing_is_new_is_found_once_and_told_to_all(
    viewer: Client,
    place: str,
    environment: Environment,
    run: SyncJobRun,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for beside in ("counts", "histogram"):
        ask(viewer, f"/runs/{beside}/")
    address = question(viewer.get(place))
    assert ask(viewer, address).status_code == 204
    other = colleague(environment)
    ask(other, address)
    with django_assert_num_queries(5 if place == "/runs/" else 3):  # session, user, runs; environments and newer
        assert ask(other, address).status_code == 204


def test_a_change_is_rendered_once(viewer: Client, place: str, run: SyncJobRun, environment: Environment) -> None:
    address = question(viewer.get(place))
    states.change(run, fetched=1234)
    first = ask(viewer, address)
    second = ask(colleague(environment), address)
    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert first.headers["Vary"] == second.headers["Vary"]


def test_a_change_after_the_same_question_is_told(viewer: Client, place: str, run: SyncJobRun) -> None:
    address = question(viewer.get(place))
    assert ask(viewer, address).status_code in (200, 204)
    states.change(run, fetched=1234)
    with time_machine.travel(timezone.now() + timedelta(seconds=TICK), tick=True):
        assert "1\u202f234" in ask(viewer, address).content.decode()


def test_outsiders_are_told_nothing(viewer: Client, outsider: Client, place: str, run: SyncJobRun) -> None:
    address = question(viewer.get(place))
    states.change(run, fetched=1234)
    assert "1\u202f234" in ask(viewer, address).content.decode()
    answer = ask(outsider, address)
    assert answer.status_code in (404, 286)
    assert "1\u202f234" not in answer.content.decode()
    assert run.integrated_account.tenant_id not in answer.content.decode()


def test_what_one_may_do_is_offered_to_those_only_who_may(
    viewer: Client, operator: Client, place: str, run: SyncJobRun
) -> None:
    address = question(viewer.get(place))
    states.change(run, fetched=1234)
    assert f"/runs/{run.pk}/stop/" in ask(operator, address).content.decode()
    assert f"/runs/{run.pk}/stop/" not in ask(viewer, address).content.decode()


def test_times_are_those_of_the_readers_zone(
    viewer: Client, place: str, run: SyncJobRun, environment: Environment
) -> None:
    far = logged_in(member("tomoko", environment, time_zone="Asia/Tokyo"))
    knows_nothing = re.sub(r"\bv=[^&]*", "v=", question(viewer.get(place)))
    assert ask(viewer, knows_nothing).content != ask(far, knows_nothing).content


def test_words_are_those_of_the_readers_language(rf: RequestFactory) -> None:
    def told(language: str) -> bytes:
        with translation.override(language):
            return shared(rf.get("/"), lambda: HttpResponse(language), rights=lambda: True, state="same").content

    assert [told("en"), told("de"), told("en")] == [b"en", b"de", b"en"]


def test_what_was_written_beside_the_run_is_seen_after_a_while(viewer: Client, run: SyncJobRun) -> None:
    states.running(run)
    address = question(viewer.get(f"/runs/{run.pk}/"))
    assert ask(viewer, address).status_code == 204
    states.tell(run, "A late worker left.")
    with time_machine.travel(timezone.now() + timedelta(seconds=TOLD_FOR), tick=True):
        assert "A late worker left." in ask(viewer, address).content.decode()


def test_silence_is_seen_though_nothing_was_written(viewer: Client, place: str, run: SyncJobRun) -> None:
    states.change(run, lease_until=timezone.now() + timedelta(seconds=2))
    address = question(viewer.get(place))
    ask(viewer, address)
    with time_machine.travel(timezone.now() + timedelta(seconds=TOLD_FOR), tick=True):
        assert "No sign of life" in ask(viewer, address).content.decode()


def test_the_end_is_told_to_each(viewer: Client, operator: Client, place: str, run: SyncJobRun) -> None:
    address = question(viewer.get(place))
    states.failed(run)
    assert ask(viewer, address).status_code == ask(operator, address).status_code == 286
