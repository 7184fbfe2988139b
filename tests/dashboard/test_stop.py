"""Stopping a run from its page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from runs.models import AuditEntry, RunStatus, SyncJobRun
from tests import factories
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


def test_the_question_says_how_far_each_entry_is(operator: Client, run: SyncJobRun, run_url: str) -> None:
    states.running(run)
    run.steps.filter(name="countries").update(status="running")
    page = operator.get(run_url + "stop/").content.decode()
    assert "Cut short: <b>countries</b>" in page
    assert "Not begun: <b>cities</b>" in page
    assert "Done:" not in page


def test_the_question_says_when_a_schedule_starts_it_again(operator: Client, run: SyncJobRun, run_url: str) -> None:
    assert "No schedule starts this job" in operator.get(run_url + "stop/").content.decode()
    trigger = factories.trigger(job=run.sync_job, account=run.integrated_account)
    page = operator.get(run_url + "stop/").content.decode()
    assert "starts <b>" in page
    assert f"{trigger.next_run_at:%H:%M}" in page


def test_the_reason_is_kept_shown_and_audited(operator: Client, run: SyncJobRun, run_url: str) -> None:
    states.running(run)
    page = operator.post(run_url + "stop/", {"reason": " wrong <b>token</b>\n"}, follow=True).content.decode()
    run.refresh_from_db()
    assert run.stop_reason == "wrong <b>token</b>"
    assert "wrong &lt;b&gt;token&lt;/b&gt;" in page
    assert run.events.get(kind="stop_requested").message == "Stop asked for by olga: wrong <b>token</b>"
    entry = AuditEntry.objects.get(action="run.stop")
    assert (entry.actor, entry.reason, entry.target_id) == ("olga", run.stop_reason, str(run.pk))


def test_a_reason_without_end_is_asked_for_again(operator: Client, run: SyncJobRun, run_url: str) -> None:
    answer = operator.post(run_url + "stop/", {"reason": "x" * 501})
    run.refresh_from_db()
    assert (answer.status_code, run.status) == (400, RunStatus.CREATED)
    assert "at most 500 characters" in answer.content.decode()


def test_a_list_is_returned_to_with_its_filters(operator: Client, run: SyncJobRun, run_url: str) -> None:
    back = "/runs/?status=running"
    answer = operator.post(run_url + "stop/", headers=HTMX | {"HX-Current-URL": f"http://testserver{back}"})
    assert answer.headers["HX-Redirect"] == back


class TestForce:
    """Ending a run whose daemon does not carry out the stop."""

    def late(self, run: SyncJobRun, seconds: int = 61, **over: object) -> None:
        asked = timezone.now() - timedelta(seconds=seconds)
        states.running(run, stop_requested_at=asked, stop_requested_by="otto", **over)

    def test_is_offered_once_the_stop_is_late(self, operator: Client, run: SyncJobRun, run_url: str) -> None:
        self.late(run, seconds=30)
        assert "Force stop" not in operator.get(run_url).content.decode()
        self.late(run)
        assert f'href="{run_url}force-stop/"' in operator.get(run_url).content.decode()

    def test_is_offered_at_once_when_the_lease_is_over(self, operator: Client, run: SyncJobRun, run_url: str) -> None:
        self.late(run, seconds=1, lease_until=timezone.now() - timedelta(seconds=1))
        assert "Force stop" in operator.get(run_url).content.decode()

    def test_appears_on_an_open_page(self, operator: Client, run: SyncJobRun, run_url: str) -> None:
        self.late(run, seconds=30)
        page = operator.get(run_url).content.decode()
        poll = page[page.index('hx-get="' + run_url + "live/") + 8 :].partition('"')[0]
        SyncJobRun.objects.update(stop_requested_at=timezone.now() - timedelta(seconds=61))
        assert "Force stop" in operator.get(poll, headers=HTMX).content.decode()

    def test_the_question_says_what_cannot_be_undone(self, operator: Client, run: SyncJobRun, run_url: str) -> None:
        self.late(run, persisted=12)
        page = operator.get(run_url + "force-stop/").content.decode()
        assert "may still reach the source" in page
        assert "12 records taken already stay" in page
        assert "data-close autofocus>Cancel" in page

    def test_ends_the_run_and_tells_the_audit_list(self, operator: Client, run: SyncJobRun, run_url: str) -> None:
        self.late(run)
        page = operator.post(run_url + "force-stop/", {"reason": "it hangs"}, follow=True).content.decode()
        run.refresh_from_db()
        assert (run.status, run.lease_token) == (RunStatus.STOPPED, None)
        assert "came too late" in page
        assert "by force by olga, without waiting for daemon d1: it hangs" in page
        assert AuditEntry.objects.get(action="run.force_stop").reason == "it hangs"

    @pytest.mark.parametrize("seconds", [None, 30])
    def test_too_early_is_refused_and_changes_nothing(
        self, operator: Client, run: SyncJobRun, run_url: str, seconds: int | None
    ) -> None:
        if seconds is None:
            states.running(run)
        else:
            self.late(run, seconds=seconds)
        answer = operator.post(run_url + "force-stop/", headers=HTMX)
        run.refresh_from_db()
        assert (answer.status_code, run.status) == (409, RunStatus.RUNNING)
        assert "<html" not in answer.content.decode()
        assert not AuditEntry.objects.exists()

    def test_a_finished_run_is_unchanged(self, operator: Client, run: SyncJobRun, run_url: str) -> None:
        states.ended(run, RunStatus.COMPLETED)
        answer = operator.post(run_url + "force-stop/")
        assert (answer.status_code, "nothing was changed" in answer.content.decode()) == (200, True)
