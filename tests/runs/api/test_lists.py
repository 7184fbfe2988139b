"""Lists: pages by cursor, limits, filters, and how much they ask of the database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from runs.models import RunStatus, RunStep, SyncJobRun
from tests import factories
from tests.runs import rows
from tests.runs.api.program import Program, failure_paths

pytestmark = pytest.mark.django_db

LISTS = ["/sync-job-run", "/sync-job", "/integration", "/integrated-account", "/record", "/daemon"]


@pytest.fixture
def many(db: None) -> list[SyncJobRun]:
    return rows.runs(250)


class TestPages:
    @pytest.mark.parametrize("path", LISTS)
    def test_an_empty_list_has_the_form_of_every_list(self, program: Program, path: str) -> None:
        assert program.get(path).json() == {"result": [], "next_cursor": None, "limit": 100}

    def test_following_the_cursors_shows_every_run_once_newest_first(
        self, program: Program, many: list[SyncJobRun]
    ) -> None:
        seen = [row["id"] for row in program.all_of("/sync-job-run")]
        assert seen == [str(run.id) for run in many[::-1]]

    def test_500_runs_inserted_between_two_pages_move_nothing(self, program: Program, many: list[SyncJobRun]) -> None:
        first = program.get("/sync-job-run?limit=100").json()
        run = many[0]
        rows.runs(
            500, integrated_account=run.integrated_account, sync_job=run.sync_job, start=rows.NOON + timedelta(days=1)
        )
        rest = program.all_of("/sync-job-run?limit=100", first["next_cursor"])
        assert len(rest) == 150
        second = program.get(f"/sync-job-run?limit=150&next_cursor={first['next_cursor']}").json()
        seen = [row["id"] for row in first["result"] + second["result"]]
        assert seen == [str(run.id) for run in many[::-1]]
        assert second["next_cursor"] is None

    @pytest.mark.parametrize(
        ("asked", "given"),
        [("", 100), ("1", 1), ("7", 7), ("1000", 1000), ("100000", 1000), ("9" * 30, 1000), ("0", 1)],
    )
    def test_the_limit_is_clamped(self, program: Program, asked: str, given: int) -> None:
        assert program.get(f"/sync-job-run?limit={asked}").json()["limit"] == given

    @pytest.mark.parametrize(
        ("query", "path"), [("limit=ten", "limit"), ("limit=--5", "limit"), ("next_cursor=junk", "next_cursor")]
    )
    def test_what_is_no_limit_or_cursor_is_failure_paths(self, program: Program, query: str, path: str) -> None:
        assert failure_paths(program.get(f"/sync-job-run?{query}")) == [path]

    @pytest.mark.parametrize("query", ["?", "?next_cursor=", "?next_cursor=&limit=", "?unknown=1&unknown[gt]=2"])
    def test_what_clients_send_besides_is_no_fault(self, program: Program, query: str) -> None:
        assert program.get(f"/sync-job-run{query}").status_code == 200


class TestFilters:
    def test_runs_are_filtered(self, program: Program) -> None:
        account = factories.account()
        job = factories.job(integration=account.integration)
        rows.runs(3, integrated_account=account, sync_job=job)
        rows.runs(2, integrated_account=account, sync_job=job, status=RunStatus.FAILED)

        def count(query: str) -> int:
            return len(program.get(f"/sync-job-run?{query}").json()["result"])

        assert count("status=failed") == 2
        assert count("status[in]=failed,completed") == 5
        assert count("status[in]=failed, completed") == 5
        assert count("status[]=failed") == 2
        assert count(f"sync_job_id={job.id}&status[ne]=failed") == 3
        assert count("ignore_previous_run=False") == 5
        assert count("created_at[gt]=2026-11-25") == 0
        assert count(f"integrated_account_id={account.environment_id}") == 0
        assert count(f"environment_id={account.environment_id}") == 5

    def test_accounts_are_found_by_tenant_and_integration(self, program: Program) -> None:
        account = factories.account()
        factories.account(integration=account.integration, tenant_id="globex")
        for query in ("tenant_id=globex", "tenant_id=globex&integration.name=geo", "tenant_id[in]=globex,x"):
            assert len(program.get(f"/integrated-account?{query}").json()["result"]) == 1
        assert program.get("/integrated-account?integration.name=zendesk").json()["result"] == []

    def test_jobs_are_found_by_integration(self, program: Program) -> None:
        factories.job()
        assert len(program.get("/sync-job?integration_name=geo").json()["result"]) == 1
        assert program.get("/sync-job?integration_name=zendesk").json()["result"] == []

    @pytest.mark.parametrize("field", ["updated_at", "stop_requested_at", "finished_at"])
    def test_a_time_that_the_database_has_set_equals_what_the_wire_shows(self, program: Program, field: str) -> None:
        run = rows.runs(1, status=RunStatus.CREATED)[0]
        moment = program.post(f"/sync-job-run/{run.id}/stop").json()[field]
        for operator, found in {"eq": 1, "ne": 0, "gte": 1, "lte": 1, "gt": 0, "lt": 0, "in": 1}.items():
            rows_found = program.get(f"/sync-job-run?{field}[{operator}]={moment}").json()["result"]
            assert len(rows_found) == found, operator

    @pytest.mark.parametrize(
        ("path", "query"),
        [
            ("/sync-job-run", "status=exploded"),
            ("/sync-job-run", "status[like]=x"),
            ("/sync-job-run", "sync_job_id=7"),
            ("/sync-job-run", "created_by=a%00b"),
            ("/sync-job", "id=" + "9" * 400),
            ("/sync-job", "default_runtime_version=" + "9" * 400),
            ("/integrated-account", "status=none"),
            ("/integration", "updated_at[gt]=soon"),
            ("/record", "updated_at[gt]=2026-02-30"),
            ("/daemon", "last_active_at[before]=2026-02-20"),
        ],
    )
    def test_a_bad_filter_is_refused_with_its_path(self, program: Program, path: str, query: str) -> None:
        assert failure_paths(program.get(f"{path}?{query}")) == [query.split("=")[0]]


class TestQueries:
    def test_a_page_of_runs_takes_the_same_few_queries_whatever_its_size(
        self, program: Program, many: list[SyncJobRun], django_assert_max_num_queries: Any
    ) -> None:
        RunStep.objects.bulk_create(
            RunStep(run=run, index=index, name=str(index), resource="countries", method="list", incremental_key="k")
            for run in many
            for index in range(3)
        )
        for limit in (1, 50, 250):
            with django_assert_max_num_queries(6):
                page = program.get(f"/sync-job-run?limit={limit}").json()
            assert len(page["result"]) == limit

    @pytest.mark.parametrize("path", ["/integrated-account", "/sync-job"])
    def test_so_do_the_other_lists(self, program: Program, path: str, django_assert_max_num_queries: Any) -> None:
        account = factories.account()
        for number in range(5):
            factories.account(integration=account.integration, tenant_id=str(number))
            factories.job(integration=account.integration)
        with django_assert_max_num_queries(3):
            assert len(program.get(path).json()["result"]) >= 5
