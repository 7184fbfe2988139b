"""Counts over time, drawn: where each part lies, and what belongs to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from dashboard.sparklines import BARS_HEIGHT, bars, sparkline
from runs.error_filters import WINDOWS

NOON = datetime(2026, 11, 24, 12, 20, tzinfo=UTC)
HOURS = [NOON.replace(hour=hour, minute=0) for hour in range(9, 13)]


def test_each_moment_belongs_to_the_part_that_it_lies_in() -> None:
    met = [(HOURS[0] - timedelta(minutes=1), 1), (HOURS[1], 2), (HOURS[2] - timedelta(seconds=1), 3), (NOON, 4)]
    assert [part.count for part in sparkline(met, HOURS).parts] == [1, 5, 0, 4]


def test_the_line_runs_from_edge_to_edge_over_a_baseline_of_zero() -> None:
    line = sparkline([(HOURS[1], 8), (HOURS[3], 4)], HOURS)
    assert line.points == "2,18 33,2 63,18 94,10"
    assert (line.total, line.peak.count, line.last.count) == (12, 8, 4)


def test_nothing_is_a_flat_line_and_no_bars() -> None:
    assert sparkline([], HOURS).points == "2,18 33,18 63,18 94,18"
    assert [part.height for part in bars([], HOURS).parts] == [0, 0, 0, 0]


def test_the_least_is_a_bar_that_can_be_seen() -> None:
    assert [part.height for part in bars([(HOURS[0], 10_000), (HOURS[1], 1)], HOURS).parts] == [BARS_HEIGHT, 2, 0, 0]


@pytest.mark.parametrize(("name", "first"), [("24h", "23 13:00"), ("7d", "17 13:00"), ("30d", "26 00:00")])
def test_a_window_has_equal_parts_up_to_now(name: str, first: str) -> None:
    edges = WINDOWS[name].edges(NOON)
    assert f"{edges[0]:%d %H:%M}" == first
    assert len({later - earlier for earlier, later in pairwise(edges)}) == 1
    assert edges[-1] <= NOON < edges[-1] + (edges[1] - edges[0])


def test_days_begin_at_the_readers_midnight_also_where_the_clock_was_changed() -> None:
    with timezone.override(ZoneInfo("Europe/Berlin")):
        edges = WINDOWS["30d"].edges(NOON - timedelta(days=20))
    assert {f"{edge:%H:%M}" for edge in edges} == {"00:00"}
    assert len({edge.utcoffset() for edge in edges}) == 2
