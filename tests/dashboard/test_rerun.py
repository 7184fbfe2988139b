"""Running a run again, with and without its previous run date."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from runs.models import AuditEntry, RunHabit, RunMode, RunStatus, RunTrigger, SyncJobRun
from runs.services import Origin, RunRequest, create_run
from tests import factories
from tests.dashboard import states
from tests.dashboard.conftest import HTMX


def newest(run: SyncJobRun) -> SyncJobRun:
    return SyncJobRun.objects.exclude(pk=run.pk).get()


def test_the_question_tells_the_window_that_will_be_used(operator: Client, run: SyncJobRun, run_url: str) -> None:
    states.ended(run, RunStatus.COMPLETED)
    run.steps.update(watermark=timezone.now())
    page = operator.get(run_url + "rerun/").content.decode()
    assert "fetches what has changed from" in page
    assert re.search(r"<button[^>]*><span>Rerun from <time[^>]*>\d+ \w+ \d\d:\d\d</time></span></button>", page)


def test_the_question_says_when_there_is_no_window(operator: Client, run: SyncJobRun, run_url: str) -> None:
    states.failed(run)
    assert "Rerun from the beginning</button>" in operator.get(run_url + "rerun/").content.decode()


def test_the_question_without_the_date_says_so(operator: Client, run: SyncJobRun, run_url: str) -> None:
    states.failed(run)
    fragment = operator.get(run_url + "rerun/?ignore_previous_run=1", headers=HTMX).content.decode()
    assert "Rerun, ignoring the previous run date?" in fragment
    assert '<input type="hidden" name="ignore_previous_run" value="1">' in fragment
    assert "<html" not in fragment


@pytest.mark.parametrize("status", [RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.STOPPED])
def test_makes_a_new_run_and_goes_to_it(operator: Client, run: SyncJobRun, run_url: str, status: RunStatus) -> None:
    states.ended(run, status)
    answer = operator.post(run_url + "rerun/")
    new = newest(run)
    assert answer.url == f"/runs/{new.pk}/"
    assert (new.rerun_of_id, new.created_by, new.trigger) == (run.pk, "olga", RunTrigger.RERUN)
    assert new.ignore_previous_run is False


def test_may_ignore_the_previous_run_date(operator: Client, run: SyncJobRun, run_url: str) -> None:
    states.failed(run)
    operator.post(run_url + "rerun/", {"ignore_previous_run": "1"})
    assert newest(run).ignore_previous_run is True


def test_the_chain_is_shown_on_both_pages(operator: Client, run: SyncJobRun, run_url: str) -> None:
    states.failed(run)
    operator.post(run_url + "rerun/")
    new_url = f"/runs/{newest(run).pk}/"
    assert f'href="{new_url}"' in operator.get(run_url).content.decode()
    assert f'href="{run_url}"' in operator.get(new_url).content.decode()


@pytest.mark.parametrize("make_live", [states.running, lambda run: run])
def test_a_live_run_is_not_run_again(operator: Client, run: SyncJobRun, run_url: str, make_live: object) -> None:
    make_live(run)
    answer = operator.post(run_url + "rerun/")
    assert answer.status_code == 409
    assert "Open the live run" in answer.content.decode()
    assert SyncJobRun.objects.count() == 1


def test_a_second_live_run_of_the_same_is_refused_with_a_link(operator: Client, run: SyncJobRun, run_url: str) -> None:
    states.failed(run)
    live = create_run(RunRequest(run.sync_job, run.integrated_account), Origin(RunTrigger.API))
    answer = operator.post(run_url + "rerun/", headers=HTMX)
    assert answer.status_code == 409
    assert f'href="/runs/{live.pk}/"' in answer.content.decode()
    assert "<html" not in answer.content.decode()


def test_a_job_that_is_no_longer_accepted_is_told(operator: Client, run: SyncJobRun, run_url: str) -> None:
    states.failed(run)
    run.sync_job.resources = [{"resource": "planets", "method": "list"}]
    run.sync_job.save()
    answer = operator.post(run_url + "rerun/")
    assert answer.status_code == 400
    assert "planets" in answer.content.decode()


def test_resources_with_dates_of_their_own_are_told_one_by_one(operator: Client, run: SyncJobRun, run_url: str) -> None:
    states.ended(run, RunStatus.COMPLETED)
    run.steps.filter(name="countries").update(watermark=timezone.now())
    page = operator.get(run_url + "rerun/").content.decode()
    windows = page[page.index('<details class="windows"') :]
    assert "2 resources, each to now" in windows
    assert re.search(r"<b>countries</b><span class=\"muted\">from <time", windows)
    assert '<b>cities</b><span class="muted">from the beginning' in windows


def test_the_question_tells_the_usual_cost_once_enough_have_completed(
    operator: Client, run: SyncJobRun, run_url: str
) -> None:
    states.failed(run)
    habit = factories.habit(run, sample_count=4, median_seconds=2400, median_fetched=1200)
    assert "usually takes" not in operator.get(run_url + "rerun/").content.decode()
    RunHabit.objects.filter(pk=habit.pk).update(sample_count=5)
    page = operator.get(run_url + "rerun/").content.decode()
    assert "<b>40m 0s</b> and fetches about <b>1\u202f200</b> records" in page


def test_the_usual_cost_is_that_of_the_mode_in_which_the_rerun_would_fetch(
    operator: Client, run: SyncJobRun, run_url: str
) -> None:
    states.failed(run)
    run.steps.filter(index=0).update(watermark=timezone.now() - timedelta(hours=1))
    factories.habit(run, mode=RunMode.FULL, median_seconds=2400)
    factories.habit(run, mode=RunMode.INCREMENTAL, median_seconds=60)
    assert "about <b>1m 0s</b>" in operator.get(run_url + "rerun/").content.decode()
    assert "about <b>40m 0s</b>" in operator.get(run_url + "rerun/?ignore_previous_run=1").content.decode()


def test_the_question_says_beforehand_what_would_be_refused(operator: Client, run: SyncJobRun, run_url: str) -> None:
    states.failed(run)
    live = create_run(RunRequest(run.sync_job, run.integrated_account), Origin(RunTrigger.API))
    page = operator.get(run_url + "rerun/").content.decode()
    assert f'href="/runs/{live.pk}/">another run like it' in page
    assert '<form method="post" action="' + run_url not in page


def test_the_reason_is_told_in_the_new_runs_timeline(operator: Client, run: SyncJobRun, run_url: str) -> None:
    states.failed(run)
    operator.post(run_url + "rerun/", {"reason": "new token"})
    assert newest(run).events.get(kind="created").message == "Created by olga (rerun): new token"
    entry = AuditEntry.objects.get(action="run.rerun")
    assert (entry.actor, entry.reason, entry.target_id) == ("olga", "new token", str(newest(run).pk))
    assert entry.details["rerun_of"] == str(run.pk)


def test_a_list_is_returned_to_with_its_filters_and_a_link(operator: Client, run: SyncJobRun, run_url: str) -> None:
    states.failed(run)
    back = "/runs/?status=failed&q=acme"
    answer = operator.post(run_url + "rerun/", headers=HTMX | {"HX-Current-URL": f"http://testserver{back}"})
    assert answer.headers["HX-Redirect"] == back
    assert f'href="/runs/{newest(run).pk}/">Open the new run' in operator.get(back).content.decode()


@pytest.mark.parametrize("elsewhere", ["https://evil.example/runs/", "http://testserver//evil.example/"])
def test_no_other_site_is_gone_to(operator: Client, run: SyncJobRun, run_url: str, elsewhere: str) -> None:
    states.failed(run)
    answer = operator.post(run_url + "rerun/", headers=HTMX | {"HX-Current-URL": elsewhere})
    assert answer.headers["HX-Redirect"] == f"/runs/{newest(run).pk}/"
