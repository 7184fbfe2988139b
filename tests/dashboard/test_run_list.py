"""The list of runs: what a line tells, which lines there are, and what it costs."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from dashboard.durations import UNKNOWN
from dashboard.marks import status_mark
from dashboard.pages.runs import Chip
from runs.filters import RunFilter
from runs.models import Environment, RunStatus, SyncJobRun
from tests import factories
from tests.dashboard import states
from tests.dashboard.conftest import HTMX


def line(page: str, run: SyncJobRun) -> str:
    """The row of this run."""
    return page.split(f'<tr id="run-{run.pk}"')[1].split("</tr>")[0]


@pytest.fixture
def many(run: SyncJobRun) -> list[SyncJobRun]:
    """Sixty more of the same, each a minute older."""
    runs = []
    for _ in range(60):
        values = {field.attname: getattr(run, field.attname) for field in run._meta.fields if field.name != "id"}
        runs.append(SyncJobRun(**values | {"forced": True}))
    SyncJobRun.objects.bulk_create(runs)
    for number, row in enumerate(runs):
        states.change(row, created_at=run.created_at - timedelta(minutes=number + 1))
    return runs


class TestLine:
    def test_a_waiting_run_has_dashes_where_nothing_is_known(self, viewer: Client, run: SyncJobRun) -> None:
        states.daemon()
        row = line(viewer.get("/runs/").content.decode(), run)
        assert "Waiting" in row
        assert row.count(UNKNOWN) == 3
        assert "0</td>" not in row

    def test_a_waiting_run_says_that_no_daemon_of_its_group_is_alive(self, viewer: Client, run: SyncJobRun) -> None:
        states.daemon("elsewhere")
        assert "no daemon of group default is alive" in line(viewer.get("/runs/").content.decode(), run)

    def test_counts_are_grouped_by_thin_spaces(self, viewer: Client, run: SyncJobRun) -> None:
        states.running(run, fetched=12_400, persisted=9_000)
        row = line(viewer.get("/runs/").content.decode(), run)
        assert "12\u202f400" in row
        assert "9\u202f000" in row

    def test_records_that_were_not_persisted_are_marked(self, viewer: Client, run: SyncJobRun) -> None:
        states.ended(run, RunStatus.COMPLETED, fetched=100, persisted=100)
        assert "≠" not in line(viewer.get("/runs/").content.decode(), run)
        states.change(run, persisted=88)
        assert "12 of them not persisted" in line(viewer.get("/runs/").content.decode(), run)

    def test_what_started_it_is_a_drawing_with_its_word(self, viewer: Client, run: SyncJobRun) -> None:
        row = line(viewer.get("/runs/").content.decode(), run)
        assert "#braces" in row
        assert '<span class="sr">API</span>' in row

    def test_a_viewer_is_offered_no_action(self, viewer: Client, operator: Client, run: SyncJobRun) -> None:
        assert f"/runs/{run.pk}/stop/" in line(operator.get("/runs/").content.decode(), run)
        assert f"/runs/{run.pk}/stop/" not in line(viewer.get("/runs/").content.decode(), run)

    def test_a_run_that_has_ended_can_be_run_again_from_its_line(self, operator: Client, run: SyncJobRun) -> None:
        states.failed(run)
        row = line(operator.get("/runs/").content.decode(), run)
        assert f"/runs/{run.pk}/rerun/?ignore_previous_run=1" in row
        assert f"/runs/{run.pk}/stop/" not in row

    def test_it_leads_to_the_list_without_its_job(self, viewer: Client, run: SyncJobRun) -> None:
        page = viewer.get("/runs/?status=created").content.decode()
        assert f'href="?status=created&amp;not_job={run.sync_job_id}"' in line(page, run)

    def test_a_failed_run_says_why(self, viewer: Client, run: SyncJobRun) -> None:
        states.failed(run)
        assert "cities: the source answered 500." in line(viewer.get("/runs/").content.decode(), run)

    def test_an_error_text_of_the_source_is_no_markup(self, viewer: Client, run: SyncJobRun) -> None:
        states.failed(run, error={"code": "x", "message": "<script>alert(1)</script>", "resource": None})
        page = viewer.get("/runs/").content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page

    def test_a_silent_run_is_marked_before_any_state_changes(self, viewer: Client, run: SyncJobRun) -> None:
        states.running(run, lease_until=timezone.now() - timedelta(minutes=6))
        row = line(viewer.get("/runs/").content.decode(), run)
        assert "No sign of life" in row
        assert "6 min ago" in row

    def test_a_stopping_run_says_who_asked(self, viewer: Client, run: SyncJobRun) -> None:
        states.running(run, stop_requested_at=timezone.now(), stop_requested_by="olga")
        row = line(viewer.get("/runs/").content.decode(), run)
        assert "Stopping" in row
        assert "by olga" in row


class TestFilters:
    def test_a_chip_adds_its_status_to_those_chosen(self, viewer: Client, run: SyncJobRun) -> None:
        page = viewer.get("/runs/?status=created").content.decode()
        assert 'href="/runs/?status=created&amp;status=failed"' in page

    def test_a_chosen_chip_takes_its_status_out(self, viewer: Client, run: SyncJobRun) -> None:
        page = viewer.get("/runs/?status=failed&q=x").content.decode()
        assert 'href="/runs/?q=x" aria-current="true"' in page

    def test_a_broken_value_is_told_and_filters_nothing(self, viewer: Client, run: SyncJobRun) -> None:
        answer = viewer.get("/runs/?since=nonsense&account=%00&status=odd&cursor=odd&over=-1&errors=2")
        page = answer.content.decode()
        assert answer.status_code == 200
        assert page.count('class="problem"') == 6
        assert f'id="run-{run.pk}"' in page


class TestCounts:
    def test_come_in_a_fragment_of_their_own(self, viewer: Client, run: SyncJobRun) -> None:
        states.failed(run)
        page = viewer.get("/runs/counts/", headers=HTMX).content.decode()
        assert "<html" not in page
        assert '<b class="count">1</b>' in page

    @pytest.mark.parametrize(
        ("count", "shown"), [(None, UNKNOWN), (0, "0"), (1000, "1\u202f000"), (1001, "1\u202f000+")]
    )
    def test_are_not_shown_beyond_a_thousand(self, count: int | None, shown: str) -> None:
        assert Chip(status_mark("failed"), False, "", count).shown_count == shown

    def test_are_no_page(self, viewer: Client, run: SyncJobRun) -> None:
        assert viewer.get("/runs/counts/").status_code == 302

    def test_are_the_same_for_all_who_ask_within_half_a_minute(
        self, viewer: Client, run: SyncJobRun, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        viewer.get("/runs/counts/", headers=HTMX)
        with django_assert_max_num_queries(3):  # session, user, and which environments
            viewer.get("/runs/counts/?cursor=x", headers=HTMX)


class TestPages:
    def test_lead_to_the_older_runs_and_back(self, viewer: Client, many: list[SyncJobRun]) -> None:
        first = viewer.get("/runs/?status=created")
        older = viewer.get(f"/runs/?{first.context['older']}")
        assert len(first.context["lines"]) == 50
        assert len(older.context["lines"]) == 11
        back = viewer.get(f"/runs/?{older.context['newer']}")
        assert [row.run.pk for row in back.context["lines"]] == [row.run.pk for row in first.context["lines"]]

    def test_keep_the_filters(self, viewer: Client, many: list[SyncJobRun]) -> None:
        assert "status=created" in viewer.get("/runs/?status=created").context["older"]

    def test_cost_the_same_however_many_rows_they_show(self, viewer: Client, many: list[SyncJobRun]) -> None:
        states.running(many[0])
        filtered = f"/runs/?account={many[0].integrated_account_id}&not_job={uuid4()}"
        for address, rows in (("/runs/", 50), (filtered, 50), (f"/runs/?q={many[0].pk}", 1)):
            with CaptureQueriesContext(connection) as queries:
                assert len(viewer.get(address).context["lines"]) == rows
            reads = [query for query in queries if query["sql"].startswith("SELECT")]
            assert len(reads) <= 6 + 4  # session, user and two of permissions are not the list's

    def test_stay_whole_while_500_runs_arrive(self, viewer: Client, many: list[SyncJobRun]) -> None:
        before = set(SyncJobRun.objects.values_list("pk", flat=True))
        first = viewer.get("/runs/")
        _arrive(many[0], 500)
        older = viewer.get(f"/runs/?{first.context['older']}")
        shown = [line.run.pk for page in (first, older) for line in page.context["lines"]]
        assert len(shown) == len(set(shown)) == 61
        assert set(shown) == before


@pytest.mark.only_on("postgresql")
class TestPlan:
    """With the sorts made dear: one that an index could spare would show in the plan nevertheless."""

    @pytest.mark.parametrize(
        "query", ["", "since=all", "status=failed", "account={account}", "job={job}", "over=1h", "slow=yes"]
    )
    def test_comes_from_an_index_in_order(self, many: list[SyncJobRun], query: str) -> None:
        run = many[0]
        wish = query.format(account=run.integrated_account_id, job=run.sync_job_id)
        filters = RunFilter.from_params(QueryDict(wish), Environment.objects.filter(pk=run.environment_id))
        with connection.cursor() as cursor:
            for way in ("seqscan", "bitmapscan", "sort", "incremental_sort"):
                cursor.execute(f"SET LOCAL enable_{way} = off")
        plan = filters.queryset().order_by("-created_at", "-id")[:51].explain()
        assert "Sort" not in plan, plan
        assert "Index Scan" in plan


def _arrive(run: SyncJobRun, count: int) -> None:
    """As many newer runs of the same job and account."""
    values = {field.attname: getattr(run, field.attname) for field in run._meta.fields if field.name != "id"}
    SyncJobRun.objects.bulk_create(SyncJobRun(**values | {"forced": True}) for _ in range(count))


def test_polling_is_for_live_lines_only(viewer: Client, run: SyncJobRun) -> None:
    assert f"ids={run.pk.hex}" in viewer.get("/runs/").content.decode()
    states.ended(run, RunStatus.COMPLETED)
    assert "data-live" not in viewer.get("/runs/").content.decode()


def test_a_search_keeps_the_filters_of_the_list(viewer: Client, run: SyncJobRun) -> None:
    page = viewer.get("/runs/?status=created&status=failed&cursor=x").content.decode()
    form = page.split('role="search"')[1].split("</form>")[0]
    assert form.count('type="hidden" name="status"') == 2
    assert 'name="cursor"' not in form


def test_the_search_is_found_again_in_the_top_line(viewer: Client, run: SyncJobRun) -> None:
    page = viewer.get("/runs/?q=acme").content.decode()
    assert 'name="q" id="search" value="acme"' in page
    assert f'id="run-{run.pk}"' in page


def test_an_account_without_a_name_is_shown_by_its_id(viewer: Client, environment: object) -> None:
    nameless = factories.run(account=factories.account(tenant_id=""))
    assert str(nameless.integrated_account_id) in line(viewer.get("/runs/").content.decode(), nameless)
