"""What an address asks of the list of runs, and what it answers when the address is odd."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from runs.errors import InvalidInput
from runs.filters import RUN_FIELDS, RunFilter
from runs.lookups import where
from runs.models import Environment, RunStatus, RunTrigger, SyncJobRun
from runs.run_fields import FEW
from tests import factories
from tests.runs import rows

pytestmark = pytest.mark.django_db


def filtered(query: str) -> RunFilter:
    return RunFilter.from_params(QueryDict(query), Environment.objects.all())


def of_all_time(query: str) -> RunFilter:
    """The filter without its usual window, which the runs of these tests leave with the years."""
    return filtered(query if "since=" in query else f"{query}&since=all".removeprefix("&"))


def found(query: str) -> set[SyncJobRun]:
    return set(of_all_time(query).queryset())


def asked(query: str) -> set[SyncJobRun]:
    """The answer of the API's form of the same question."""
    return set(SyncJobRun.objects.filter(where(QueryDict(query), RUN_FIELDS)))


def reads(queries: CaptureQueriesContext) -> list[str]:
    """The statements that read rows; those that begin, end and bound a transaction are left out."""
    return [query["sql"] for query in queries if query["sql"].startswith("SELECT")]


@pytest.fixture
def cast(db: None) -> dict[str, SyncJobRun]:
    """Three runs of two jobs and two accounts, an hour apart."""
    account = factories.account()
    job = factories.job(integration=account.integration)
    other = factories.account(integration=account.integration, tenant_id="Globex")
    contacts = factories.job(integration=account.integration, label="Contacts nightly")
    common: dict[str, Any] = {"integrated_account": account, "sync_job": job}
    hour = timedelta(hours=1)
    return {
        "done": rows.runs(1, **common)[0],
        "failed": rows.runs(
            1,
            **common,
            status=RunStatus.FAILED,
            start=rows.NOON + hour,
            trigger=RunTrigger.SCHEDULE,
            error={"code": "http_error", "message": "500 from the source"},
            error_count=3,
        )[0],
        "running": rows.runs(
            1,
            integrated_account=other,
            sync_job=contacts,
            status=RunStatus.RUNNING,
            start=rows.NOON + 2 * hour,
            started_at=rows.NOON + 2 * hour,
            daemon_id="daemon-1",
        )[0],
    }


class TestRunFilter:
    def test_without_parameters_it_shows_all_newest_first(self, cast: dict[str, SyncJobRun]) -> None:
        assert list(of_all_time("").queryset()) == [cast["running"], cast["failed"], cast["done"]]

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ("status=failed", {"failed"}),
            ("status=failed&status=running", {"failed", "running"}),
            ("status=failed,running", {"failed", "running"}),
            ("status=", {"done", "failed", "running"}),
            ("trigger=schedule", {"failed"}),
            ("since=2026-11-24T13:00:00Z", {"failed", "running"}),
            ("until=2026-11-24T13:00:00Z", {"done", "failed"}),
            ("since=2026-11-24T13:00:00Z&until=2026-11-24T13:00:00Z", {"failed"}),
            ("until=2026-11-24", {"done", "failed", "running"}),
            ("until=2026-11-23", set()),
            ("since=2026-11-25", set()),
            ("q=globex", {"running"}),
            ("q=nightly", {"running"}),
            ("q=from the source", {"failed"}),
            ("q=nothing like it", set()),
        ],
    )
    def test_it_shows_what_the_address_asks_for(self, cast: dict[str, SyncJobRun], query: str, names: set[str]) -> None:
        assert found(query) == {cast[name] for name in names}

    def test_it_finds_by_job_and_account(self, cast: dict[str, SyncJobRun]) -> None:
        running = cast["running"]
        assert found(f"job={running.sync_job_id}") == {running}
        assert found(f"account={running.integrated_account_id}&status=failed") == set()

    def test_it_finds_a_run_by_its_id_or_the_start_of_it(self, cast: dict[str, SyncJobRun]) -> None:
        run_id = str(cast["done"].id)
        assert found(f"q={run_id}") == {cast["done"]}
        assert cast["done"] in found(f"q={run_id[:13].upper()}")
        assert cast["done"] not in found(f"q=f{run_id[1:13]}")

    @pytest.mark.parametrize(
        ("query", "name"),
        [
            ("status=exploded", "status"),
            ("account=a%00", "account"),
            ("job=%00", "job"),
            ("not_job=%00", "not_job"),
            ("not_status=exploded", "not_status"),
            ("resource=%00", "resource"),
            ("over=long", "over"),
            ("over=-5m", "over"),
            ("under=9999999d", "under"),
            ("errors=perhaps", "errors"),
            ("records=7", "records"),
            ("by=%00", "by"),
            ("job=" + "&job=".join(f"j{number}" for number in range(51)), "job"),
            ("trigger=magic", "trigger"),
            ("since=yesterday", "since"),
            ("until=2026-02-30", "until"),
            ("until=99999-01-01", "until"),
            ("q=a%00b", "q"),
        ],
    )
    def test_a_broken_value_is_told_and_filters_nothing(
        self, cast: dict[str, SyncJobRun], query: str, name: str
    ) -> None:
        asked_for = of_all_time(query) if name != "since" else filtered(f"{query}&until=2026-12-31")
        assert set(asked_for.errors) == {name}
        assert len(asked_for.queryset()) == 3

    def test_a_time_without_a_zone_is_one_of_the_readers_zone(self, cast: dict[str, SyncJobRun]) -> None:
        with timezone.override(ZoneInfo("Europe/Berlin")):
            assert filtered("since=2026-11-24T13:00").values["since"] == datetime(2026, 11, 24, 12, tzinfo=UTC)

    def test_a_bad_cursor_shows_the_first_page_and_says_so(self, cast: dict[str, SyncJobRun]) -> None:
        asked_for = of_all_time("")
        assert len(asked_for.page("junk").rows) == 3
        assert "cursor" in asked_for.errors

    def test_runs_of_environments_that_one_may_not_see_are_not_there(self, cast: dict[str, SyncJobRun]) -> None:
        stranger = factories.environment("Stranger")
        assert not RunFilter.from_params(QueryDict(""), Environment.objects.filter(pk=stranger.pk)).queryset()

    def test_a_page_takes_two_reads_whatever_its_size(self) -> None:
        rows.runs(30)
        with CaptureQueriesContext(connection) as queries:
            for run in of_all_time("").page(None, 30).rows:
                assert run.sync_job.label and run.integrated_account.integration.name and run.can("rerun")
        assert len(reads(queries)) == 2


class TestNegation:
    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ("not_status=failed", {"done", "running"}),
            ("not_status=failed&not_status=running", {"done"}),
            ("not_trigger=schedule", {"done", "running"}),
            ("not_job=nightly", {"done", "failed"}),
            ("not_account=globex", {"done", "failed"}),
            ("not_account=globex&status=failed", {"failed"}),
            ("job=nightly", {"running"}),
            ("account=GLOB", {"running"}),
            ("account=globex&account=acme", {"done", "failed", "running"}),
            ("q=-job:nightly", {"done", "failed"}),
            ("q=job:nightly status:running", {"running"}),
            ("q=-status:failed -status:running", {"done"}),
        ],
    )
    def test_leaves_out_what_it_names(self, cast: dict[str, SyncJobRun], query: str, names: set[str]) -> None:
        assert found(query) == {cast[name] for name in names}

    def test_of_more_names_than_are_looked_up_beforehand(self, cast: dict[str, SyncJobRun]) -> None:
        account = cast["done"].integrated_account
        for number in range(FEW):
            factories.account(integration=account.integration, tenant_id=f"acme {number}")
        assert found("not_account=acme") == {cast["running"]}
        assert found(f"account=acme&account={cast['running'].integrated_account_id}") == set(cast.values())

    def test_takes_ids_as_well_as_names(self, cast: dict[str, SyncJobRun]) -> None:
        job, account = cast["running"].sync_job_id, cast["running"].integrated_account_id
        assert found(f"not_job={job}") == found(f"not_account={account}") == {cast["done"], cast["failed"]}


class TestErrorsRecordsAndDuration:
    @pytest.fixture
    def timed(self, cast: dict[str, SyncJobRun]) -> dict[str, SyncJobRun]:
        """`done` took 90 s and fetched 5; `failed` 20 min; `running` runs for ever; `waiting` has not begun."""
        start = rows.NOON
        change = SyncJobRun.objects.filter
        change(pk=cast["done"].pk).update(started_at=start, finished_at=start + timedelta(seconds=90), fetched=5)
        change(pk=cast["failed"].pk).update(started_at=start, finished_at=start + timedelta(minutes=20))
        change(pk=cast["running"].pk).update(started_at=timezone.now() - timedelta(days=2))
        job, account = cast["done"].sync_job, cast["done"].integrated_account
        waiting = rows.runs(1, sync_job=job, integrated_account=account, status=RunStatus.CREATED)[0]
        return {**cast, "waiting": waiting}

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ("over=60s", {"done", "failed", "running"}),
            ("over=90s", {"failed", "running"}),
            ("over=1d", {"running"}),
            ("over=60s&under=1h", {"done", "failed"}),
            ("under=1m30s", set()),
            ("under=91", {"done"}),
            ("errors=yes", {"failed"}),
            ("errors=no", {"done", "running", "waiting"}),
            ("records=none", {"failed", "running", "waiting"}),
            ("records=some", {"done"}),
            ("by=nobody", set()),
        ],
    )
    def test_select_runs(self, timed: dict[str, SyncJobRun], query: str, names: set[str]) -> None:
        assert found(query) == {timed[name] for name in names}


def test_a_resource_is_looked_for_in_the_runs_entries() -> None:
    run = factories.run()
    assert found("resource=cities") == found("resource=cities&resource=elsewhere") == {run}
    assert found("resource=citie") == found("not_resource=cities") == set()


class TestWindow:
    @pytest.fixture
    def aged(self, db: None) -> dict[str, SyncJobRun]:
        account = factories.account()
        job = factories.job(integration=account.integration)
        now, common = timezone.now(), {"integrated_account": account, "sync_job": job}
        ages = {"new": 1, "older": 30, "old": 8 * 24}
        return {name: rows.runs(1, start=now - timedelta(hours=age), **common)[0] for name, age in ages.items()}

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ("", {"new", "older"}),
            ("status=completed", {"new", "older"}),
            ("since=24h", {"new"}),
            ("since=2h", {"new"}),
            ("since=30d", {"new", "older", "old"}),
            ("since=all", {"new", "older", "old"}),
            ("since=", {"new", "older"}),
            ("since=yesterday", {"new", "older"}),
            ("since=24h&since=30d", {"new", "older", "old"}),
        ],
    )
    def test_is_seven_days_unless_the_address_says_otherwise(
        self, aged: dict[str, SyncJobRun], query: str, names: set[str]
    ) -> None:
        assert set(filtered(query).queryset()) == {aged[name] for name in names}

    def test_is_none_where_the_address_says_until_when(self, aged: dict[str, SyncJobRun]) -> None:
        week_ago = (timezone.now() - timedelta(days=7)).isoformat().replace("+", "%2B")
        assert set(filtered(f"until={week_ago}").queryset()) == {aged["old"]}

    def test_is_none_for_a_whole_id_which_somebody_looks_for(self, aged: dict[str, SyncJobRun]) -> None:
        assert set(filtered(f"q={aged['old'].pk}").queryset()) == {aged["old"]}
        assert set(filtered(f"q={aged['old'].sync_job_id}").queryset()) == set(aged.values())

    def test_bounds_the_counts(self, aged: dict[str, SyncJobRun]) -> None:
        assert filtered("").status_counts()["completed"] == 2


class TestHalfHours:
    def test_are_counted_by_status_whatever_the_window(self, cast: dict[str, SyncJobRun]) -> None:
        noon = int(rows.NOON.timestamp()) // 1800
        counted = filtered("since=2h").half_hours(rows.NOON - timedelta(hours=1))
        assert sorted(counted) == [(noon, "completed", 1), (noon + 2, "failed", 1), (noon + 4, "running", 1)]
        assert filtered("status=failed").half_hours(rows.NOON) == [(noon + 2, "failed", 1)]

    def test_before_the_first_one_are_left_out(self, cast: dict[str, SyncJobRun]) -> None:
        assert len(filtered("").half_hours(rows.NOON + timedelta(minutes=30))) == 2


class TestKey:
    def test_is_one_for_all_who_ask_the_same(self) -> None:
        factories.environment()
        assert filtered("status=failed&q=x").key == filtered("q=x&status=failed&cursor=abc").key
        assert filtered("status=failed").key != filtered("status=running").key

    def test_differs_between_environments(self) -> None:
        ones = [Environment.objects.filter(pk=factories.environment(name).pk) for name in ("A", "B")]
        assert len({RunFilter.from_params(QueryDict(""), one).key for one in ones}) == 2


def test_newer_runs_are_counted_from_the_first_one_shown() -> None:
    old = rows.runs(3)
    asked_for = of_all_time("")
    page = asked_for.page(None)
    common = {"sync_job": old[0].sync_job, "integrated_account": old[0].integrated_account}
    rows.runs(4, start=rows.NOON + timedelta(hours=1), **common)
    rows.runs(1, start=rows.NOON - timedelta(hours=1), **common)
    assert page.first is not None
    assert (asked_for.newer(page.first, 100), asked_for.newer(page.first, 2)) == (4, 2)
    assert of_all_time("status=failed").newer(page.first, 100) == 0


class TestStatusCounts:
    def test_each_status_is_counted_within_the_other_filters(self, cast: dict[str, SyncJobRun]) -> None:
        counts = filtered("status=failed&until=2026-11-24T13:30:00Z").status_counts()
        assert counts == {"created": 0, "running": 0, "completed": 1, "failed": 1, "stopped": 0}

    def test_no_count_goes_beyond_the_cap(self) -> None:
        rows.runs(8)
        assert of_all_time("").status_counts(cap=5)["completed"] == 6

    def test_every_count_is_bounded_in_the_database(self) -> None:
        factories.environment()
        with CaptureQueriesContext(connection) as queries:
            filtered("").status_counts(cap=5)
        counts = [sql for sql in reads(queries) if "COUNT(" in sql]
        assert len(counts) == 5
        assert all("LIMIT 6" in sql for sql in counts)


class TestQueryString:
    @pytest.mark.parametrize(
        "query", ["", "status=failed&status=running&q=a+b", "status=exploded&since=2026-11-24&cursor=abc", "q=%C3%A9"]
    )
    def test_without_changes_it_is_the_address_again(self, query: str) -> None:
        assert filtered(query).query_string() == query

    @pytest.mark.parametrize(
        ("query", "plain"),
        [
            ("status=&q=+&account=x", "account=x"),
            ("status=failed&status=failed", "status=failed"),
            ("since=7d&since=2026-11-01", "since=2026-11-01"),
            ("q=timeout+status:failed+-job:%22a+b%22", "q=timeout&status=failed&not_job=a+b"),
            ("q=job:x&job=x", "job=x"),
        ],
    )
    def test_says_the_same_in_the_plainest_way(self, query: str, plain: str) -> None:
        assert filtered(query).query_string() == plain
        assert filtered(plain).query_string() == plain

    def test_none_removes_and_a_list_repeats(self) -> None:
        asked_for = filtered("status=failed&q=x")
        assert asked_for.query_string(q=None) == "status=failed"
        assert asked_for.query_string(status=["created", "running"]) == "q=x&status=created&status=running"

    def test_a_changed_filter_starts_again_at_the_first_page(self) -> None:
        assert filtered("status=failed&cursor=abc").query_string(status=None) == ""
        assert filtered("status=failed&cursor=abc").query_string(cursor="def") == "status=failed&cursor=def"


class TestWhere:
    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ("status=failed", {"failed"}),
            ("status[eq]=failed", {"failed"}),
            ("status[ne]=failed", {"done", "running"}),
            ("status[in]=failed,running", {"failed", "running"}),
            ("status[]=failed&status[]=running", {"failed", "running"}),
            ("status[0]=failed&status[1]=running", {"failed", "running"}),
            ("status[in][]=failed&status[in][]=running", {"failed", "running"}),
            ("status=failed&trigger=api", set()),
            ("error_count[gt]=0", {"failed"}),
            ("error_count[gte]=3", {"failed"}),
            ("error_count[lt]=3", {"done", "running"}),
            ("error_count[lte]=0", {"done", "running"}),
            ("daemon_id[ne]=daemon-1", {"done", "failed"}),
            ("started_at[ne]=2026-11-24T14:00:00Z", {"done", "failed"}),
            ("ignore_previous_run=false", {"done", "failed", "running"}),
            ("has_error=true", {"failed"}),
            ("has_error[ne]=true", {"done", "running"}),
            ("has_error=false", {"done", "running"}),
            ("fetched[gt]=0", set()),
            ("duration[gt]=1s&status=failed", set()),
            ("resource=elsewhere", set()),
            ("sync_job.integration_name=geo", {"done", "failed", "running"}),
            ("sync_job[integration_name]=geo&status=failed", {"failed"}),
            ("created_at[gt]=2026-11-24T13:00:00", {"running"}),
            ("created_at[gte]=2026-11-24T13:00:00", {"failed", "running"}),
            ("created_at[gt]=2026-11-24", {"done", "failed", "running"}),
            ("created_at[lt]=2026-11-24T14:00:00+01:00", {"done"}),
            ("created_at[lt]=2026-11-24T14:00:00%2B01:00", {"done"}),
            ("unknown=1&unknown[gt]=2&next_cursor=&limit=5", {"done", "failed", "running"}),
        ],
    )
    def test_it_selects_what_the_query_states(self, cast: dict[str, SyncJobRun], query: str, names: set[str]) -> None:
        assert asked(query) == {cast[name] for name in names}

    def test_times_compare_as_the_wire_shows_them(self) -> None:
        [run] = rows.runs(1, start=rows.NOON + timedelta(microseconds=123_456))
        shown = "2026-11-24T12:00:00.123Z"
        assert asked(f"created_at={shown}") == asked(f"created_at[lte]={shown}") == {run}
        assert asked(f"created_at[gte]={shown}") == {run}
        assert asked(f"created_at[gt]={shown}") == asked(f"created_at[lt]={shown}") == set()
        assert asked(f"created_at[ne]={shown}") == set()

    @pytest.mark.parametrize(
        ("query", "path"),
        [
            ("status=exploded", "status"),
            ("status[like]=a", "status[like]"),
            ("status[gt][lt]=a", "status[gt][lt]"),
            ("sync_job_id=7", "sync_job_id"),
            ("sync_job_id[in]=7,8", "sync_job_id[in]"),
            ("daemon_id=a%00b", "daemon_id"),
            ("version=" + "9" * 5000, "version"),
            ("version=9223372036854775808", "version"),
            ("version=1.5", "version"),
            ("version=", "version"),
            ("ignore_previous_run=yes", "ignore_previous_run"),
            ("has_error=perhaps", "has_error"),
            ("has_error[gt]=true", "has_error[gt]"),
            ("resource[lt]=cities", "resource[lt]"),
            ("resource=%00", "resource"),
            ("duration=long", "duration"),
            ("duration[gt]=", "duration[gt]"),
            ("created_at[gt]=soon", "created_at[gt]"),
            ("created_at[gt]=2026-13-01", "created_at[gt]"),
            ("created_at[gt]=0001-01-01T00:00:00%2B14:00", "created_at[gt]"),
            ("created_at[gt]=2026-01-01&created_at[gt]=2026-01-02", "created_at[gt]"),
            ("status[in]=" + ",".join(["failed"] * 1001), "status[in]"),
        ],
    )
    def test_a_bad_value_or_operator_is_refused_with_its_path(self, query: str, path: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            where(QueryDict(query), RUN_FIELDS)
        assert [failure.path for failure in refused.value.failures] == [path]

    def test_every_fault_is_listed_at_once(self) -> None:
        with pytest.raises(InvalidInput) as refused:
            where(QueryDict("status=a&version=b&created_at[gt]=c"), RUN_FIELDS)
        assert len(refused.value.failures) == 3

    def test_a_look_up_of_the_orm_is_not_a_field(self) -> None:
        assert not where(QueryDict("integrated_account__context__startswith=x&sync_job__label=y"), RUN_FIELDS)


def test_page_and_api_give_the_same_runs_for_random_filters(cast: dict[str, SyncJobRun]) -> None:
    draw = random.Random(20261124)
    choices = {
        "status": [("status=failed", "status=failed"), ("status=failed,running", "status[in]=failed,running")],
        "trigger": [("trigger=api", "trigger=api"), ("trigger=schedule", "trigger[eq]=schedule")],
        "account": [
            (f"account={run.integrated_account_id}", f"integrated_account_id={run.integrated_account_id}")
            for run in cast.values()
        ],
        "job": [(f"job={uuid4()}", f"sync_job_id={uuid4()}")],
        "since": [("since=2026-11-24T13:00:00Z", "created_at[gte]=2026-11-24T13:00:00Z")],
        "until": [("until=2026-11-24T13:00:00Z", "created_at[lte]=2026-11-24T13:00:00Z")],
    }
    for _ in range(20):
        pairs = [draw.choice(choices[name]) for name in draw.sample(sorted(choices), draw.randint(0, 3))]
        assert found("&".join(page for page, _ in pairs)) == asked("&".join(api for _, api in pairs))
