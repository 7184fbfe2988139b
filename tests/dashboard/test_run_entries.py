"""The table of a run's resources."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from dashboard.durations import UNKNOWN
from dashboard.marks import step_mark
from runs.models import RunStatus, RunStep, StepStatus, SyncJobRun
from tests import factories
from tests.dashboard import states
from tests.dashboard.conftest import HTMX
from tests.dashboard.reading import section, shown


def many_entries(run: SyncJobRun) -> None:
    """So that there are two hundred."""
    values = {"run": run, "resource": "cities", "method": "list", "incremental_key": "k"}
    RunStep.objects.bulk_create(RunStep(index=n + 2, name=f"entry {n}", **values) for n in range(198))


def queries(client: Client, run: SyncJobRun) -> int:
    with CaptureQueriesContext(connection) as captured:
        client.get(f"/runs/{run.pk}/")
    return len(captured)


class TestEntries:
    @pytest.mark.parametrize("written", [[7], {"entries": []}, [{"type": "merge", "name": "all"}]])
    def test_are_shown_though_another_version_has_written_their_definition(
        self, viewer: Client, run: SyncJobRun, written: object
    ) -> None:
        SyncJobRun.objects.update(resources=written)
        assert "countries" in shown(viewer, run, "entries")

    def test_that_have_not_started_have_no_counts(self, viewer: Client, run: SyncJobRun) -> None:
        assert shown(viewer, run, "entries").count(f"Waiting {UNKNOWN} {UNKNOWN} {UNKNOWN} {UNKNOWN} {UNKNOWN}") == 2

    def test_tell_their_progress_once_the_requests_are_known(self, viewer: Client, run: SyncJobRun) -> None:
        states.running(run)
        run.steps.filter(index=1).update(status=StepStatus.RUNNING, position=97, request_total=252)
        page = viewer.get(f"/runs/{run.pk}/").content.decode()
        assert '<progress max="252" value="97"' in page
        assert "97 of 252" in page

    def test_show_no_progress_of_a_single_request(self, viewer: Client, run: SyncJobRun) -> None:
        states.running(run)
        run.steps.update(status=StepStatus.RUNNING, request_total=1)
        assert "<progress" not in viewer.get(f"/runs/{run.pk}/").content.decode()

    def test_tell_from_which_date_they_fetched(self, viewer: Client, run: SyncJobRun) -> None:
        states.running(run)
        run.steps.update(status=StepStatus.RUNNING)
        run.steps.filter(index=0).update(previous_run_date=datetime(2024, 2, 3, 4, 5, tzinfo=UTC))
        assert "since 3 Feb 2024 04:05" in shown(viewer, run, "entries")
        assert "from the beginning" in shown(viewer, run, "entries")

    def test_that_an_ended_run_never_came_to_are_not_reached(self, viewer: Client, run: SyncJobRun) -> None:
        states.failed(run)
        assert "Not reached" in shown(viewer, run, "entries")

    def test_that_were_fetched_and_not_taken_are_marked(self, viewer: Client, run: SyncJobRun) -> None:
        states.ended(run, RunStatus.COMPLETED)
        done = {"status": StepStatus.COMPLETED, "started_at": run.started_at, "finished_at": run.finished_at}
        run.steps.filter(index=0).update(fetched=120, persisted=100, **done)
        assert "20 not taken" in shown(viewer, run, "entries")

    def test_that_only_feed_others_are_not_marked(self, viewer: Client, environment: object) -> None:
        run = factories.run(resources=[{"resource": "countries", "method": "list"}])
        states.ended(run, RunStatus.COMPLETED)
        run.steps.update(
            fetched=120, status=StepStatus.COMPLETED, started_at=run.started_at, finished_at=run.created_at
        )
        assert "not taken" not in shown(viewer, run, "entries")

    def test_are_compared_with_the_last_good_run(self, viewer: Client, run: SyncJobRun) -> None:
        states.ended(run, RunStatus.COMPLETED)
        run.steps.filter(index=0).update(fetched=8_000, status=StepStatus.COMPLETED, started_at=run.started_at)
        again = states.failed(factories.run(job=run.sync_job, account=run.integrated_account))
        again.steps.filter(index=0).update(fetched=8_312, status=StepStatus.COMPLETED, started_at=again.started_at)
        assert "+312 (+4 %)" in shown(viewer, again, "entries")

    def test_may_be_none(self, viewer: Client, run: SyncJobRun) -> None:
        run.steps.all().delete()
        assert "This run has no resources." in shown(viewer, run, "entries")

    def test_may_be_two_hundred_of_which_the_failed_come_first(
        self, operator: Client, run: SyncJobRun, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        many_entries(run)
        states.failed(run)
        run.steps.filter(name="entry 150").update(status=StepStatus.FAILED)
        with django_assert_max_num_queries(10 + 4):  # session, user and two of permissions are not the page's
            entries = shown(operator, run, "entries")
        assert "entry 197" in entries
        assert entries.index("entry 150") < entries.index("countries")

    def test_cost_as_many_queries_as_two(self, viewer: Client, run: SyncJobRun) -> None:
        states.failed(run)
        few, many = queries(viewer, run), (many_entries(run), queries(viewer, run))[1]
        assert few == many

    def test_of_which_there_are_many_can_be_filtered(self, viewer: Client, run: SyncJobRun) -> None:
        assert 'id="entry-filter"' not in viewer.get(f"/runs/{run.pk}/").content.decode()
        many_entries(run)
        page = viewer.get(f"/runs/{run.pk}/?resource=ENTRY+19")
        assert 'id="entry-filter"' in page.content.decode()
        entries = section(page.content.decode(), "entries")
        assert "entry 19" in entries
        assert "entry 191" in entries
        assert "entry 20" not in entries
        alone = viewer.get(f"/runs/{run.pk}/entries/?resource=nowhere", headers=HTMX).content.decode()
        assert "No resource of this run is called" in alone
        assert "<html" not in alone

    def test_alone_are_a_part_of_the_page(self, viewer: Client, run: SyncJobRun) -> None:
        answer = viewer.get(f"/runs/{run.pk}/entries/?resource=a%26b")
        assert (answer.status_code, answer.url) == (302, f"/runs/{run.pk}/?resource=a%26b#entries")


def test_a_status_that_another_version_has_written_is_told_as_unknown(run: SyncJobRun) -> None:
    assert step_mark(RunStep(status="paused"), run).word == "Unknown"
