"""Stopping a run from its page."""

from __future__ import annotations

import pytest
from django.test import Client

from runs.models import RunStatus, SyncJobRun
from tests.dashboard import states
from tests.dashboard.conftest import HTMX


def test_the_question_says_what_will_happen(operator: Client, run: SyncJobRun, run_url: str) -> None:
    states.running(run, persisted=1200)
    page = operator.get(run_url + "stop/").content.decode()
    assert "Stop this run?" in page
    assert "next page, request or wait" in page
    assert "1\u202f200 records" in page
    assert "<html" in page


def test_the_question_comes_as_a_dialog_with_the_focus_on_cancel(
    operator: Client, run: SyncJobRun, run_url: str
) -> None:
    fragment = operator.get(run_url + "stop/", headers=HTMX).content.decode()
    assert "<html" not in fragment
    assert f'href="{run_url}" data-close autofocus>Cancel' in fragment


def test_asking_changes_nothing(operator: Client, run: SyncJobRun, run_url: str) -> None:
    operator.get(run_url + "stop/")
    run.refresh_from_db()
    assert run.stop_requested_at is None


def test_a_created_run_is_stopped_at_once(operator: Client, run: SyncJobRun, run_url: str) -> None:
    page = operator.post(run_url + "stop/", follow=True).content.decode()
    run.refresh_from_db()
    assert (run.status, run.stop_requested_by) == (RunStatus.STOPPED, "olga")
    assert "The run is stopped." in page


def test_a_running_run_is_asked_to_stop(operator: Client, run: SyncJobRun, run_url: str) -> None:
    states.running(run)
    page = operator.post(run_url + "stop/", follow=True).content.decode()
    run.refresh_from_db()
    assert run.is_stopping
    assert "Stop asked for." in page
    assert "Stopping" in page
    assert f'href="{run_url}stop/"' not in page


@pytest.mark.parametrize("status", [RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.STOPPED])
def test_a_finished_run_is_unchanged_and_says_so(
    operator: Client, run: SyncJobRun, run_url: str, status: RunStatus
) -> None:
    states.ended(run, status)
    answer = operator.post(run_url + "stop/", follow=True)
    run.refresh_from_db()
    assert (answer.status_code, run.status, run.stop_requested_at) == (200, status, None)
    assert "nothing was changed" in answer.content.decode()


def test_stopping_twice_is_stopping_once(operator: Client, run: SyncJobRun, run_url: str) -> None:
    states.running(run)
    operator.post(run_url + "stop/")
    operator.post(run_url + "stop/")
    assert run.events.filter(kind="stop_requested").count() == 1


def test_htmx_is_led_back_to_the_run(operator: Client, run: SyncJobRun, run_url: str) -> None:
    assert operator.post(run_url + "stop/", headers=HTMX).headers["HX-Redirect"] == run_url
