"""The list of runs: what a line tells, which lines there are, and what it costs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from dashboard.marks import status_mark
from dashboard.pages.runs import MOST_CHOICES, Chip
from dashboard.templatetags.syncdeck import UNKNOWN
from runs.models import IntegratedAccount, RunStatus, SyncJobRun
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
        assert row.count(UNKNOWN) == 4
        assert "0</td>" not in row

    def test_a_waiting_run_says_that_no_daemon_of_its_group_is_alive(self, viewer: Client, run: SyncJobRun) -> None:
        states.daemon("elsewhere")
        assert "no daemon of group default is alive" in line(viewer.get("/runs/").content.decode(), run)

    def test_counts_are_grouped_by_thin_spaces(self, viewer: Client, run: SyncJobRun) -> None:
        states.running(run, fetched=12_400, persisted=9_000)
        row = line(viewer.get("/runs/").content.decode(), run)
        assert "12\u202f400" in row
        assert "9\u202f000" in row

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
    def test_chosen_values_come_back_in_the_form(self, viewer: Client, run: SyncJobRun) -> None:
        query = f"status=created&account={run.integrated_account_id}&trigger=api&since=2026-01-02"
        page = viewer.get(f"/runs/?{query}").content.decode()
        assert '<input type="hidden" name="status" value="created">' in page
        assert f'<option value="{run.integrated_account_id}" selected>' in page
        assert '<option value="api" selected>' in page
        assert 'value="2026-01-02"' in page

    def test_a_chip_adds_its_status_to_those_chosen(self, viewer: Client, run: SyncJobRun) -> None:
        page = viewer.get("/runs/?status=created").content.decode()
        assert 'href="/runs/?status=created&amp;status=failed"' in page

    def test_a_chosen_chip_takes_its_status_out(self, viewer: Client, run: SyncJobRun) -> None:
        page = viewer.get("/runs/?status=failed&q=x").content.decode()
        assert 'href="/runs/?q=x" aria-current="true"' in page

    def test_a_broken_value_is_told_and_filters_nothing(self, viewer: Client, run: SyncJobRun) -> None:
        answer = viewer.get("/runs/?since=nonsense&account=%00&status=odd&cursor=odd")
        page = answer.content.decode()
        assert answer.status_code == 200
        assert page.count('class="problem"') == 4
        assert f'id="run-{run.pk}"' in page

    def test_an_empty_list_names_the_filters_in_force(self, viewer: Client, run: SyncJobRun) -> None:
        page = viewer.get("/runs/?status=failed&q=nothing").content.decode()
        assert "No run matches" in page
        assert 'href="?status=failed"' in page
        assert 'href="?q=nothing"' in page

    def test_a_list_without_any_run_says_what_will_be_there(self, operator: Client) -> None:
        assert "No runs yet" in operator.get("/runs/").content.decode()

    def test_a_chosen_account_beyond_the_first_ones_stays_in_the_form(self, viewer: Client, run: SyncJobRun) -> None:
        names = [f"a{number:03}" for number in range(MOST_CHOICES)]
        rows = [IntegratedAccount(tenant_id=name, environment=run.environment) for name in names]
        for row in rows:
            row.integration_id = run.integrated_account.integration_id
        IntegratedAccount.objects.bulk_create(rows)
        page = viewer.get(f"/runs/?account={run.integrated_account_id}").content.decode()
        assert f'<option value="{run.integrated_account_id}" selected>acme</option>' in page


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

    def test_cost_the_same_however_many_rows_they_show(
        self, viewer: Client, many: list[SyncJobRun], django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        states.running(many[0])
        with django_assert_max_num_queries(6 + 4):  # session, user and two of permissions are not the list's
            assert len(viewer.get("/runs/").context["lines"]) == 50


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
