"""Polling of a run's page: the parts that changed, each by itself, until the run is final."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from dashboard.live import STOP_POLLING
from dashboard.run_page import PARTS
from runs.models import RecordError, RunEvent, RunStatus, SyncJobRun
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


def lines(fragment: HttpResponse) -> list[str]:
    """What is put to the end of the log."""
    added = re.search(r'<ol hx-swap-oob="beforeend:#log-lines">(.*?)</ol>', fragment.content.decode(), re.DOTALL)
    return [] if added is None else re.findall(r'<li id="l-.*?</li>', added[1], re.DOTALL)


def test_an_event_adds_its_line_to_the_log_and_nothing_else(viewer: Client, run: SyncJobRun, run_url: str) -> None:
    states.running(run)
    page = viewer.get(run_url)
    states.tell(run, "Something happened.")
    fragment = poll(viewer, page)
    assert parts(fragment) == set()
    assert "Something happened." in lines(fragment)[-1]


def test_an_error_adds_its_line_to_the_log(viewer: Client, run: SyncJobRun, run_url: str) -> None:
    states.running(run)
    page = viewer.get(run_url)
    step = run.steps.first()
    RecordError.objects.create(run=run, step=step, resource="cities", method="list", code="x", message="It broke.")
    fragment = poll(viewer, page)
    assert parts(fragment) == set()
    assert "It broke." in lines(fragment)[-1]


def test_a_line_that_was_committed_after_a_later_one_is_not_lost(viewer: Client, run: SyncJobRun, run_url: str) -> None:
    states.running(run)
    states.tell(run, "Later.")
    page = viewer.get(run_url)
    late = states.tell(run, "Late.")
    RunEvent.objects.filter(pk=late.pk).update(created_at=late.created_at - timedelta(seconds=3))
    assert any("Late." in line for line in lines(poll(viewer, page)))


def test_more_lines_than_fit_replace_the_log(viewer: Client, run: SyncJobRun, run_url: str) -> None:
    states.running(run)
    page = viewer.get(run_url)
    RunEvent.objects.bulk_create(RunEvent(run=run, kind="started", message=f"No. {n}.") for n in range(300))
    fragment = poll(viewer, page)
    assert parts(fragment) == {"log"}
    assert fragment.content.decode().count('<li id="l-') == 200
    states.tell(run, "One more.")
    assert parts(poll(viewer, fragment)) == set()


def test_a_log_that_has_grown_for_long_begins_again(viewer: Client, run: SyncJobRun, run_url: str) -> None:
    states.running(run)
    page = viewer.get(run_url)
    states.tell(run, "One more.")
    grown = re.sub(r"shown=\d+", "shown=999", page.content.decode())
    assert parts(poll(viewer, HttpResponse(grown))) == {"log"}


def test_the_log_grows_by_what_the_reader_looks_for(viewer: Client, run: SyncJobRun, run_url: str) -> None:
    states.running(run)
    page = viewer.get(run_url)
    states.tell(run, "Something happened.")
    asked = re.search(r'hx-get="(/runs/[^"]*/live/[^"]*)"', page.content.decode())
    assert asked
    assert lines(viewer.get(unescape(asked[1]) + "&level=error&q=", headers=HTMX)) == []
    assert len(lines(viewer.get(unescape(asked[1]) + "&level=&q=happen", headers=HTMX))) == 1


def test_counts_leave_the_log_alone(viewer: Client, run: SyncJobRun, run_url: str) -> None:
    states.running(run)
    page = viewer.get(run_url)
    run.steps.update(fetched=777, status="running")
    fragment = poll(viewer, page)
    assert {"summary", "entries"} <= parts(fragment)
    assert "log" not in parts(fragment)
    assert "777" in fragment.content.decode()


@pytest.mark.parametrize("odd", ["after=never", "after=2026", "shown=-1", "shown=99999999999999999999", "level=%00"])
def test_odd_parameters_are_no_error(viewer: Client, run: SyncJobRun, run_url: str, odd: str) -> None:
    states.running(run)
    assert viewer.get(f"{run_url}live/?v=&{odd}", headers=HTMX).status_code == 200


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
    assert parts(fragment) == set(PARTS)


def test_finding_that_nothing_has_changed_costs_little(
    viewer: Client, run: SyncJobRun, run_url: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    states.running(run)
    page = viewer.get(run_url)
    # The run, twice, its steps, habit, last event, last error; session and user; two of permissions.
    with django_assert_max_num_queries(6 + 2 + 2):
        assert poll(viewer, page).status_code == 204
    with django_assert_max_num_queries(1 + 2):
        assert poll(viewer, page).status_code == 204
