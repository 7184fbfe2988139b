"""Polling of a run's page: the parts that changed, each by itself, until the run is final."""

from __future__ import annotations

import re
from html import unescape

from django.http import HttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from dashboard.live import STOP_POLLING
from runs.models import RecordError, RunStatus, SyncJobRun
from tests.dashboard import states
from tests.dashboard.conftest import HTMX


def poll(client: Client, page: HttpResponse) -> HttpResponse:
    """What the browser asks next, from the poller that this page or fragment carries."""
    found = re.search(r'hx-get="(/runs/[^"]*/live/[^"]*)"', page.content.decode())
    assert found, "The page does not poll."
    return client.get(unescape(found[1]), headers=HTMX)


def parts(fragment: HttpResponse) -> set[str]:
    return set(re.findall(r'<section id="(\w+)" hx-swap-oob="true"', fragment.content.decode()))


def test_nothing_is_sent_while_nothing_changes(viewer: Client, run: SyncJobRun, run_url: str) -> None:
    states.running(run)
    assert poll(viewer, viewer.get(run_url)).status_code == 204


def test_an_event_sends_the_timeline_alone(viewer: Client, run: SyncJobRun, run_url: str) -> None:
    states.running(run)
    page = viewer.get(run_url)
    states.tell(run, "Something happened.")
    fragment = poll(viewer, page)
    assert parts(fragment) == {"events"}
    assert "Something happened." in fragment.content.decode()


def test_counts_leave_timeline_and_errors_alone(viewer: Client, run: SyncJobRun, run_url: str) -> None:
    states.running(run)
    page = viewer.get(run_url)
    run.steps.update(fetched=777, status="running")
    fragment = poll(viewer, page)
    assert parts(fragment) == {"summary", "entries"}
    assert "777" in fragment.content.decode()


def test_an_error_sends_the_errors(viewer: Client, run: SyncJobRun, run_url: str) -> None:
    states.running(run)
    page = viewer.get(run_url)
    step = run.steps.first()
    RecordError.objects.create(run=run, step=step, resource="cities", method="list", code="x", message="It broke.")
    fragment = poll(viewer, page)
    assert parts(fragment) == {"errors"}
    assert "It broke." in fragment.content.decode()


def test_the_fragment_carries_the_next_poller(viewer: Client, run: SyncJobRun, run_url: str) -> None:
    page = viewer.get(run_url)
    states.running(run)
    assert poll(viewer, poll(viewer, page)).status_code == 204


def test_polling_ends_when_the_run_is_final(viewer: Client, run: SyncJobRun, run_url: str) -> None:
    states.running(run)
    page = viewer.get(run_url)
    states.ended(run, RunStatus.COMPLETED)
    fragment = poll(viewer, page)
    assert fragment.status_code == STOP_POLLING
    assert "hx-trigger" not in fragment.content.decode()
    assert "<title>Completed" in fragment.content.decode()


def test_a_final_page_never_polls(viewer: Client, run: SyncJobRun, run_url: str) -> None:
    states.failed(run)
    assert "data-live" not in viewer.get(run_url).content.decode()


def test_the_buttons_follow_the_state(operator: Client, run: SyncJobRun, run_url: str) -> None:
    page = operator.get(run_url)
    states.ended(run, RunStatus.STOPPED)
    fragment = poll(operator, page).content.decode()
    assert f"{run_url}rerun/" in fragment
    assert f"{run_url}stop/" not in fragment


def test_the_address_itself_is_the_page(viewer: Client, run: SyncJobRun, run_url: str) -> None:
    answer = viewer.get(f"{run_url}live/?v=odd.-.summary-")
    assert (answer.status_code, answer.url) == (302, run_url)


def test_an_unknown_version_sends_everything(viewer: Client, run: SyncJobRun, run_url: str) -> None:
    fragment = viewer.get(f"{run_url}live/?v=odd.-.summary-", headers=HTMX)
    assert parts(fragment) == {"summary", "entries", "facts", "events", "errors"}


def test_finding_that_nothing_has_changed_costs_little(
    viewer: Client, run: SyncJobRun, run_url: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    states.running(run)
    page = viewer.get(run_url)
    with django_assert_max_num_queries(5 + 2):  # run, steps, habit, last event, last error; session and user
        assert poll(viewer, page).status_code == 204
