"""The page of the records that were kept aside, and the ways that lead to it."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from runs.models import RunStatus, SyncJobRun
from tests.dashboard import states
from tests.runs.test_quarantine import kept


@pytest.fixture
def page_of_run(run: SyncJobRun) -> str:
    return f"/errors/kept-aside/?run={run.pk}"


def test_a_record_is_told_with_its_reason_and_where_it_came_from(viewer: Client, run: SyncJobRun) -> None:
    error = kept(run, "<b>7</b>", code="too_deep", message="<b>7</b> is nested deeper than 100 levels.")
    page = viewer.get("/errors/kept-aside/").content.decode()
    assert "&lt;b&gt;7&lt;/b&gt; is nested deeper than 100 levels." in page
    assert f'href="/runs/{run.pk}/log/{error.pk}/"' in page
    assert str(run.integrated_account) in page
    assert "<b>7" not in page


def test_one_without_an_id_says_so(viewer: Client, run: SyncJobRun) -> None:
    kept(run, "")
    assert "without an id" in viewer.get("/errors/kept-aside/").content.decode()


def test_its_run_leads_to_it_where_there_are_any(
    viewer: Client, run: SyncJobRun, run_url: str, page_of_run: str
) -> None:
    states.ended(run, RunStatus.COMPLETED, error_count=1)
    kept(run, "a request", is_quarantine=False)
    assert page_of_run not in viewer.get(run_url).content.decode() + viewer.get(run_url + "log/").content.decode()
    kept(run, "a record")
    assert page_of_run in viewer.get(run_url).content.decode()
    assert page_of_run in viewer.get(run_url + "log/").content.decode()


def test_the_list_of_errors_leads_to_it(viewer: Client) -> None:
    assert 'href="/errors/kept-aside/"' in viewer.get("/errors/").content.decode()


def test_a_filter_is_told_in_words_and_can_be_taken_back(viewer: Client, run: SyncJobRun) -> None:
    kept(run, "a")
    page = viewer.get(f"/errors/kept-aside/?job={run.sync_job_id}&code=no_id").content.decode()
    assert f"job: {run.sync_job.label}" in page
    assert f'href="?job={run.sync_job_id}"' in page


@pytest.mark.parametrize(("query", "words"), [("", "No record was kept aside"), ("?code=x", "None matches")])
def test_an_empty_list_says_why(viewer: Client, query: str, words: str) -> None:
    assert words in viewer.get(f"/errors/kept-aside/{query}").content.decode()


def test_what_is_not_seen_is_not_named(outsider: Client, run: SyncJobRun) -> None:
    kept(run, "a")
    page = outsider.get(f"/errors/kept-aside/?account={run.integrated_account_id}&job={run.sync_job_id}")
    assert str(run.integrated_account) not in page.content.decode()
    assert run.sync_job.label not in page.content.decode()


def test_a_long_list_costs_no_more_queries(
    viewer: Client, run: SyncJobRun, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(40):
        kept(run, str(number))
    with django_assert_max_num_queries(8):
        viewer.get("/errors/kept-aside/")
