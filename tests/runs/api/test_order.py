"""Lists in both directions of time: every row once, whatever arrives between two pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from runs.models import SyncJobRun
from tests.runs import rows
from tests.runs.api.program import Program, failure_paths

pytestmark = pytest.mark.django_db


@pytest.fixture
def many(db: None) -> list[SyncJobRun]:
    return rows.runs(12)


def ids(found: list[Any]) -> list[str]:
    return [str(row["id"] if isinstance(row, dict) else row.id) for row in found]


def arrive(run: SyncJobRun, count: int, *, start: Any) -> list[SyncJobRun]:
    return rows.runs(count, integrated_account=run.integrated_account, sync_job=run.sync_job, start=start)


@pytest.mark.parametrize("limit", [1, 4, 5, 12, 13])
def test_each_order_shows_every_row_once(program: Program, many: list[SyncJobRun], limit: int) -> None:
    assert ids(program.all_of(f"/sync-job-run?order=asc&limit={limit}")) == ids(many)
    assert ids(program.all_of(f"/sync-job-run?order=desc&limit={limit}")) == ids(many[::-1])


def test_the_newest_come_first_unless_asked_otherwise(program: Program, many: list[SyncJobRun]) -> None:
    for query in ("", "?order=", "?order=desc"):
        assert ids(program.get(f"/sync-job-run{query}").json()["result"]) == ids(many[::-1])


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [3, 4, 6, 12])
def test_a_full_last_page_has_no_cursor(program: Program, many: list[SyncJobRun], order: str, limit: int) -> None:
    cursor, sizes = "", []
    while cursor is not None:
        page = program.get(f"/sync-job-run?order={order}&limit={limit}&next_cursor={cursor}").json()
        sizes.append(len(page["result"]))
        cursor = page["next_cursor"]
    assert sizes == [limit] * (12 // limit)


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_rows_that_arrive_at_either_end_between_two_pages_move_nothing(
    program: Program, many: list[SyncJobRun], order: str
) -> None:
    first = program.get(f"/sync-job-run?order={order}&limit=5").json()
    earlier = arrive(many[0], 3, start=rows.NOON - timedelta(hours=1))
    later = arrive(many[0], 3, start=rows.NOON + timedelta(hours=1))
    rest = program.all_of(f"/sync-job-run?order={order}&limit=5", first["next_cursor"])

    seen = ids(first["result"] + rest)
    expected = [*many, *later] if order == "asc" else [*many[::-1], *earlier[::-1]]
    assert seen == ids(expected)


def test_rows_of_one_instant_keep_their_order(program: Program) -> None:
    rows.runs(9, step=timedelta(0))
    forwards = ids(program.all_of("/sync-job-run?order=asc&limit=2"))
    assert len(set(forwards)) == 9
    assert ids(program.all_of("/sync-job-run?order=desc&limit=2")) == forwards[::-1]


def test_filters_and_order_go_together(program: Program, many: list[SyncJobRun]) -> None:
    since = "created_at[gte]=2026-11-24T12:00:06Z"
    assert ids(program.all_of(f"/sync-job-run?{since}&order=asc&limit=2")) == ids(many[6:])


def test_a_cursor_of_the_other_order_is_refused(program: Program, many: list[SyncJobRun]) -> None:
    for order, other in (("asc", "desc"), ("desc", "asc")):
        cursor = program.get(f"/sync-job-run?order={order}&limit=2").json()["next_cursor"]
        assert failure_paths(program.get(f"/sync-job-run?order={other}&next_cursor={cursor}")) == ["next_cursor"]


def test_a_cursor_on_another_list_is_only_a_time(program: Program, many: list[SyncJobRun]) -> None:
    """It opens nothing: the other list goes on at that time, within the token's environment."""
    cursor = program.get("/sync-job-run?limit=2").json()["next_cursor"]
    assert program.get(f"/integration?next_cursor={cursor}").json()["result"] == []


@pytest.mark.parametrize("order", ["newest", "ASC", "-created_at"])
def test_an_unknown_order_is_refused(program: Program, order: str) -> None:
    assert failure_paths(program.get(f"/sync-job-run?order={order}")) == ["order"]


def test_events_and_errors_take_an_order_too(program: Program, run: SyncJobRun) -> None:
    program.post(f"/sync-job-run/{run.id}/stop")
    kinds = [row["kind"] for row in program.all_of(f"/sync-job-run/{run.id}/event?order=asc&limit=1")]
    assert kinds[0] == "created"
    assert kinds[::-1] == [row["kind"] for row in program.all_of(f"/sync-job-run/{run.id}/event?limit=1")]
