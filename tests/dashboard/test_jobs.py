"""The list of jobs, and the page of one: its plan, latest runs, schedules and arguments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries

from runs.models import Integration, RunStatus, SyncJob, SyncJobRun
from runs.services import delete_job, disarm_trigger
from tests import factories
from tests.dashboard import states
from tests.dashboard.conftest import HTMX

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
LONG = "unbroken" * 25


def page_of(client: Client, path: str = "/jobs/") -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def address_of(job: SyncJob) -> str:
    return f"/jobs/{job.pk}/"


class TestList:
    def test_teaches_when_it_is_empty(self, viewer: Client) -> None:
        page = page_of(viewer)
        assert "No jobs yet" in page
        assert "/jobs/new/" not in page

    def test_offers_a_new_one_to_those_who_may_make_one(self, editor: Client) -> None:
        page = page_of(editor)
        assert 'href="/jobs/new/"' in page
        assert 'href="/jobs/import/"' in page

    def test_shows_each_jobs_resources_accounts_and_latest_run(self, viewer: Client, run: SyncJobRun) -> None:
        states.failed(run)
        factories.run(job=run.sync_job, account=factories.account(integration=run.sync_job.integration))
        [line] = viewer.get("/jobs/").context["lines"]
        assert (line.job.entry_count, line.accounts, line.mark.word) == (2, 2, "Waiting")

    def test_counts_accounts_of_the_last_day_only(self, viewer: Client, run: SyncJobRun) -> None:
        SyncJobRun.objects.update(created_at=timezone.now() - timedelta(hours=25))
        [line] = viewer.get("/jobs/").context["lines"]
        assert (line.accounts, line.latest) == (0, run)

    @time_machine.travel(NOON, tick=False)
    def test_shows_the_first_slot_of_the_armed_schedules(self, viewer: Client) -> None:
        job = factories.trigger(cron_expression="0 20 * * *").sync_job
        accounts = [factories.account(integration=job.integration) for _ in range(2)]
        factories.trigger(job=job, account=accounts[0], cron_expression="30 18 * * *")
        disarm_trigger(factories.trigger(job=job, account=accounts[1], cron_expression="0 13 * * *"))
        [line] = viewer.get("/jobs/").context["lines"]
        assert (line.schedules, line.next_slot) == (2, NOON + timedelta(hours=6, minutes=30))
        assert ">Wed 25 Nov 18:30<" in page_of(viewer)

    @pytest.mark.parametrize("query", ["CITIES", "geo", "Geo"])
    def test_is_searched_by_label_and_integration(self, viewer: Client, query: str) -> None:
        job = factories.job(label="Countries and cities")
        factories.job(label="Planets", integration=factories.integration(name="sky", label="Sky"))
        assert [line.job for line in viewer.get(f"/jobs/?q={query}").context["lines"]] == [job]

    @pytest.mark.parametrize("query", ["nothing+is+called+this", "%00x", "x" * 900])
    def test_says_that_nothing_matches(self, viewer: Client, run: SyncJobRun, query: str) -> None:
        assert "No job matches" in page_of(viewer, f"/jobs/?q={query}")

    @pytest.mark.parametrize("count", [1, 12])
    def test_asks_the_same_however_many_jobs_there_are(
        self, viewer: Client, run: SyncJobRun, count: int, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        for number in range(count):
            factories.job(integration=run.sync_job.integration, label=f"Job {number}")
        with django_assert_max_num_queries(4 + 4):  # session, user and two of permissions are not the list's
            page_of(viewer)

    def test_counts_what_is_no_list_as_nothing(self, viewer: Client) -> None:
        factories.job(resources={"odd": 1})
        [line] = viewer.get("/jobs/").context["lines"]
        assert line.job.entry_count == 0

    def test_pages_by_key(self, viewer: Client) -> None:
        integration = factories.integration()
        for number in range(51):
            factories.job(integration=integration, label=f"Job {number}")
        answer = viewer.get("/jobs/")
        older = viewer.get(f"/jobs/?{answer.context['older']}")
        assert [len(page.context["lines"]) for page in (answer, older)] == [50, 1]

    def test_that_were_deleted_are_gone(self, viewer: Client) -> None:
        delete_job(factories.job())
        assert "No jobs yet" in page_of(viewer)

    def test_can_be_run_by_operators(self, operator: Client) -> None:
        job = factories.job()
        assert f'href="/jobs/{job.pk}/run/"' in page_of(operator)


class TestPage:
    @pytest.fixture
    def job(self, run: SyncJobRun) -> SyncJob:
        return run.sync_job

    def test_draws_the_plan_and_says_it_in_a_table(self, viewer: Client, job: SyncJob) -> None:
        page = page_of(viewer, address_of(job))
        assert '<desc id="graph-desc">1. countries, once. 2. cities, once for each record of countries.</desc>' in page
        assert page.count('class="node is-proxy"') == 2
        assert "<code>resources.countries.iso</code>" in page

    def test_leaves_the_drawing_out_when_there_is_too_much(self, viewer: Client, job: SyncJob) -> None:
        many = [{"resource": "countries", "method": "list", "name": f"n{number}"} for number in range(61)]
        SyncJob.objects.update(resources=many)
        page = page_of(viewer, address_of(job))
        assert "<desc" not in page
        assert '<b title="n60">n60</b>' in page

    def test_escapes_what_people_have_written(self, viewer: Client, job: SyncJob) -> None:
        entry = {"resource": "<script>", "method": "<b>", "name": "<i>", "query": {"<u>": "{{args.<}} {{args.x}}"}}
        SyncJob.objects.update(
            label="<s>", resources=[entry], args_schema={"<q>": {"type": "string", "default": "<w>"}}
        )
        page = page_of(viewer, address_of(job))
        for odd in ("<script>", "<i>", "<s>", "<q>", "<w>", "<u>"):
            assert odd not in page.replace("<script src=", "").partition("<main")[2]

    def test_shows_the_latest_runs_of_all_accounts(self, viewer: Client, job: SyncJob, run: SyncJobRun) -> None:
        states.ended(run, RunStatus.COMPLETED)
        other = factories.account(integration=job.integration, tenant_id="globex")
        states.failed(factories.run(job=job, account=other))
        answer = viewer.get(address_of(job))
        lines, page = answer.context["page"].lines, answer.content.decode()
        assert [line.run.integrated_account.tenant_id for line in lines] == ["globex", "acme"]
        assert "the source answered 500" in page
        assert "The last 2 runs, of all accounts. Height is duration; usual is <b>1m 30s</b>." in page
        assert "<caption>Latest runs of this job</caption>" in page

    @time_machine.travel(NOON, tick=False)
    def test_shows_the_next_slots_of_its_schedules_in_the_readers_zone(self, viewer: Client) -> None:
        job = factories.trigger(cron_expression="30 6 * * 1-5").sync_job
        page = page_of(viewer, address_of(job))
        assert "At 06:30 on Monday through Friday, UTC" in page
        for slot in ("Thu 26 Nov 06:30", "Fri 27 Nov 06:30", "Mon 30 Nov 06:30"):
            assert f">{slot}<" in page

    def test_shows_five_schedules_and_the_way_to_all(self, viewer: Client) -> None:
        job = factories.job()
        for number in range(6):
            account = factories.account(integration=job.integration, tenant_id=f"customer-{number}")
            factories.trigger(job=job, account=account)
        page = page_of(viewer, address_of(job))
        assert page.count("customer-") == 5
        assert f'href="/schedules/?job={job.pk}">All schedules' in page

    def test_shows_its_arguments(self, viewer: Client, job: SyncJob) -> None:
        SyncJob.objects.update(args_schema={"slug": {"type": "string", "required": True, "enum": ["a", "b"]}})
        page = page_of(viewer, address_of(job))
        assert "<code>slug</code> string, <b>required</b>" in page
        assert "<code>a</code>, <code>b</code>" in page

    def test_says_why_its_runs_are_refused(self, viewer: Client, job: SyncJob) -> None:
        assert "Its runs are refused" not in page_of(viewer, address_of(job))
        config = factories.integration_config()
        del config["resources"]["cities"]
        Integration.objects.update(config=config)
        page = page_of(viewer, address_of(job))
        assert "Its runs are refused" in page
        assert "<code>resources.1.resource</code>" in page

    def test_offers_each_reader_what_they_may_do(
        self, viewer: Client, operator: Client, editor: Client, job: SyncJob
    ) -> None:
        pages = [page_of(client, address_of(job)) for client in (viewer, operator, editor)]
        for action, offered in {"run/": [0, 1, 0], "schedule/": [0, 1, 0], "delete/": [0, 0, 1]}.items():
            assert [f'href="{address_of(job)}{action}"' in page for page in pages] == [bool(one) for one in offered]
        assert [">Definition</a>" in page for page in pages] == [True, True, False]

    def test_of_another_environment_is_not_there(self, outsider: Client, job: SyncJob) -> None:
        for part in ("", "live/", "edit/", "definition.yaml"):
            assert outsider.get(address_of(job) + part, headers=HTMX).status_code == 404

    def test_that_was_deleted_is_gone(self, viewer: Client) -> None:
        job = factories.job()
        delete_job(job)
        assert viewer.get(address_of(job)).status_code == 404

    def test_survives_names_without_spaces_and_entries_that_are_none(self, viewer: Client, job: SyncJob) -> None:
        SyncJob.objects.update(label=LONG, resources=[{"resource": LONG, "method": "list"}, None, "x"])
        assert LONG in page_of(viewer, address_of(job))


class TestLive:
    def test_answers_nothing_until_something_has_changed(self, viewer: Client, run: SyncJobRun) -> None:
        address = f"{address_of(run.sync_job)}live/"
        known = viewer.get(address_of(run.sync_job)).context["page"].version
        assert viewer.get(f"{address}?v={known}", headers=HTMX).status_code == 204
        states.running(run)
        answer = viewer.get(f"{address}?v={known}", headers=HTMX)
        assert answer.status_code == 200
        assert 'id="recent" hx-swap-oob="true"' in answer.content.decode()

    def test_ends_when_every_run_has_ended(self, viewer: Client, run: SyncJobRun) -> None:
        states.ended(run, RunStatus.COMPLETED)
        answer = viewer.get(f"{address_of(run.sync_job)}live/?v=", headers=HTMX)
        assert answer.status_code == 286
        assert "data-live" not in answer.content.decode()
        assert "data-live" not in page_of(viewer, address_of(run.sync_job))

    def test_leads_to_the_page_without_htmx(self, viewer: Client, run: SyncJobRun) -> None:
        assert viewer.get(f"{address_of(run.sync_job)}live/").url == address_of(run.sync_job)


class TestStartDialog:
    @pytest.fixture
    def address(self, environment: object) -> str:
        account = factories.account()
        job = factories.job(integration=account.integration)
        self.filled: dict[str, Any] = {
            "account": str(account.pk),
            "error_handling": "ignore",
            "daemon_group_key": "default",
        }
        return f"/jobs/{job.pk}/run/"

    def test_is_a_fragment_that_posts_to_its_own_address(self, operator: Client, address: str) -> None:
        page = operator.get(address, headers=HTMX).content.decode()
        assert "<html" not in page
        assert f'hx-post="{address}"' in page

    def test_leads_to_the_run(self, operator: Client, address: str) -> None:
        answer = operator.post(address, self.filled, headers=HTMX)
        assert answer.headers["HX-Redirect"] == f"/runs/{SyncJobRun.objects.get().pk}/"

    def test_keeps_its_faults_within(self, operator: Client, address: str) -> None:
        answer = operator.post(address, {**self.filled, "daemon_group_key": "no spaces"}, headers=HTMX)
        assert answer.status_code == 400
        assert "<html" not in answer.content.decode()
