"""When each resource waited and worked: what is drawn for which run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboard.gantt import MOST, Gantt, Row, gantt
from runs.models import RunStatus, RunStep, StepStatus, SyncJobRun

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def run(queued: float = 0, end: float | None = 100, status: RunStatus = RunStatus.COMPLETED) -> SyncJobRun:
    ended = None if end is None else at(end)
    return SyncJobRun(status=status, created_at=at(-queued), started_at=at(0), finished_at=ended)


def step(start: float | None, end: float | None, status: StepStatus = StepStatus.COMPLETED, **over: Any) -> RunStep:
    values = {"name": "cities", "updated_at": NOON, **over}
    moments = {"started_at": None if start is None else at(start), "finished_at": None if end is None else at(end)}
    return RunStep(status=status, **moments, **values)


def drawn(run: SyncJobRun, *steps: RunStep, now: float = 100) -> Gantt:
    chart = gantt(run, steps, at(now))
    assert chart is not None
    return chart


def row(run: SyncJobRun, of: RunStep, now: float = 100) -> Row:
    return drawn(run, of, now=now).rows[0]


def test_a_resource_waits_and_then_works() -> None:
    found = row(run(), step(20, 70))
    assert found.waits and found.works
    assert (found.waits.x, found.waits.width) == (0, 20)
    assert (found.works.x, found.works.width) == (20, 50)
    assert (found.waited, found.worked) == (timedelta(seconds=20), timedelta(seconds=50))


def test_one_that_works_at_once_has_not_waited() -> None:
    assert row(run(), step(0, 10)).waits is None


def test_one_at_work_is_open_to_the_present() -> None:
    found = row(run(end=None, status=RunStatus.RUNNING), step(50, None, StepStatus.RUNNING), now=200)
    assert found.works
    assert found.is_open
    assert found.works.end == 100


def test_one_that_was_not_reached_only_waited() -> None:
    found = row(run(), step(None, None, StepStatus.PENDING))
    assert found.waits
    assert (found.works, found.waits.width, found.is_open) == (None, 100, False)


def test_one_that_its_ended_run_cut_short_ends_with_it() -> None:
    found = row(run(status=RunStatus.STOPPED), step(50, None, StepStatus.RUNNING))
    assert found.works
    assert (found.works.end, found.is_open) == (100, False)


def test_the_queue_is_drawn_before_the_work() -> None:
    chart = drawn(run(queued=25, end=75), step(0, 75))
    assert chart.queue
    assert (chart.queue.x, chart.queue.width) == (0, 25)
    assert chart.rows[0].works
    assert chart.rows[0].works.x == 25


def test_a_long_queue_does_not_flatten_the_work() -> None:
    chart = drawn(run(queued=3600, end=75), step(0, 75))
    assert (chart.queue, chart.queued) == (None, timedelta(hours=1))
    assert chart.rows[0].works
    assert chart.rows[0].works.width == 100


@pytest.mark.parametrize("seconds", [1, 7, 100, 4_000, 90_000, 5_000_000])
def test_the_axis_has_a_few_round_marks(seconds: int) -> None:
    ticks = drawn(run(end=seconds), step(0, seconds)).ticks
    assert 1 <= len(ticks) <= 7
    assert ticks[0].x == 0
    assert all(0 <= tick.x <= 100 for tick in ticks)


def test_marks_are_written_short() -> None:
    assert [tick.words for tick in drawn(run(end=240), step(0, 240)).ticks] == ["0s", "1m", "2m", "3m", "4m"]


def test_of_many_resources_those_in_trouble_and_the_longest_are_drawn() -> None:
    steps = [step(0, 1 + n % 7, name=f"r{n}") for n in range(200)]
    steps[3] = step(0, 0.5, StepStatus.FAILED, name="failed")
    steps[5] = step(None, None, StepStatus.PENDING, name="not reached")
    chart = drawn(run(), *steps)
    names = [row.name for row in chart.rows]
    assert (len(names), chart.left_out) == (MOST, 140)
    assert "failed" in names
    assert "not reached" not in names
    assert names == sorted(names, key=[found.name for found in steps].index)


def test_a_run_that_has_not_started_is_not_drawn() -> None:
    assert gantt(SyncJobRun(status=RunStatus.CREATED, created_at=NOON), [step(None, None)], at(1)) is None
