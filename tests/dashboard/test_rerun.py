"""Running a run again, with and without its previous run date."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from runs.models import RunStatus, RunTrigger, SyncJobRun
from runs.services import Origin, RunRequest, create_run
from tests.dashboard import states
from tests.dashboard.conftest import HTMX


def newest(run: SyncJobRun) -> SyncJobRun:
    return SyncJobRun.objects.exclude(pk=run.pk).get()


def test_the_question_tells_the_window_that_will_be_used(operator: Client, run: SyncJobRun, run_url: str) -> None:
    states.ended(run, RunStatus.COMPLETED)
    run.steps.update(watermark=timezone.now())
    page = operator.get(run_url + "rerun/").content.decode()
    assert "fetches what has changed since" in page
    assert "Rerun from" in page


def test_the_question_says_when_there_is_no_window(operator: Client, run: SyncJobRun, run_url: str) -> None:
    states.failed(run)
    assert "from the beginning" in operator.get(run_url + "rerun/").content.decode()


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
