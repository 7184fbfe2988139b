"""Polling of the run list: only what changed is sent, and the end of the last live run ends the polling."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from dashboard.live import STOP_POLLING
from runs.models import RunStatus, SyncJobRun
from tests import factories
from tests.dashboard import states
from tests.dashboard.conftest import HTMX


def poll(client: Client, page: HttpResponse) -> HttpResponse:
    """What the browser asks next, from the poller that this page or fragment carries."""
    found = re.search(r'hx-get="(/runs/live/[^"]*)"', page.content.decode())
    assert found, "The page does not poll."
    return client.get(unescape(found[1]), headers=HTMX)


def counted(client: Client) -> None:
    """The parts that a page of the list asks for by itself have come."""
    for part in ("counts", "histogram"):
        client.get(f"/runs/{part}/", headers=HTMX)


@pytest.fixture
def other(run: SyncJobRun) -> SyncJobRun:
    """A second live run, of another account."""
    account = factories.account(integration=run.integrated_account.integration, tenant_id="globex")
    return states.running(factories.run(job=run.sync_job, account=account))


def test_nothing_is_sent_while_nothing_changes(viewer: Client, run: SyncJobRun) -> None:
    states.running(run)
    counted(viewer)
    answer = poll(viewer, viewer.get("/runs/"))
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_changed_line_is_sent_alone(viewer: Client, run: SyncJobRun, other: SyncJobRun) -> None:
    states.running(run)
    page = viewer.get("/runs/")
    states.change(run, fetched=1234)
    fragment = poll(viewer, page)
    assert fragment.status_code == 200
    assert f'<template><tr id="run-{run.pk}" hx-swap-oob="true"' in fragment.content.decode()
    assert "1\u202f234" in fragment.content.decode()
    assert f'<tr id="run-{other.pk}"' not in fragment.content.decode()


def test_the_fragment_carries_the_next_poller(viewer: Client, run: SyncJobRun) -> None:
    states.running(run)
    page = viewer.get("/runs/")
    states.change(run, fetched=1)
    fragment = poll(viewer, page)
    assert poll(viewer, fragment).status_code == 204


def test_a_run_that_has_ended_is_asked_for_no_more(viewer: Client, run: SyncJobRun, other: SyncJobRun) -> None:
    page = viewer.get("/runs/")
    states.ended(run, RunStatus.COMPLETED)
    fragment = poll(viewer, page)
    assert fragment.status_code == 200
    assert f"ids={other.pk.hex}&amp;" in fragment.content.decode()


def test_polling_ends_with_the_last_live_run(viewer: Client, run: SyncJobRun) -> None:
    page = viewer.get("/runs/")
    states.ended(run, RunStatus.COMPLETED)
    fragment = poll(viewer, page)
    assert fragment.status_code == STOP_POLLING
    assert "hx-get" not in fragment.content.decode()
    assert "acme, Countries and cities: Completed." in fragment.content.decode()


def test_a_stop_asked_for_changes_the_line(viewer: Client, run: SyncJobRun) -> None:
    states.running(run)
    page = viewer.get("/runs/")
    states.change(run, stop_requested_at=timezone.now(), stop_requested_by="olga")
    assert "Stopping" in poll(viewer, page).content.decode()


def test_silence_changes_the_line_though_no_row_was_written(viewer: Client, run: SyncJobRun) -> None:
    states.running(run)
    page = viewer.get("/runs/")
    SyncJobRun.objects.update(lease_until=timezone.now() - timedelta(minutes=1))
    assert "No sign of life" in poll(viewer, page).content.decode()


def test_the_address_itself_is_the_list(viewer: Client, run: SyncJobRun) -> None:
    answer = viewer.get(f"/runs/live/?ids={run.pk}")
    assert (answer.status_code, answer.url) == (302, "/runs/")


@pytest.mark.parametrize("query", ["", "ids=", "ids=odd&v=odd", "ids=%00", "v=1,2,3"])
def test_asking_for_nothing_sensible_ends_the_polling(viewer: Client, run: SyncJobRun, query: str) -> None:
    assert viewer.get(f"/runs/live/?{query}", headers=HTMX).status_code == STOP_POLLING


def test_one_request_serves_all_lines(
    viewer: Client, run: SyncJobRun, other: SyncJobRun, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    counted(viewer)
    page = viewer.get("/runs/")
    # Runs, twice, habits, daemons, environments, newer; session, user and two of permissions.
    with django_assert_max_num_queries(6 + 4):
        assert poll(viewer, page).status_code == 204


class TestNewerRuns:
    def test_are_told_in_a_pill_and_the_order_stays(self, viewer: Client, run: SyncJobRun) -> None:
        states.running(run)
        page = poll(viewer, viewer.get("/runs/"))
        for number in range(3):
            factories.run(job=run.sync_job, account=run.integrated_account, args={"n": number}, force=True)
        fragment = poll(viewer, page)
        assert "3 new runs" in fragment.content.decode()
        assert "<tr" not in fragment.content.decode()
        assert poll(viewer, fragment).status_code == 204

    def test_count_only_if_they_match_the_filters(self, viewer: Client, run: SyncJobRun) -> None:
        states.running(run)
        page = poll(viewer, viewer.get("/runs/?trigger=api"))
        made = factories.run(job=run.sync_job, account=run.integrated_account, force=True)
        states.change(made, trigger="schedule")
        assert poll(viewer, page).status_code == 204

    def test_are_not_told_on_an_older_page(self, viewer: Client, run: SyncJobRun) -> None:
        for number in range(51):
            factories.run(job=run.sync_job, account=run.integrated_account, args={"n": number}, force=True)
        first = viewer.get("/runs/")
        older = viewer.get(f"/runs/?{first.context['older']}")
        assert "first=&" not in unescape(first.content.decode())
        assert "first=&" in unescape(older.content.decode())

    def test_odd_places_are_no_fault(self, viewer: Client, run: SyncJobRun) -> None:
        answer = viewer.get(f"/runs/live/?ids={run.pk.hex}&v=x&first=odd&newer=odd&f=status%3Dodd", headers=HTMX)
        assert answer.status_code == 200


def test_counts_and_bars_come_with_the_lines_once_they_differ(viewer: Client, run: SyncJobRun) -> None:
    states.running(run)
    page = viewer.get("/runs/")
    counted(viewer)
    fragment = poll(viewer, page)
    assert 'id="chips"' in fragment.content.decode()
    assert 'id="histogram"' in fragment.content.decode()
    assert poll(viewer, fragment).status_code == 204


def test_no_page_asks_more_often_than_twelve_times_a_minute() -> None:
    templates = Path(settings.BASE_DIR / "templates").rglob("*.html")
    paces = [int(seconds) for path in templates for seconds in re.findall(r"every (\d+)s", path.read_text())]
    assert len(paces) >= 7
    assert min(paces) >= 5
