"""Duration bars: what is drawn for which runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dashboard.charts import HEIGHT, LEAST, STEP, duration_bars
from runs.models import RunStatus, SyncJobRun

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def took(seconds: float | None, status: RunStatus = RunStatus.COMPLETED) -> SyncJobRun:
    if seconds is None:
        return SyncJobRun(status=status)
    return SyncJobRun(status=status, started_at=NOW - timedelta(seconds=seconds), finished_at=NOW)


def heights(*runs: SyncJobRun) -> list[int]:
    return [bar.height for bar in duration_bars(runs, NOW).bars]


def test_the_longest_run_fills_the_height() -> None:
    assert heights(took(50), took(100), took(25)) == [HEIGHT // 2, HEIGHT, HEIGHT // 4]


def test_a_bar_stands_on_the_baseline() -> None:
    assert all(bar.y + bar.height == HEIGHT for bar in duration_bars([took(1), took(7)], NOW).bars)


def test_the_shortest_run_can_still_be_seen() -> None:
    assert heights(took(0), took(10_000)) == [LEAST, HEIGHT]


def test_a_run_that_never_started_is_a_gap() -> None:
    assert heights(took(None, RunStatus.STOPPED), took(5)) == [0, HEIGHT]


def test_a_live_run_is_as_long_as_it_has_taken() -> None:
    running = SyncJobRun(status=RunStatus.RUNNING, started_at=NOW - timedelta(seconds=10))
    assert heights(took(20), running) == [HEIGHT, HEIGHT // 2]


def test_usual_is_the_median_of_what_completed() -> None:
    chart = duration_bars([took(10), took(20), took(60), took(9999, RunStatus.FAILED)], NOW)
    assert chart.usual == timedelta(seconds=20)
    assert duration_bars([took(5, RunStatus.FAILED)], NOW).usual is None


def test_a_run_far_beyond_the_others_is_cut_and_leaves_them_their_height() -> None:
    chart = duration_bars([*(took(100) for _ in range(9)), took(100_000)], NOW)
    assert [bar.height for bar in chart.bars] == [HEIGHT] * 10
    assert [bar.is_broken for bar in chart.bars] == [False] * 9 + [True]
    assert chart.is_cut


def test_several_odd_ones_do_not_flatten_the_others_either() -> None:
    chart = duration_bars([*(took(100) for _ in range(28)), took(100_000), took(90_000)], NOW)
    assert [bar.height for bar in chart.bars] == [HEIGHT] * 30
    assert [bar.is_broken for bar in chart.bars].count(True) == 2


def test_a_run_a_little_beyond_the_others_is_drawn_whole() -> None:
    chart = duration_bars([*(took(100) for _ in range(9)), took(140)], NOW)
    assert not chart.is_cut
    assert chart.bars[0].height < chart.bars[-1].height == HEIGHT


def test_of_a_few_runs_none_is_cut() -> None:
    assert not duration_bars([took(1), took(1), took(10_000)], NOW).is_cut


def test_no_runs_are_no_bars() -> None:
    assert duration_bars([], NOW).bars == []
    assert duration_bars([took(1)] * 3, NOW).width == 3 * STEP
