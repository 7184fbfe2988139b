"""A run among the others of its account and job, and the resources of all of them."""

from __future__ import annotations

import re
from datetime import timedelta

from django.test import Client
from pytest_django import DjangoAssertNumQueries

from dashboard.run_page import RunPage
from dashboard.run_strip import Strip
from runs.models import RunStatus, StepStatus, SyncJobRun
from tests import factories
from tests.dashboard import states
from tests.dashboard.conftest import HTMX
from tests.runs import rows


class TestStrip:
    def test_shows_the_runs_of_the_account_and_job(self, viewer: Client, run: SyncJobRun) -> None:
        states.ended(run, RunStatus.COMPLETED)
        again = states.failed(factories.run(job=run.sync_job, account=run.integrated_account))
        page = viewer.get(f"/runs/{again.pk}/").content.decode()
        assert "usual is <b>1m 30s</b>" in page
        assert '<rect class="bar failed"' in page
        assert re.search(rf'<a href="/runs/{run.pk}/" tabindex="-1"[^>]*><title>Completed, 1m 30s', page)
        assert re.search(rf'<a href="/runs/{again.pk}/" aria-current="page"', page)

    def test_leads_to_the_runs_before_and_after(self, viewer: Client, run: SyncJobRun) -> None:
        chain = [run]
        for _ in range(2):
            states.ended(chain[-1], RunStatus.COMPLETED)
            chain.append(factories.run(job=run.sync_job, account=run.integrated_account))
        page = viewer.get(f"/runs/{chain[1].pk}/").content.decode()
        assert f'rel="prev" href="/runs/{chain[0].pk}/"' in page
        assert f'rel="next" href="/runs/{chain[2].pk}/"' in page

    def test_is_not_drawn_for_a_first_run(self, viewer: Client, run: SyncJobRun) -> None:
        assert 'class="bars"' not in viewer.get(f"/runs/{run.pk}/").content.decode()

    def test_of_an_old_run_has_it_in_the_middle(self, viewer: Client, run: SyncJobRun) -> None:
        made = rows.runs(80, sync_job=run.sync_job, integrated_account=run.integrated_account)
        strip = Strip.around(made[40])
        assert len(strip.runs) == 30
        assert strip.runs == made[25:55]
        assert (strip.previous, strip.next) == (made[39], made[41])
        assert Strip.around(made[79]).runs == [*made[51:80], run]

    def test_has_the_last_good_run_or_says_that_it_may_be_further_back(self, run: SyncJobRun) -> None:
        common = {"sync_job": run.sync_job, "integrated_account": run.integrated_account}
        good = rows.runs(1, **common)
        bad = rows.runs(40, start=rows.NOON + timedelta(hours=1), status=RunStatus.FAILED, **common)
        assert Strip.around(bad[3]).last_good == good[0]
        assert (Strip.around(bad[39]).last_good, Strip.around(bad[39]).is_all_there_was) == (None, False)
        assert RunPage.of(bad[39], factories.user()).last_good == good[0]


class TestMatrix:
    def test_has_a_cell_for_each_resource_and_run(self, viewer: Client, run: SyncJobRun) -> None:
        states.ended(run, RunStatus.COMPLETED)
        run.steps.update(status=StepStatus.COMPLETED, fetched=7, started_at=run.started_at, finished_at=run.finished_at)
        again = states.failed(factories.run(job=run.sync_job, account=run.integrated_account))
        again.steps.filter(index=1).update(status=StepStatus.FAILED)
        page = viewer.get(f"/runs/{again.pk}/matrix/")
        assert page.content.decode().count('class="cell ') == 4
        assert 'class="cell failed"' in page.content.decode()
        assert "countries: completed, 7 fetched, 0 persisted, 1m 30s" in page.content.decode()
        fragment = viewer.get(f"/runs/{again.pk}/matrix/", headers=HTMX).content.decode()
        assert "<html" not in fragment

    def test_leaves_a_gap_where_a_run_lacked_the_resource(self, viewer: Client, run: SyncJobRun) -> None:
        states.ended(run, RunStatus.COMPLETED)
        only = [{"resource": "countries", "method": "list", "persist": True}]
        factories.run(job=run.sync_job, account=run.integrated_account, resources=only)
        page = viewer.get(f"/runs/{run.pk}/matrix/").content.decode()
        assert page.count("not in this run") == 1

    def test_costs_as_many_queries_for_thirty_runs_as_for_one(
        self, viewer: Client, run: SyncJobRun, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        rows.runs(40, sync_job=run.sync_job, integrated_account=run.integrated_account)
        with django_assert_max_num_queries(4 + 2):  # run, older, newer, steps; session and user
            viewer.get(f"/runs/{run.pk}/matrix/", headers=HTMX)
