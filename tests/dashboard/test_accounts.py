"""The board of accounts: how fresh each is, narrowed, sorted, and paged by key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from dashboard.day_strip import DAYS, day_strips
from runs.account_filters import AccountState
from runs.models import (
    AccountDay,
    AccountFreshness,
    CronTrigger,
    Ending,
    Environment,
    IntegratedAccount,
    RunStatus,
    SyncJobRun,
    User,
)
from tests import factories
from tests.dashboard import states
from tests.dashboard.conftest import HTMX, logged_in
from tests.runs.engine.test_freshness import end

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def names(client: Client, query: str = "") -> list[str]:
    return [line.account.tenant_id for line in client.get(f"/accounts/{query}").context["lines"]]


def named(*tenants: str) -> list[IntegratedAccount]:
    integration = factories.integration()
    return [factories.account(integration=integration, tenant_id=tenant) for tenant in tenants]


# When a completed run is due, by the word for it.
DUE_IN = {"On time": None, "Late": timedelta(hours=1), "Overdue": timedelta(hours=-1)}


def make(trigger: CronTrigger, word: str) -> None:
    due_in, now = DUE_IN[word], timezone.now()
    due = None if due_in is None else now + due_in
    CronTrigger.objects.filter(pk=trigger.pk).update(completion_due_at=due, next_run_at=now + timedelta(hours=1))


class TestALine:
    def test_tells_when_a_run_last_completed_and_how_the_latest_one_went(self, viewer: Client, run: SyncJobRun) -> None:
        end(run, RunStatus.COMPLETED)
        failed = end(factories.run(account=run.integrated_account, job=run.sync_job), RunStatus.FAILED)
        page = viewer.get("/accounts/")
        [line] = page.context["lines"]
        assert line.freshness.last_completed_at == run.finished_at
        assert line.last_mark.word == "Failed"
        assert f'href="/runs/{failed.pk}/"' in page.content.decode()
        assert f'href="/accounts/{run.integrated_account_id}/"' in page.content.decode()

    def test_shows_the_live_run_first(self, viewer: Client, run: SyncJobRun) -> None:
        end(run, RunStatus.COMPLETED)
        live = [factories.run(account=run.integrated_account, job=run.sync_job, args={"n": n}) for n in range(3)]
        states.running(live[2])
        [line] = viewer.get("/accounts/").context["lines"]
        assert (line.live.run, line.live.others, line.live.mark.word) == (live[2], 2, "Running")

    def test_of_an_account_that_never_ran_has_no_zeros(self, viewer: Client, environment: Environment) -> None:
        named("acme")
        page = viewer.get("/accounts/").content.decode()
        assert "never" in page
        assert "No run ended in the last 14 days" in page
        assert "No schedule" in page

    def test_says_first_that_the_account_needs_credentials(self, viewer: Client, run: SyncJobRun) -> None:
        factories.trigger(account=run.integrated_account, job=run.sync_job)
        IntegratedAccount.objects.update(status="needs_reauth")
        [line] = viewer.get("/accounts/").context["lines"]
        assert line.mark.word == "Needs new credentials"

    @pytest.mark.parametrize("word", DUE_IN)
    def test_says_whether_data_is_on_time(self, viewer: Client, environment: Environment, word: str) -> None:
        make(factories.trigger(), word)
        [line] = viewer.get("/accounts/").context["lines"]
        assert line.mark.word == word
        assert line.next_slot

    def test_of_several_schedules_the_worst_counts(self, viewer: Client, environment: Environment) -> None:
        [account] = named("acme")
        for word in ("On time", "Overdue", "Late"):
            job = factories.job(integration=account.integration)
            make(factories.trigger(account=account, job=job), word)
        [line] = viewer.get("/accounts/").context["lines"]
        assert line.mark.word == "Overdue"

    def test_keeps_the_credentials_to_itself(self, viewer: Client, run: SyncJobRun) -> None:
        assert "t0k3n" not in viewer.get("/accounts/").content.decode()


class TestTheStrip:
    def of(self, account: IntegratedAccount, *rows: tuple[int, dict[str, int]]) -> Any:
        for age, counts in rows:
            AccountDay.objects.create(account=account, day=(NOW - timedelta(days=age)).date(), **counts)
        return day_strips([account.pk], NOW)[account.pk]

    @pytest.mark.django_db
    def test_has_a_cell_a_day_in_which_the_worst_wins(self) -> None:
        strip = self.of(
            factories.account(),
            (0, {"completed": 3, "failed": 1, "warned": 2}),
            (1, {"completed": 3, "stopped": 1}),
            (3, {"completed": 1234, "warned": 1}),
            (13, {"completed": 1}),
        )
        assert len(strip.days) == DAYS
        shown = {(NOW.date() - day.date).days: (day.worst, day.words) for day in strip.told}
        assert shown == {
            0: (Ending.FAILED, "1 failed, 2 completed with errors or warnings, 3 completed"),
            1: (Ending.STOPPED, "1 stopped, 3 completed"),
            3: (Ending.WARNED, "1 completed with errors or warnings, 1,234 completed"),
            13: (Ending.COMPLETED, "1 completed"),
        }
        assert strip.summary == "runs ended on 4 of the last 14 days, failures on 1 of them"

    @pytest.mark.django_db
    def test_ends_after_two_weeks_and_shows_a_gap_where_nothing_ended(self) -> None:
        strip = self.of(factories.account(), (14, {"failed": 1}))
        assert strip.told == []
        assert [kind for kind, _ in strip.shapes] == ["none"]

    @pytest.mark.django_db
    def test_is_told_apart_without_colours(self) -> None:
        rows = [(age, {ending.value: 1}) for age, ending in enumerate(Ending)]
        assert len({day.height for day in self.of(factories.account(), *rows).days}) == len(Ending) + 1

    def test_has_a_table_that_says_the_same(self, viewer: Client, run: SyncJobRun) -> None:
        end(run, RunStatus.FAILED)
        page = viewer.get("/accounts/").content.decode()
        assert "<td>1 failed</td>" in page
        assert page.count('class="day failed"') == page.count('class="day none"') == 1


class TestSorting:
    def test_is_by_name_without_regard_to_case(self, viewer: Client, environment: Environment) -> None:
        named("globex", "Acme", "Initech", "acme")
        assert names(viewer) in (["Acme", "acme", "globex", "Initech"], ["acme", "Acme", "globex", "Initech"])
        assert names(viewer, "?sort=-name")[:2] == ["Initech", "globex"]

    def test_by_freshness_begins_with_the_stalest(self, viewer: Client, environment: Environment) -> None:
        now = timezone.now()
        accounts = named("old", "new", "never")
        for account, age in zip(accounts, (5, 1), strict=False):
            AccountFreshness.objects.create(account=account, last_completed_at=now - timedelta(days=age))
        IntegratedAccount.objects.filter(tenant_id="never").update(created_at=now - timedelta(days=3))
        assert names(viewer, "?sort=fresh") == ["old", "never", "new"]
        assert names(viewer, "?sort=-fresh") == ["new", "never", "old"]

    def test_is_said_in_the_heads_of_the_columns(self, viewer: Client, environment: Environment) -> None:
        named("acme")
        page = viewer.get("/accounts/?sort=fresh&q=a").content.decode()
        assert page.count('aria-sort="ascending"') == 1
        assert 'href="?q=a&amp;sort=-fresh"' in page or 'href="?sort=-fresh&amp;q=a"' in page


class TestPages:
    @pytest.mark.parametrize("sort", ["name", "-name", "fresh", "-fresh"])
    def test_lead_through_all_accounts_and_back(
        self, viewer: Client, environment: Environment, sort: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        accounts = named(*(f"{'same' if n % 3 else ''}" for n in range(120)))
        at = timezone.now()
        IntegratedAccount.objects.update(created_at=at)
        for number, account in enumerate(accounts[:60]):
            age = timedelta(hours=number // 7)
            AccountFreshness.objects.create(account=account, last_completed_at=at - age)
        query, seen, first = f"?sort={sort}", [], None
        while query:
            context = viewer.get(f"/accounts/{query}").context
            page = [line.account.pk for line in context["lines"]]
            first = first or page
            seen += page
            back, query = context["newer"], context["older"] and f"?{context['older']}"
        assert len(seen) == len(set(seen)) == 120
        steps = 0
        while back:
            context = viewer.get(f"/accounts/?{back}").context
            back, steps = context["newer"], steps + 1
        assert [line.account.pk for line in context["lines"]] == first
        assert steps == 2

    def test_of_another_order_give_the_first_page_and_say_so(self, viewer: Client, environment: Environment) -> None:
        named(*(f"c{n:03}" for n in range(60)))
        cursor = viewer.get("/accounts/").context["older"]
        answer = viewer.get(f"/accounts/?sort=fresh&{cursor}")
        assert answer.status_code == 200
        assert "does not exist" in answer.content.decode()
        assert len(answer.context["lines"]) == 50

    def test_take_as_many_queries_for_fifty_accounts_as_for_one(
        self, superuser: User, run: SyncJobRun, django_assert_max_num_queries: Any
    ) -> None:
        client = logged_in(superuser)
        end(run, RunStatus.COMPLETED)
        integration, job = run.sync_job.integration, run.sync_job
        for number in range(49):
            account = factories.account(integration=integration, tenant_id=f"c{number}")
            make(factories.trigger(account=account, job=job), list(DUE_IN)[number % 3])
            if number % 2:
                end(factories.run(account=account, job=job), RunStatus.COMPLETED)
            else:
                factories.run(account=account, job=job)
        with django_assert_max_num_queries(8):
            assert len(client.get("/accounts/").context["lines"]) == 50


class TestFilters:
    @pytest.fixture
    def each_state(self, environment: Environment) -> None:
        accounts = named("overdue", "late", "on-time", "unscheduled", "reauth", "running")
        job = factories.job(integration=accounts[0].integration)
        for account, word in zip(accounts[:3], ("Overdue", "Late", "On time"), strict=True):
            make(factories.trigger(account=account, job=job), word)
        IntegratedAccount.objects.filter(tenant_id="reauth").update(status="needs_reauth")
        factories.run(account=accounts[5], job=job)

    @pytest.mark.parametrize(
        ("state", "found"),
        [
            ("overdue", ["overdue"]),
            ("late", ["late"]),
            ("on_time", ["on-time"]),
            ("reauth", ["reauth"]),
            ("running", ["running"]),
            ("unscheduled", ["reauth", "running", "unscheduled"]),
        ],
    )
    def test_by_state(self, viewer: Client, each_state: None, state: str, found: list[str]) -> None:
        assert names(viewer, f"?state={state}") == found

    def test_the_chips_count_what_the_filter_finds(self, viewer: Client, each_state: None) -> None:
        chips = viewer.get("/accounts/counts/", headers=HTMX).context["chips"]
        assert [chip.count for chip in chips] == [len(names(viewer, f"?state={state}")) for state in AccountState]
        assert viewer.get("/accounts/counts/").status_code == 302

    def test_the_chips_count_within_the_other_filters(self, viewer: Client, each_state: None) -> None:
        chips = viewer.get("/accounts/counts/?q=la&state=overdue", headers=HTMX).context["chips"]
        assert [chip.count for chip in chips] == [0, 1, 0, 0, 0, 0]
        assert [chip.chosen for chip in chips] == [True, False, False, False, False, False]

    def test_by_integration_and_by_a_part_of_the_name_or_the_id(self, viewer: Client, environment: Environment) -> None:
        [acme, _] = named("acme", "globex")
        other = factories.account(integration=factories.integration(name="crm"), tenant_id="acme too")
        assert names(viewer, "?q=CM") == ["acme", "acme too"]
        assert names(viewer, "?q=CM&integration=crm") == ["acme too"]
        assert names(viewer, f"?q={acme.pk}") == ["acme"]
        assert names(viewer, f"?q={other.pk}&integration=geo") == []

    def test_that_match_nothing_are_named(self, viewer: Client, environment: Environment) -> None:
        named("acme")
        page = viewer.get("/accounts/?q=globex&state=late").content.decode()
        assert "No account matches" in page
        assert "Clear all filters" in page

    @pytest.mark.parametrize("query", ["state=odd", "sort=odd", "q=%00", "integration=%00", "cursor=odd"])
    def test_that_cannot_be_read_say_so_and_filter_nothing(
        self, viewer: Client, environment: Environment, query: str
    ) -> None:
        named("acme")
        answer = viewer.get(f"/accounts/?{query}")
        assert (answer.status_code, len(answer.context["lines"])) == (200, 1)
        assert 'role="alert"' in answer.content.decode()

    def test_show_no_account_of_another_environment(self, outsider: Client, environment: Environment) -> None:
        named("acme")
        assert names(outsider) == []
        assert "No accounts yet" in outsider.get("/accounts/").content.decode()
