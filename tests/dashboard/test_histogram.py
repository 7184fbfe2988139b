"""The last day as bars: their numbers, their links, and what is said when they can't be counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from dashboard.histogram import BARS, HEIGHT, LEAST, first_half_hour, histogram
from runs.models import SyncJobRun
from tests.dashboard import states
from tests.dashboard.conftest import HTMX

NOW = datetime(2026, 11, 24, 12, 10, tzinfo=UTC)
HERE = int(NOW.timestamp()) // 1800


class TestBars:
    def test_cover_a_day_and_the_last_one_holds_now(self) -> None:
        bars = histogram([], NOW).bars
        assert len(bars) == BARS
        assert bars[0].start == first_half_hour(NOW) == datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
        assert bars[-1].start <= NOW < bars[-1].end

    def test_are_stacked_on_each_other_with_the_failures_on_top(self) -> None:
        bar = histogram([(HERE, "failed", 5), (HERE, "completed", 15)], NOW).bars[-1]
        assert [(part.mark.word, part.height, part.y) for part in bar.slices] == [
            ("Completed", 30, HEIGHT - 30),
            ("Failed", 10, 0),
        ]
        assert bar.words == "15 completed, 5 failed"

    def test_one_failure_among_thousands_can_be_seen(self) -> None:
        bar = histogram([(HERE, "failed", 1), (HERE, "completed", 5000)], NOW).bars[-1]
        assert bar.slices[-1].height == LEAST
        assert bar.slices[-1].y >= 0

    def test_without_runs_are_gaps(self) -> None:
        drawn = histogram([(HERE - 1, "completed", 3)], NOW)
        assert [bar.total for bar in drawn.bars[-2:]] == [3, 0]
        assert drawn.bars[-1].slices == []

    def test_ignore_what_lies_outside_the_day(self) -> None:
        assert histogram([(HERE + 1, "failed", 3), (HERE - BARS, "failed", 3)], NOW).total == 0

    def test_sum_up(self) -> None:
        drawn = histogram([(HERE, "failed", 2), (HERE - 5, "failed", 1), (HERE, "running", 4)], NOW)
        assert (drawn.total, drawn.failed) == (7, 3)


class TestFragment:
    def fragment(self, client: Client, query: str = "") -> str:
        return client.get(f"/runs/histogram/?{query}", headers=HTMX).content.decode()

    def test_each_bar_is_a_link_to_its_half_hour(self, viewer: Client, run: SyncJobRun) -> None:
        at = timezone.now().replace(minute=10, second=0, microsecond=0) - timedelta(hours=3)
        states.change(run, created_at=at)
        start = at.replace(minute=0)
        since, until = (f"{moment:%Y-%m-%dT%H%%3A%M%%3A%S}" for moment in (start, start + timedelta(seconds=1799)))
        page = self.fragment(viewer, "trigger=api")
        assert f"?trigger=api&amp;since={since}.000Z&amp;until={until}.999Z" in page
        found = viewer.get(f"/runs/?trigger=api&since={since}.000Z&until={until}.999Z").content.decode()
        assert f'id="run-{run.pk}"' in found

    def test_tells_its_numbers_without_the_picture(self, viewer: Client, run: SyncJobRun) -> None:
        page = self.fragment(viewer)
        assert "<desc" in page
        assert "<td>1 waiting</td>" in page

    def test_shows_the_other_filters_and_not_the_window(self, viewer: Client, run: SyncJobRun) -> None:
        assert "1 run" in self.fragment(viewer, "since=2020-01-01&until=2020-01-02")
        assert "no runs in the last 24 hours" in self.fragment(viewer, "status=failed")

    def test_is_no_page(self, viewer: Client) -> None:
        assert viewer.get("/runs/histogram/?status=failed").url == "/runs/?status=failed"

    def test_does_not_show_another_environments_runs(self, outsider: Client, run: SyncJobRun) -> None:
        assert "no runs in the last 24 hours" in self.fragment(outsider)


@pytest.mark.django_db
def test_an_odd_address_is_no_fault(viewer: Client) -> None:
    assert viewer.get("/runs/histogram/?since=nonsense&account=%00&status=odd", headers=HTMX).status_code == 200
